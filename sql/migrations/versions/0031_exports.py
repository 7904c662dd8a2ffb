"""exports: which exports there are, who asked for them and where they went, for the page that lists them."""

from alembic import op

revision = "0031"
down_revision = "0030"

TABLE = """
CREATE TABLE exports (
  id            text        PRIMARY KEY,
  requested_by  text        NOT NULL,
  format        text        NOT NULL,
  filter        jsonb       NOT NULL,
  root          text        NOT NULL,
  folder        text        NOT NULL,
  run_url       text        NOT NULL,
  started_at    timestamptz NOT NULL DEFAULT now(),
  ended_at      timestamptz,
  rows          bigint,
  files         integer,
  bytes         bigint,
  error         text,
  CHECK ((ended_at IS NULL) = (files IS NULL AND error IS NULL)),
  CHECK ((files IS NULL) = (rows IS NULL) AND (files IS NULL) = (bytes IS NULL))
);
CREATE INDEX exports_by_time ON exports (started_at DESC, id DESC);
DROP INDEX replays_by_time;
CREATE INDEX replays_by_time ON replays (started_at DESC, id DESC);
CREATE INDEX replay_trades_by_outcome ON replay_trades (replay_id, outcome, trade_signal_id);

COMMENT ON TABLE exports IS 'Runs of export_trades: trades written into files';
COMMENT ON COLUMN exports.id IS 'The run id in Airflow; clearing that run writes this export again';
COMMENT ON COLUMN exports.requested_by IS 'The Airflow user who triggered it';
COMMENT ON COLUMN exports.filter IS 'The conditions that were given, in the words of the form';
COMMENT ON COLUMN exports.root IS 'The allowed location below which it lies: a folder or s3://bucket/prefix';
COMMENT ON COLUMN exports.folder IS 'Where below the root its files and its manifest.json are';
COMMENT ON COLUMN exports.ended_at IS 'When it was whole, or failed; NULL: it goes on, or died';
COMMENT ON COLUMN exports.error IS 'Why it failed, in words; NULL: it has not';
"""


def upgrade() -> None:
    """Make the table; exports of before are in their places only, where nothing says who asked for them."""
    op.execute(TABLE)


def downgrade() -> None:
    """Drop the list; the files and their manifests stay where they are."""
    op.execute("DROP TABLE exports")
    op.execute("DROP INDEX replays_by_time, replay_trades_by_outcome")
    op.execute("CREATE INDEX replays_by_time ON replays (started_at)")
