"""model_costs: what the language models did and cost, by day, kept in totals."""

from alembic import op

revision = "0032"
down_revision = "0031"

TABLE = """
CREATE TABLE llm_daily_totals (
  day                date    NOT NULL,
  purpose            text    NOT NULL,
  model              text    NOT NULL,
  outcome            text    NOT NULL,
  calls              bigint  NOT NULL,
  prompt_tokens      bigint  NOT NULL,
  completion_tokens  bigint  NOT NULL,
  cost_usd           numeric NOT NULL,
  unknown_usd        numeric NOT NULL,
  unpriced_calls     bigint  NOT NULL,
  slowest_seconds    numeric,
  PRIMARY KEY (day, purpose, model, outcome)
);

COMMENT ON TABLE llm_daily_totals IS
  'The calls of language models in totals by day (UTC), purpose, model and outcome; total_model_calls writes '
  'them. They stay when retention takes the calls. The view llm_daily_costs shows them';
COMMENT ON COLUMN llm_daily_totals.calls IS 'May be 0, when the calls of an outcome have got another one';
COMMENT ON COLUMN llm_daily_totals.unknown_usd IS 'The most that calls whose cost is not known may have cost';
COMMENT ON COLUMN llm_daily_totals.unpriced_calls IS 'Calls of which not even that is known: no price';
"""

# What was called before there were totals.
TOTALS = """
INSERT INTO llm_daily_totals
SELECT
  day, purpose, model_asked, outcome, count(*),
  coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0),
  coalesce(sum(cost_usd) FILTER (WHERE cost_usd < 'Infinity'), 0),
  coalesce(sum(reserved_usd) FILTER (WHERE cost_usd IS NULL AND reserved_usd < 'Infinity'), 0),
  count(*) FILTER (WHERE cost_usd IS NULL AND reserved_usd IS NULL),
  max(seconds)
FROM llm_calls
GROUP BY day, purpose, model_asked, outcome
"""


# When the newest analysis was written, for the page of ages.
INDEX = "CREATE INDEX trade_analyses_by_time ON trade_analyses (created_at)"


def upgrade() -> None:
    """Make it. Nobody writes a call between the counting and the triggers, which come with the functions."""
    op.execute("LOCK TABLE llm_calls IN SHARE ROW EXCLUSIVE MODE")
    op.execute(TABLE)
    op.execute(TOTALS)
    op.execute(INDEX)


def downgrade() -> None:
    """Drop it: the calls themselves stay."""
    op.execute("DROP INDEX trade_analyses_by_time")
    op.execute("DROP TABLE llm_daily_totals")
