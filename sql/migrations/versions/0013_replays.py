"""replays: what was settled anew, by whom and why, and the results that stood before."""

from alembic import op

from sql.migrations.adoption import drop_empty

revision = "0013"
down_revision = "0012"

TABLES = """
CREATE TABLE replays (
  id            text        PRIMARY KEY,
  requested_by  text        NOT NULL,
  reason        text,
  dry_run       boolean     NOT NULL,
  redo          text[]      NOT NULL CHECK (
    cardinality(redo) > 0 AND redo <@ ARRAY['candles', 'settlement', 'analysis']
  ),
  filter        jsonb       NOT NULL,
  settings      jsonb       NOT NULL,
  run_url       text        NOT NULL,
  trades        integer     NOT NULL DEFAULT 0,
  left_out      jsonb       NOT NULL DEFAULT '{}',
  started_at    timestamptz NOT NULL DEFAULT now(),
  finished_at   timestamptz,
  report        jsonb,
  CHECK (dry_run OR reason ~ '\\S'),
  CHECK ((finished_at IS NULL) = (report IS NULL))
);
CREATE INDEX replays_by_time ON replays (started_at);

CREATE TABLE replay_batches (
  replay_id         text        NOT NULL REFERENCES replays (id) ON DELETE CASCADE,
  phase             text        NOT NULL CHECK (phase IN ('candles', 'settlement')),
  batch             integer     NOT NULL,
  worker            text,
  lease_expires_at  timestamptz,
  finished_at       timestamptz,
  counts            jsonb       NOT NULL DEFAULT '{}',
  PRIMARY KEY (replay_id, phase, batch)
);

CREATE TABLE replay_trades (
  replay_id        text    NOT NULL REFERENCES replays (id) ON DELETE CASCADE,
  batch            integer NOT NULL,
  trade_signal_id  uuid    NOT NULL,
  outcome          text    CHECK (outcome IN ('changed', 'unchanged', 'poor_data', 'skipped')),
  reason           text,
  analysis_redone  boolean,
  from_status      text,
  to_status        text,
  net_before       numeric,
  net_after        numeric,
  PRIMARY KEY (replay_id, batch, trade_signal_id)
);

CREATE TABLE trade_result_history (
  id               uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  trade_signal_id  uuid        NOT NULL REFERENCES trade_signals (id) ON DELETE CASCADE,
  replay_id        text        NOT NULL,
  replaced_at      timestamptz NOT NULL DEFAULT now(),
  replaced_by      text        NOT NULL,
  reason           text        NOT NULL,
  run_url          text        NOT NULL,
  status           text        NOT NULL,
  status_reason    text,
  completed_at     timestamptz,
  net_profit_loss  numeric,
  result           jsonb,
  CONSTRAINT trade_result_history_trade_replay_key UNIQUE (trade_signal_id, replay_id)
);
CREATE INDEX trade_result_history_by_time ON trade_result_history (replaced_at);

COMMENT ON TABLE replays IS 'Runs of replay_trades: settled trades looked at, or settled, once more';
COMMENT ON COLUMN replays.id IS 'The run id in Airflow; clearing that run goes on with this replay';
COMMENT ON COLUMN replays.requested_by IS 'The Airflow user who triggered it';
COMMENT ON COLUMN replays.reason IS 'Why, in that person''s words; a dry run needs none';
COMMENT ON COLUMN replays.dry_run IS 'Whether only a report was wanted';
COMMENT ON COLUMN replays.redo IS 'What was done again: candles, settlement, analysis';
COMMENT ON COLUMN replays.filter IS 'Which trades were asked for, as in the form';
COMMENT ON COLUMN replays.settings IS 'Rates, trade size and quality that it settles by, fixed at its start';
COMMENT ON COLUMN replays.run_url IS 'Opens the run in Airflow';
COMMENT ON COLUMN replays.trades IS 'Trades chosen';
COMMENT ON COLUMN replays.left_out IS 'How many trades fit the filter and are not replayed, by status';
COMMENT ON COLUMN replays.report IS 'What changed, or would change; null: not finished';
COMMENT ON TABLE replay_batches IS
  'The batches of a replay, each worked on under a lease; null finished_at: to do';
COMMENT ON COLUMN replay_batches.phase IS
  'candles: fetching again; settlement: settling again, or setting analyses aside';
COMMENT ON COLUMN replay_batches.worker IS 'The task that holds the lease; it takes it up when started anew';
COMMENT ON COLUMN replay_batches.counts IS 'What fetching brought: candles, and why symbols stayed short';
COMMENT ON TABLE replay_trades IS
  'The trades of a replay, with what became of each; kept for 30 days after its end. No foreign key to the '
  'trade: one that is deleted meanwhile is skipped';
COMMENT ON COLUMN replay_trades.outcome IS
  'Null: to do. changed: another result; poor_data: the candles held today are too few, so the former result '
  'stays; skipped: for the reason given';
COMMENT ON COLUMN replay_trades.analysis_redone IS 'Whether the analysis was set aside, to be written anew';
COMMENT ON COLUMN replay_trades.to_status IS 'The status after the replay; in a dry run: what it would be';
COMMENT ON COLUMN replay_trades.net_after IS 'US dollars after the replay; in a dry run: what it would be';
COMMENT ON TABLE trade_result_history IS 'Results that a replay replaced, whole';
COMMENT ON COLUMN trade_result_history.replay_id IS 'The replay that replaced it; its row may be gone by now';
COMMENT ON COLUMN trade_result_history.replaced_by IS 'Who';
COMMENT ON COLUMN trade_result_history.reason IS 'Why';
COMMENT ON COLUMN trade_result_history.status IS 'The status that the trade had';
COMMENT ON COLUMN trade_result_history.net_profit_loss IS 'US dollars, as it was';
COMMENT ON COLUMN trade_result_history.result IS
  'The row of trade_results as it was, see jsonb_populate_record(NULL::trade_results, result); null: none';
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them, if no replay was made."""
    drop_empty("replay_trades", "replay_batches", "replays", "trade_result_history")
