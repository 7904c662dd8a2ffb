"""alerts: rules in force, their states and history, and what people must be told."""

from alembic import op

from sql.migrations.adoption import drop_empty

revision = "0014"
down_revision = "0013"

TABLES = """
CREATE TABLE alert_rule_sets (
  hash        text        PRIMARY KEY,
  adopted_at  timestamptz NOT NULL DEFAULT now(),
  path        text        NOT NULL,
  content     jsonb       NOT NULL
);

CREATE TABLE alert_states (
  fingerprint         text        PRIMARY KEY,
  rule                text        NOT NULL,
  severity            text        NOT NULL CHECK (severity IN ('critical', 'warning', 'info')),
  labels              jsonb       NOT NULL DEFAULT '{}',
  state               text        NOT NULL CHECK (state IN (
    'normal', 'pending', 'firing', 'acknowledged', 'recovering', 'no_data', 'error')),
  since               timestamptz NOT NULL,
  observed            text        NOT NULL CHECK (observed IN ('bad', 'good', 'no_data', 'error')),
  held                interval    NOT NULL DEFAULT '0',
  evaluated_at        timestamptz NOT NULL,
  value               double precision,
  threshold           double precision,
  reason              text,
  fired_at            timestamptz,
  told_level          integer     NOT NULL DEFAULT 0,
  told_at             timestamptz,
  acknowledged_by     text,
  acknowledged_at     timestamptz,
  acknowledged_until  timestamptz,
  CHECK (state NOT IN ('firing', 'acknowledged', 'recovering') OR fired_at IS NOT NULL),
  CHECK (state NOT IN ('normal', 'pending') OR fired_at IS NULL)
);
CREATE INDEX alert_states_by_rule ON alert_states (rule);
CREATE INDEX alert_states_active ON alert_states (fired_at) WHERE fired_at IS NOT NULL;

CREATE TABLE alert_events (
  id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at           timestamptz NOT NULL,
  rule         text        NOT NULL,
  severity     text        NOT NULL,
  labels       jsonb       NOT NULL,
  fingerprint  text        NOT NULL,
  from_state   text        NOT NULL,
  to_state     text        NOT NULL,
  value        double precision,
  reason       text
);
CREATE INDEX alert_events_by_time ON alert_events (at);
CREATE INDEX alert_events_by_fingerprint ON alert_events (fingerprint, at);

CREATE TABLE alert_notices (
  id           uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  created_at   timestamptz NOT NULL DEFAULT now(),
  notice_key   text        NOT NULL UNIQUE,
  source       text        NOT NULL CHECK (source IN ('rule', 'failure', 'system')),
  kind         text        NOT NULL CHECK (kind IN (
    'firing', 'resolved', 'escalated', 'acknowledged', 'failure', 'healed', 'watchdog', 'digest',
    'silences')),
  fingerprint  text        NOT NULL,
  cause        text        NOT NULL,
  severity     text        NOT NULL CHECK (severity IN ('critical', 'warning', 'info')),
  title        text        NOT NULL,
  body         jsonb       NOT NULL DEFAULT '{}',
  labels       jsonb       NOT NULL DEFAULT '{}',
  owner        text        NOT NULL,
  runbook_url  text,
  link         text,
  channels     text[],
  level        integer     NOT NULL DEFAULT 1,
  handled_at   timestamptz
);
CREATE INDEX alert_notices_waiting ON alert_notices (created_at) WHERE handled_at IS NULL;
CREATE INDEX alert_notices_by_time ON alert_notices (created_at);
CREATE INDEX alert_notices_by_fingerprint ON alert_notices (fingerprint, created_at);

CREATE TABLE alert_evaluations (
  at          timestamptz      PRIMARY KEY,
  seconds     double precision NOT NULL,
  rule_set    text             NOT NULL,
  rules       integer          NOT NULL,
  instances   integer          NOT NULL,
  changes     integer          NOT NULL,
  notices     integer          NOT NULL,
  failed      jsonb            NOT NULL DEFAULT '{}'
);

CREATE TABLE system_samples (
  at       timestamptz      NOT NULL DEFAULT now(),
  host     text             NOT NULL,
  gauge    text             NOT NULL,
  subject  text             NOT NULL DEFAULT '',
  value    double precision NOT NULL,
  PRIMARY KEY (gauge, host, subject, at)
);
CREATE INDEX system_samples_by_time ON system_samples (at);
"""

# Rules name a metric and a window. With the rest of the row in the index the table itself need not be read.
INDEXES = """
CREATE INDEX IF NOT EXISTS atge_performance_metrics_by_series
  ON atge_performance_metrics (metric_type, metric_name, timestamp) INCLUDE (value, unit, user_id);
CREATE INDEX IF NOT EXISTS trade_signals_settled ON trade_signals (completed_at)
  WHERE status IN ('completed_success', 'completed_failure');
"""

COMMENTS = """
COMMENT ON TABLE alert_rule_sets IS
  'Rule files that were accepted; the one adopted last is in force. A broken file is never here';
COMMENT ON COLUMN alert_rule_sets.content IS 'The rules as the file says them';
COMMENT ON TABLE alert_states IS 'Where each alert stands: a row for a rule, a severity and a set of labels';
COMMENT ON COLUMN alert_states.fingerprint IS 'rule/severity, and /md5 of the labels where there are any';
COMMENT ON COLUMN alert_states.since IS 'When this state began';
COMMENT ON COLUMN alert_states.observed IS 'What the last evaluation saw; a stretch of the same is held';
COMMENT ON COLUMN alert_states.held IS
  'For how long evaluations saw the same: proof. A gap between evaluations counts two minutes at most';
COMMENT ON COLUMN alert_states.fired_at IS
  'When it began to fire; null: it does not. Kept while it is acknowledged, recovers, or has no data';
COMMENT ON COLUMN alert_states.told_level IS 'The highest escalation level told since it fires; 0: none';
COMMENT ON COLUMN alert_states.told_at IS 'The last notice that it fires: the cooldown counts from here';
COMMENT ON TABLE alert_events IS 'Every change of state; kept for 90 days';
COMMENT ON TABLE alert_notices IS
  'What people must be told, written in the transaction of what happened; delivery sets handled_at';
COMMENT ON COLUMN alert_notices.notice_key IS 'Says what is told; a repeated run writes nothing twice';
COMMENT ON COLUMN alert_notices.fingerprint IS 'Which alert or failure: the same from first word to last';
COMMENT ON COLUMN alert_notices.cause IS 'What belongs together in one message';
COMMENT ON COLUMN alert_notices.channels IS 'null: as the severity says';
COMMENT ON COLUMN alert_notices.level IS 'Escalation level, from 1';
COMMENT ON TABLE alert_evaluations IS 'The runs of the evaluation; kept for 7 days';
COMMENT ON COLUMN alert_evaluations.failed IS 'Sources that could not be read, and why';
COMMENT ON TABLE system_samples IS 'CPU, memory and disk of the machines that evaluate; kept for 7 days';
COMMENT ON COLUMN system_samples.subject IS 'What the gauge is of: a folder, for disk_percent';
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)
    op.execute(INDEXES)
    op.execute(COMMENTS)


def downgrade() -> None:
    """Drop them, if history and notices are empty; states and samples are taken anew."""
    drop_empty("alert_notices", "alert_events")
    op.execute("DROP TABLE alert_states, alert_rule_sets, alert_evaluations, system_samples")
    op.execute("DROP INDEX atge_performance_metrics_by_series, trade_signals_settled")
