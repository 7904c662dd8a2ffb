"""http: circuit breakers and quotas of outside services, shared by all processes."""

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = """
CREATE TABLE http_services (
  service       text        PRIMARY KEY,
  state         text        NOT NULL DEFAULT 'closed' CHECK (state IN ('closed', 'open', 'half_open')),
  since         timestamptz NOT NULL DEFAULT clock_timestamp(),
  failures      integer     NOT NULL DEFAULT 0,
  last_failure  text,
  open_until    timestamptz,
  held_until    timestamptz
);

CREATE TABLE http_calls (
  service    text        NOT NULL,
  called_at  timestamptz NOT NULL,
  id         bigint      GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (service, called_at, id)
);

COMMENT ON TABLE http_services IS
  'Outside services: the circuit breaker of each, and the pause that it asked for';
COMMENT ON COLUMN http_services.since IS 'When this state began';
COMMENT ON COLUMN http_services.failures IS 'Failed attempts in a row';
COMMENT ON COLUMN http_services.last_failure IS 'What the latest of them said, without secrets';
COMMENT ON COLUMN http_services.open_until IS
  'open: nobody calls before; half_open: the answer of the trial call is waited for until then';
COMMENT ON COLUMN http_services.held_until IS 'Nobody calls before: the service said Retry-After';
COMMENT ON TABLE http_calls IS
  'Calls within the longest window of a quota. What lies ahead are the places of callers that wait';
"""


def upgrade() -> None:
    """Make the tables; the function http_admit works on them."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them, rows and all: breakers close, and quotas count from nothing."""
    op.execute("DROP TABLE http_calls, http_services")
