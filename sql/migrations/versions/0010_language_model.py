"""language model: the calls and what they cost, the analyses and their history."""

from alembic import op
from sqlalchemy import text

from sql.migrations.adoption import drop_empty

revision = "0010"
down_revision = "0009"

CALLS = """
CREATE TABLE llm_calls (
  id                 uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  at                 timestamptz NOT NULL DEFAULT clock_timestamp(),
  day                date        NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'UTC')::date,
  purpose            text        NOT NULL CHECK (purpose IN ('post_mortem', 'signal', 'probe')),
  model_asked        text        NOT NULL,
  model_answered     text,
  prompt_tokens      integer     CHECK (prompt_tokens >= 0),
  completion_tokens  integer     CHECK (completion_tokens >= 0),
  reserved_usd       numeric     CHECK (reserved_usd >= 0),
  cost_usd           numeric     CHECK (cost_usd >= 0),
  seconds            numeric,
  outcome            text        NOT NULL,
  reason             text,
  lapses_at          timestamptz NOT NULL,
  trade_signal_id    uuid,
  user_id            uuid
);
CREATE INDEX llm_calls_by_day ON llm_calls (day, purpose, model_asked);
CREATE INDEX llm_calls_by_trade ON llm_calls (trade_signal_id, at) WHERE trade_signal_id IS NOT NULL;
CREATE INDEX llm_calls_under_way ON llm_calls (lapses_at) WHERE outcome = 'under_way';

CREATE TABLE llm_budget_days (
  day         date    NOT NULL PRIMARY KEY,
  spent_usd   numeric NOT NULL DEFAULT 0,
  budget_usd  numeric
);

COMMENT ON TABLE llm_calls IS
  'Each request to a language model: entered with its worst case before it is made, settled after it. A try '
  'that is repeated is a row of its own. No foreign keys: what was paid was paid.';
COMMENT ON COLUMN llm_calls.at IS 'When it was about to be made';
COMMENT ON COLUMN llm_calls.day IS 'The day in UTC whose budget pays';
COMMENT ON COLUMN llm_calls.model_asked IS 'The name that was asked for, by which it is priced';
COMMENT ON COLUMN llm_calls.model_answered IS 'The name that the provider gave in its answer';
COMMENT ON COLUMN llm_calls.prompt_tokens IS 'As the provider counted them; null: it did not say';
COMMENT ON COLUMN llm_calls.completion_tokens IS 'The same, thinking included';
COMMENT ON COLUMN llm_calls.reserved_usd IS
  'The most it could cost, US dollars: bytes of the prompt as tokens, and the longest answer allowed. Null: '
  'the model has no price';
COMMENT ON COLUMN llm_calls.cost_usd IS
  'US dollars, by the prices of the settings at that time; null: not known (no price, or no answer came)';
COMMENT ON COLUMN llm_calls.seconds IS 'From the request to its end';
COMMENT ON COLUMN llm_calls.outcome IS
  'answered, under_way, lost (its process died), budget_spent and unpriced (never made), or why there was no '
  'usable answer: refusal, content_filter, length, invalid, timeout, http_500, ...';
COMMENT ON COLUMN llm_calls.reason IS 'The same in words, without secrets';
COMMENT ON COLUMN llm_calls.lapses_at IS 'Under way no longer than this; then the reservation lapses';
COMMENT ON COLUMN llm_calls.trade_signal_id IS 'The trade that it was about';
COMMENT ON COLUMN llm_calls.user_id IS 'The user for whom it was';
COMMENT ON TABLE llm_budget_days IS
  'The daily budget of the language models (UTC), and the lock that makes processes ask one after another';
COMMENT ON COLUMN llm_budget_days.spent_usd IS
  'What counts against the budget: costs, and the worst case of calls whose cost nobody can know';
COMMENT ON COLUMN llm_budget_days.budget_usd IS 'The budget at the last call that had one';
"""

