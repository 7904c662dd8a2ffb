"""candle_fetches: what was asked of the sources of candles, and when it may be asked again."""

from alembic import op

revision = "0006"
down_revision = "0005"

TABLE = """
CREATE TABLE candle_fetches (
  id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  symbol        text        NOT NULL,
  resolution    text,
  source        text        NOT NULL,
  start_at      timestamptz NOT NULL,
  end_at        timestamptz NOT NULL,
  fetched_at    timestamptz NOT NULL,
  ask_again_at  timestamptz NOT NULL,
  candles       integer     NOT NULL,
  outcome       text        NOT NULL CHECK (outcome IN ('answered', 'unknown_symbol', 'failed')),
  reason        text
);
CREATE INDEX candle_fetches_by_symbol ON candle_fetches (symbol, source, ask_again_at);
CREATE INDEX candle_fetches_by_time ON candle_fetches (fetched_at);

COMMENT ON TABLE candle_fetches IS
  'What the sources of candles were asked for. What one had nothing for is not asked of it again before '
  'ask_again_at. Rows are forgotten after 30 days.';
COMMENT ON COLUMN candle_fetches.symbol IS 'As the trades spell it';
COMMENT ON COLUMN candle_fetches.resolution IS 'Null: every resolution, the source does not know the symbol';
COMMENT ON COLUMN candle_fetches.start_at IS 'Open times from here on were asked for';
COMMENT ON COLUMN candle_fetches.end_at IS 'Open times before this were asked for';
COMMENT ON COLUMN candle_fetches.candles IS 'Candles that came and could be used';
COMMENT ON COLUMN candle_fetches.reason IS 'Why there was no answer, or what of it was refused, in words';
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(TABLE)


def downgrade() -> None:
    """Drop it, rows and all: the sources are asked once more."""
    op.execute("DROP TABLE candle_fetches")
