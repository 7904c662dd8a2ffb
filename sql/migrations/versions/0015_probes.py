"""probes: what became of each look at a service, outside or our own, and the quotas of the outside ones."""

from alembic import op

from sql.migrations.adoption import drop_empty

revision = "0015"
down_revision = "0014"

TABLE = """
CREATE TABLE probe_results (
  id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  service       text        NOT NULL,
  kind          text        NOT NULL CHECK (kind IN ('government', 'platform')),
  status        text        CHECK (status IN ('healthy', 'degraded', 'down')),
  reason        text        NOT NULL,
  checked_at    timestamptz NOT NULL,
  asked_at      timestamptz,
  check_every   interval    NOT NULL,
  latency_ms    numeric     CHECK (latency_ms >= 0),
  newest        timestamptz,
  expected_by   timestamptz,
  freshness     text,
  completeness  numeric     CHECK (completeness BETWEEN 0 AND 1),
  quota_used    integer,
  quota_limit   integer,
  quota_window  interval,
  answer        jsonb,
  sandbox       boolean     NOT NULL DEFAULT false,
  run_url       text        NOT NULL,
  CHECK (asked_at <= checked_at)
);
CREATE INDEX probe_results_by_service ON probe_results (service, checked_at DESC);
CREATE INDEX probe_results_by_time ON probe_results (checked_at);

COMMENT ON TABLE probe_results IS
  'What became of each look at a service, a row a look. Retention: setting keep_probe_results.';
COMMENT ON COLUMN probe_results.service IS 'fred, postgres, kraken, ...';
COMMENT ON COLUMN probe_results.status IS 'Null: nobody knows, since it was not asked: the reason says why';
COMMENT ON COLUMN probe_results.reason IS 'Why this status, in words without secrets';
COMMENT ON COLUMN probe_results.asked_at IS
  'When the service was really asked: earlier than checked_at where the answer of an earlier look is used '
  'again to spare its quota; null: it was not';
COMMENT ON COLUMN probe_results.check_every IS 'How often this look is repeated; far older is stale';
COMMENT ON COLUMN probe_results.latency_ms IS 'Of its answer, without the wait for our own rate limit';
COMMENT ON COLUMN probe_results.newest IS 'The newest filing or observation that it had';
COMMENT ON COLUMN probe_results.expected_by IS 'When the one after that is due by its publication calendar';
COMMENT ON COLUMN probe_results.freshness IS 'In words: fresh, or how late';
COMMENT ON COLUMN probe_results.completeness IS 'Share of the expected observations or fields, 0 to 1';
COMMENT ON COLUMN probe_results.quota_used IS
  'Of the limit that is nearest to being used up: calls in its window, by all machines';
COMMENT ON COLUMN probe_results.quota_window IS 'Null where the limit is no rate but a number at once';
COMMENT ON COLUMN probe_results.answer IS 'What the status was found from, for looks that use it again';
COMMENT ON COLUMN probe_results.sandbox IS 'A local imitation answered, not the service';
COMMENT ON COLUMN probe_results.run_url IS 'Opens the run that looked, in Airflow';
"""

# The limits live in the code; each admission writes down by which ones it counted, so that SQL can say how
# much of them is used.
LIMITS = """
CREATE TABLE http_limits (
  service  text                PRIMARY KEY,
  calls    integer[]           NOT NULL,
  windows  double precision[]  NOT NULL,
  CHECK (cardinality(calls) = cardinality(windows))
);
COMMENT ON TABLE http_limits IS 'The quota by which each outside service was called last';
COMMENT ON COLUMN http_limits.calls IS 'At most calls[i] ...';
COMMENT ON COLUMN http_limits.windows IS '... in any windows[i] seconds';
COMMENT ON TABLE http_calls IS
  'Calls within the longest window of a quota, and of the last hour. What lies ahead are the places of '
  'callers that wait';
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLE)
    op.execute(LIMITS)


def downgrade() -> None:
    """Drop them, if no result is stored."""
    drop_empty("probe_results")
    op.execute("DROP TABLE http_limits")  # the next calls would write it again
    op.execute(
        "COMMENT ON TABLE http_calls IS "
        "'Calls within the longest window of a quota. What lies ahead are the places of callers that wait'"
    )
