"""api: keys, limits of requests, and runs that were started by the API with their Idempotency-Keys."""

from alembic import op

from sql.migrations.adoption import drop_empty

revision = "0024"
down_revision = "0023"

TABLES = """
CREATE TABLE api_keys (
  id            uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  key_hash      bytea       NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
  prefix        text        NOT NULL,
  name          text        NOT NULL,
  user_id       uuid        NOT NULL,
  scopes        text[]      NOT NULL CHECK (scopes <@ '{read,write,operate}' AND scopes <> '{}'),
  made_by       text        NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  expires_at    timestamptz,
  last_used_at  timestamptz,
  revoked_at    timestamptz,
  revoked_by    text
);
COMMENT ON TABLE api_keys IS
  'Keys of the HTTP API. Each belongs to one user of the platform; the key itself is stored nowhere';
COMMENT ON COLUMN api_keys.key_hash IS 'SHA-256 of the key, which is 256 random bits';
COMMENT ON COLUMN api_keys.prefix IS 'How the key begins: people know it again by that';
COMMENT ON COLUMN api_keys.scopes IS
  'read; write: feedback, and work for the user; operate: all of it for every user';
COMMENT ON COLUMN api_keys.last_used_at IS 'Written at most once a minute';

CREATE TABLE api_limits (
  caller      text        PRIMARY KEY,
  busy_until  timestamptz NOT NULL
);
COMMENT ON TABLE api_limits IS
  'How full each caller''s bucket of requests is; see the function admit_api_call. Rows may be deleted';
COMMENT ON COLUMN api_limits.caller IS 'key:<id> or person:<login>';

CREATE TABLE api_runs (
  id               uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  dag_id           text        NOT NULL,
  user_id          uuid,
  trade_signal_id  uuid,
  started_by       text        NOT NULL,
  conf             jsonb       NOT NULL,
  idempotency_key  text,
  request_hash     bytea,
  asked_at         timestamptz NOT NULL DEFAULT now(),
  started_at       timestamptz,
  CHECK ((idempotency_key IS NULL) = (request_hash IS NULL))
);
COMMENT ON TABLE api_runs IS 'Runs of DAGs that were started by the HTTP API, for whom and by whom';
COMMENT ON COLUMN api_runs.id IS 'The run is called api__<id> in Airflow';
COMMENT ON COLUMN api_runs.user_id IS 'The user for whom it runs, who may ask after it; null: for all users';
COMMENT ON COLUMN api_runs.started_by IS 'key:<prefix>, person:<login>, or cron';
COMMENT ON COLUMN api_runs.idempotency_key IS 'As the client sent it; counts for 24 hours after asked_at';
COMMENT ON COLUMN api_runs.request_hash IS 'SHA-256 of path and body: one key, one request';
COMMENT ON COLUMN api_runs.started_at IS 'When Airflow took the run; null: it has not, or who asked it died';
CREATE UNIQUE INDEX api_runs_by_idempotency_key ON api_runs (started_by, idempotency_key);
CREATE INDEX api_runs_by_user ON api_runs (user_id, dag_id, asked_at DESC);
CREATE INDEX api_runs_by_time ON api_runs (asked_at);
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them; limits and runs are true for a day, keys are not made twice."""
    drop_empty("api_keys")
    op.execute("DROP TABLE api_limits, api_runs")
