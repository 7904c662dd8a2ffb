"""language model: the calls and what they cost, the analyses and their history."""

from alembic import op

from sql.migrations.adoption import drop_empty

revision = "0010"
down_revision = "0009"

CALLS = """
CREATE TABLE llm_calls (
  id                 uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  at                 timestamptz NOT NULL DEFAULT clock_timestamp(),
  day                date        NOT NULL GENERATED ALWAYS AS ((at AT TIME ZONE 'UTC')::date) STORED,
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


def upgrade() -> None:
    """Make the tables; the functions llm_reserve and llm_settle work on them."""
    op.execute(CALLS)


def downgrade() -> None:
    """Drop them, if no call is on the books."""
    drop_empty("llm_calls")
    op.execute("DROP TABLE llm_budget_days")
