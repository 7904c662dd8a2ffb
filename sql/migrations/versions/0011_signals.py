"""signals: attempts to generate one, the minute of each user, and what the sources of a snapshot said."""

from alembic import op

from sql.migrations.adoption import drop_empty

revision = "0011"
down_revision = "0010"

TABLES = """
CREATE TABLE signal_attempts (
  id                uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  request_key       text        NOT NULL UNIQUE,
  run_id            text        NOT NULL,
  run_url           text        NOT NULL,
  batch             integer     NOT NULL,
  user_id           uuid        NOT NULL,
  symbol            text        NOT NULL,
  timeframe         text        NOT NULL CHECK (timeframe IN ('15m', '1h', '4h', '1d', '1w')),
  outcome           text        NOT NULL DEFAULT 'working' CHECK (outcome IN (
    'working', 'stored', 'no_trade', 'refused', 'invalid_answer', 'model_failed', 'rate_limited', 'abandoned'
  )),
  reason            text,
  lease_expires_at  timestamptz NOT NULL,
  snapshot          jsonb,
  indicators        jsonb,
  recent_candles    jsonb,
  proposal          jsonb,
  asked             integer     NOT NULL DEFAULT 0,
  cost_usd          numeric,
  seconds           numeric     NOT NULL DEFAULT 0,
  trade_signal_id   uuid        REFERENCES trade_signals (id) ON DELETE SET NULL,
  requested_at      timestamptz NOT NULL DEFAULT now(),
  finished_at       timestamptz,
  CHECK (outcome IN ('working', 'stored') OR reason IS NOT NULL),
  CHECK ((outcome = 'working') = (finished_at IS NULL))
);
-- A user's second attempt waits for the first: their answers would compete for one minute.
CREATE UNIQUE INDEX signal_attempts_one_at_a_time ON signal_attempts (user_id) WHERE outcome = 'working';
CREATE UNIQUE INDEX signal_attempts_by_signal ON signal_attempts (trade_signal_id);
CREATE INDEX signal_attempts_by_run ON signal_attempts (run_id, batch);
CREATE INDEX signal_attempts_by_user ON signal_attempts (user_id, requested_at DESC);
CREATE INDEX signal_attempts_by_time ON signal_attempts (requested_at);

CREATE TABLE signal_slots (
  user_id          uuid        PRIMARY KEY,
  taken_at         timestamptz NOT NULL,
  trade_signal_id  uuid        NOT NULL
);

CREATE TABLE snapshot_parts (
  source       text        NOT NULL,
  symbol       text        NOT NULL,
  part         jsonb       NOT NULL,
  observed_at  timestamptz NOT NULL,
  fetched_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (source, symbol)
);

COMMENT ON TABLE signal_attempts IS
  'Every attempt to generate a signal and what became of it. Kept for 90 days.';
COMMENT ON COLUMN signal_attempts.request_key IS
  'Run, user, symbol and timeframe: a task that is repeated finds its attempt again';
COMMENT ON COLUMN signal_attempts.run_url IS 'Opens the run in Airflow';
COMMENT ON COLUMN signal_attempts.outcome IS
  'working; stored: there is a signal; no_trade: the model advises none; refused: the data of the market '
  'does not allow one; invalid_answer: twice an answer that cannot be used; model_failed; rate_limited: one '
  'a minute for each user; abandoned: its run died';
COMMENT ON COLUMN signal_attempts.reason IS 'Why there is no signal, in words';
COMMENT ON COLUMN signal_attempts.snapshot IS 'As trade_market_snapshot, plus what the candles lack';
COMMENT ON COLUMN signal_attempts.indicators IS
  'As trade_technical_indicators; before they are computed, what of the candles could not be collected';
COMMENT ON COLUMN signal_attempts.recent_candles IS
  'The newest candles that the model was shown: open time, open, high, low, close, volume';
COMMENT ON COLUMN signal_attempts.proposal IS 'The model''s last usable answer, as trade_signals';
COMMENT ON COLUMN signal_attempts.asked IS 'Questions put to the model';
COMMENT ON COLUMN signal_attempts.seconds IS 'Time spent on it, without waiting between the tasks';

COMMENT ON TABLE signal_slots IS
  'When each user got the last generated signal. Written by the trigger take_signal_slot, which refuses a '
  'second one within a minute.';
COMMENT ON TABLE snapshot_parts IS
  'The last answer of each source of a snapshot, used again for a few minutes. Sources of the sandbox are '
  'called sandbox:…';
COMMENT ON COLUMN snapshot_parts.symbol IS 'Empty: about the whole market';
COMMENT ON COLUMN snapshot_parts.observed_at IS 'The time that the source says its figures are of';
"""


def upgrade() -> None:
    """Make the tables. The trigger is in sql/functions/take_signal_slot.sql."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them; the ledger of attempts only if it is empty."""
    drop_empty("signal_attempts")
    op.execute("DROP TABLE snapshot_parts, signal_slots")