ANALYSES = """
CREATE TABLE trade_analyses (
  id               uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  trade_signal_id  uuid        NOT NULL REFERENCES trade_signals (id) ON DELETE CASCADE,
  model            text        NOT NULL,
  analysis         text        NOT NULL,
  detail           jsonb       NOT NULL,
  cost_usd         numeric,
  requested_by     text        NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  superseded_at    timestamptz
);
CREATE UNIQUE INDEX trade_analyses_current ON trade_analyses (trade_signal_id) WHERE superseded_at IS NULL;
CREATE INDEX trade_analyses_by_trade ON trade_analyses (trade_signal_id, created_at);

CREATE TABLE analysis_requests (
  claim_id         text        NOT NULL,
  trade_signal_id  uuid        NOT NULL REFERENCES trade_signals (id) ON DELETE CASCADE,
  batch            integer     NOT NULL,
  model            text        NOT NULL,
  redo             boolean     NOT NULL,
  requested_at     timestamptz NOT NULL DEFAULT now(),
  finished_at      timestamptz,
  outcome          text,
  reason           text,
  PRIMARY KEY (claim_id, trade_signal_id)
);
CREATE INDEX analysis_requests_by_batch ON analysis_requests (claim_id, batch) WHERE finished_at IS NULL;
CREATE INDEX analysis_requests_by_trade ON analysis_requests (trade_signal_id);

ALTER TABLE analysis_claims
  ALTER COLUMN attempts SET DEFAULT 0,
  ADD COLUMN failures integer NOT NULL DEFAULT 0,
  ADD COLUMN given_up_at timestamptz;

COMMENT ON TABLE trade_analyses IS
  'Every analysis that was written of a trade. The current one also stands in trade_results.ai_analysis';
COMMENT ON COLUMN trade_analyses.model IS 'The name that the provider gave; unknown: older than this table';
COMMENT ON COLUMN trade_analyses.analysis IS 'For a person to read';
COMMENT ON COLUMN trade_analyses.detail IS 'The answer in its schema, with model, tokens and cost';
COMMENT ON COLUMN trade_analyses.cost_usd IS
  'US dollars, of all answers that it took, rejected ones included; null: not known';
COMMENT ON COLUMN trade_analyses.requested_by IS 'The DAG and the run id that asked for it';
COMMENT ON COLUMN trade_analyses.superseded_at IS
  'When a newer analysis, or a new settlement of the trade, took its place; null: current';
COMMENT ON TABLE analysis_requests IS
  'The work lists of the runs of analyse_trades, and what became of each trade';
COMMENT ON COLUMN analysis_requests.claim_id IS 'analyse_trades and the run id';
COMMENT ON COLUMN analysis_requests.batch IS 'Key that the tasks of the run hand to each other';
COMMENT ON COLUMN analysis_requests.redo IS
  'Whether an analysis that is there is replaced (and kept as history)';
COMMENT ON COLUMN analysis_requests.finished_at IS 'Null: still to do; clearing the run goes on with these';
COMMENT ON COLUMN analysis_requests.outcome IS 'stored, not_needed, or why there was no usable answer';
COMMENT ON COLUMN analysis_requests.reason IS 'The same in words';
COMMENT ON COLUMN analysis_claims.attempts IS 'Tries that got an unusable answer; an outage is no try';
COMMENT ON COLUMN analysis_claims.failures IS 'Failures of any kind; each doubles the wait for the next try';
COMMENT ON COLUMN analysis_claims.given_up_at IS
  'No sweep tries again, for the reason in last_error; analyse_trades does, when it is told to';
"""

# What was analysed before there was a history.
HISTORY = """
INSERT INTO trade_analyses (trade_signal_id, model, analysis, detail, requested_by, created_at)
SELECT
  trade_signal_id, coalesce(ai_analysis_detail ->> 'model', 'unknown'), ai_analysis,
  coalesce(ai_analysis_detail, '{}'), 'before the history', coalesce(ai_analysis_generated_at, updated_at)
FROM trade_results
WHERE ai_analysis IS NOT NULL
"""


def upgrade() -> None:
    """Make the tables; the functions llm_reserve and llm_settle work on the first two."""
    op.execute(CALLS)
    op.execute(ANALYSES)
    op.execute(HISTORY)


def downgrade() -> None:
    """Drop them, if no call is on the books; of the analyses the current ones stay, in trade_results."""
    drop_empty("llm_calls")
    superseded = "SELECT EXISTS (SELECT FROM trade_analyses WHERE superseded_at IS NOT NULL)"
    if op.get_bind().execute(text(superseded)).scalar_one():
        raise RuntimeError(
            "trade_analyses holds former analyses, and the downgrade would drop them. Export and empty it "
            "first."
        )
    op.execute("DROP TABLE llm_budget_days, trade_analyses, analysis_requests")
    op.execute(
        "ALTER TABLE analysis_claims DROP COLUMN failures, DROP COLUMN given_up_at, "
        "ALTER COLUMN attempts DROP DEFAULT"
    )
