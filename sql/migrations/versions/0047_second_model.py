"""second_model: who answered, whose budget pays, and which of two models fails and is left alone."""

from alembic import op
from sqlalchemy import text

revision = "0047"
down_revision = "0046"

COLUMNS = """
ALTER TABLE llm_calls ADD COLUMN choice text NOT NULL DEFAULT 'first' CHECK (choice IN ('first', 'second'));
ALTER TABLE llm_budget_days
  ADD COLUMN choice text NOT NULL DEFAULT 'first' CHECK (choice IN ('first', 'second')),
  DROP CONSTRAINT llm_budget_days_pkey,
  ADD PRIMARY KEY (day, choice);
ALTER TABLE llm_daily_totals
  ADD COLUMN choice text NOT NULL DEFAULT 'first' CHECK (choice IN ('first', 'second')),
  DROP CONSTRAINT llm_daily_totals_pkey,
  ADD PRIMARY KEY (day, purpose, model, choice, outcome);
ALTER TABLE trade_analyses
  ADD COLUMN choice text NOT NULL DEFAULT 'first' CHECK (choice IN ('first', 'second'));

ALTER TABLE llm_endpoints
  ADD COLUMN down_in_row integer NOT NULL DEFAULT 0 CHECK (down_in_row >= 0),
  ADD COLUMN down_since timestamptz,
  ADD COLUMN tried_until timestamptz,
  DROP CONSTRAINT llm_endpoints_paused_for_check,
  ADD CONSTRAINT llm_endpoints_paused_for_check CHECK (paused_for IN ('retry_after', 'alike', 'down'));

ALTER TABLE daily_kpis ADD COLUMN second_share numeric;

CREATE INDEX llm_calls_of_second ON llm_calls (at) WHERE choice = 'second';

COMMENT ON COLUMN llm_calls.choice IS
  'first: the model of the settings, or one that a person named; second: llm_second_model, in its place';
COMMENT ON COLUMN llm_budget_days.choice IS 'Whose budget: the first model''s or the second''s';
COMMENT ON COLUMN llm_daily_totals.choice IS 'As in llm_calls';
COMMENT ON COLUMN trade_analyses.choice IS 'Which model answered: as in llm_calls';
COMMENT ON COLUMN llm_endpoints.down_in_row IS
  'How many tries failed in a row, each after a pause; counted where there are two models';
COMMENT ON COLUMN llm_endpoints.down_since IS 'When the first of them failed';
COMMENT ON COLUMN llm_endpoints.tried_until IS
  'One question tries until then whether a model that was down works again; the others do not ask it';
COMMENT ON COLUMN llm_endpoints.paused_for IS
  'retry_after: the service asked for it; alike: see alike; down: it failed, and there is another model';
"""

BACK = """
UPDATE llm_endpoints SET paused_for = NULL, paused_at = NULL, paused_until = NULL WHERE paused_for = 'down';
ALTER TABLE llm_endpoints
  DROP COLUMN down_in_row,
  DROP COLUMN down_since,
  DROP COLUMN tried_until,
  DROP CONSTRAINT llm_endpoints_paused_for_check,
  ADD CONSTRAINT llm_endpoints_paused_for_check CHECK (paused_for IN ('retry_after', 'alike'));
DROP INDEX llm_calls_of_second;
ALTER TABLE daily_kpis DROP COLUMN second_share;
ALTER TABLE trade_analyses DROP COLUMN choice;
ALTER TABLE llm_daily_totals
  DROP CONSTRAINT llm_daily_totals_pkey,
  DROP COLUMN choice,
  ADD PRIMARY KEY (day, purpose, model, outcome);
ALTER TABLE llm_budget_days DROP CONSTRAINT llm_budget_days_pkey, DROP COLUMN choice, ADD PRIMARY KEY (day);
ALTER TABLE llm_calls DROP COLUMN choice;
"""


def upgrade() -> None:
    """Add the columns: what was called so far was called as the first model.

    The KPIs of a day get one more of them, which a function cannot take in place.
    """
    op.execute(COLUMNS)
    op.execute("DROP FUNCTION IF EXISTS measure_kpis(date) CASCADE")


def downgrade() -> None:
    """Take them away, if no second model was ever asked: its costs would become the first one's."""
    asked = (
        "SELECT EXISTS (SELECT FROM llm_daily_totals WHERE choice = 'second') "
        "OR EXISTS (SELECT FROM llm_budget_days WHERE choice = 'second' AND spent_usd > 0)"
    )
    if op.get_bind().execute(text(asked)).scalar_one():
        raise RuntimeError(
            "llm_daily_totals holds calls of a second model, and the downgrade would take them for the "
            "first one's. Export and delete them first."
        )
    op.execute("DELETE FROM llm_budget_days WHERE choice = 'second'")
    op.execute(BACK)
