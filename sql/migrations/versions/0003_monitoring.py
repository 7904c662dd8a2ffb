"""monitoring: error log, performance metrics, user feedback."""

from alembic import op

from sql.migrations.adoption import add_constraint, add_primary_key, drop_empty, make_or_adopt

revision = "0003"
down_revision = "0002"

ERRORS = """
    id               uuid NOT NULL DEFAULT gen_random_uuid()
    timestamp        timestamptz NOT NULL DEFAULT now()
    error_type       text NOT NULL
    error_message    text NOT NULL
    error_stack      text
    user_id          uuid
    trade_signal_id  uuid
    context          jsonb DEFAULT '{}'
    severity         text NOT NULL DEFAULT 'medium'
"""

METRICS = """
    id               uuid NOT NULL DEFAULT gen_random_uuid()
    timestamp        timestamptz NOT NULL DEFAULT now()
    metric_type      text NOT NULL
    metric_name      text NOT NULL
    value            numeric NOT NULL
    unit             text NOT NULL DEFAULT 'ms'
    user_id          uuid
    trade_signal_id  uuid
    metadata         jsonb DEFAULT '{}'
"""

FEEDBACK = """
    id               uuid NOT NULL DEFAULT gen_random_uuid()
    timestamp        timestamptz NOT NULL DEFAULT now()
    user_id          uuid
    feedback_type    text NOT NULL
    rating           integer
    comment          text
    trade_signal_id  uuid
    metadata         jsonb DEFAULT '{}'
"""

CHECKS = {
    "atge_error_logs": {
        "error_type": "error_type IN ('api', 'database', 'generation', 'backtesting', 'analysis', "
        "'frontend')",
        "severity": "severity IN ('low', 'medium', 'high', 'critical')",
    },
    "atge_performance_metrics": {
        "metric_type": "metric_type IN ('api_response', 'database_query', 'generation_time', "
        "'backtest_time', 'analysis_time')",
        "unit": "unit IN ('ms', 'seconds', 'count')",
    },
    "atge_user_feedback": {
        "feedback_type": "feedback_type IN ('trade_accuracy', 'ui_experience', 'performance', "
        "'feature_request', 'bug_report')",
        "rating": "rating BETWEEN 1 AND 5",
    },
}

INDEXES = """
CREATE INDEX IF NOT EXISTS atge_error_logs_by_time ON atge_error_logs (timestamp DESC);
CREATE INDEX IF NOT EXISTS atge_error_logs_critical ON atge_error_logs (timestamp DESC)
  WHERE severity = 'critical';
CREATE INDEX IF NOT EXISTS atge_performance_metrics_by_time ON atge_performance_metrics (timestamp DESC);
CREATE INDEX IF NOT EXISTS atge_performance_metrics_slowest
  ON atge_performance_metrics (metric_type, value DESC);
CREATE INDEX IF NOT EXISTS atge_user_feedback_by_time ON atge_user_feedback (timestamp DESC);
"""

# No foreign keys: a report about a trade or a user that is gone is still a report.
COMMENTS = """
COMMENT ON TABLE atge_error_logs IS 'Failures; each becomes a row first, then a message';
COMMENT ON COLUMN atge_error_logs.context IS 'Where it happened, without secrets and personal data';
COMMENT ON TABLE atge_performance_metrics IS 'One measurement a row';
COMMENT ON TABLE atge_user_feedback IS 'What users told us; kept for good';
"""


def upgrade() -> None:
    """Make the tables, or adopt the first platform's."""
    for view in ("atge_recent_critical_errors", "atge_performance_summary_24h", "atge_feedback_summary"):
        op.execute(f"DROP VIEW IF EXISTS {view}")  # the first platform's; they hold no data
    make_or_adopt("atge_error_logs", ERRORS)
    make_or_adopt("atge_performance_metrics", METRICS)
    make_or_adopt("atge_user_feedback", FEEDBACK)
    for table, checks in CHECKS.items():
        add_primary_key(table, "id")
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_trade_signal_id_fkey")
        for column, condition in checks.items():
            add_constraint(table, f"{table}_{column}_check", f"CHECK ({condition})")
    op.execute(INDEXES)
    op.execute(COMMENTS)


def downgrade() -> None:
    """Drop the tables, if they are empty."""
    drop_empty("atge_user_feedback", "atge_performance_metrics", "atge_error_logs")
