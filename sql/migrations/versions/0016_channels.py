"""alert delivery: threads, deliveries, silences."""

from alembic import op

from sql.migrations.adoption import drop_empty

revision = "0016"
down_revision = "0015"

TABLES = """
CREATE TABLE alert_silences (
  id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  matchers    jsonb       NOT NULL CHECK (jsonb_typeof(matchers) = 'object' AND matchers <> '{}'),
  author      text        NOT NULL CHECK (btrim(author) <> ''),
  reason      text        NOT NULL CHECK (btrim(reason) <> ''),
  starts_at   timestamptz NOT NULL DEFAULT now(),
  ends_at     timestamptz NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  ended_by    text,
  CHECK (ends_at > starts_at),
  CHECK (ends_at <= starts_at + interval '30 days')
);
CREATE INDEX alert_silences_by_end ON alert_silences (ends_at);

CREATE TABLE alert_threads (
  id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  channel        text        NOT NULL,
  subject        text        NOT NULL,
  opened_at      timestamptz NOT NULL DEFAULT now(),
  closed_at      timestamptz,
  messages       integer     NOT NULL DEFAULT 0,
  told_at        timestamptz,
  reference      jsonb       NOT NULL DEFAULT '{}',
  next_at        timestamptz NOT NULL DEFAULT now(),
  attempts       integer     NOT NULL DEFAULT 0,
  trouble        text,
  claimed_until  timestamptz
);
CREATE UNIQUE INDEX alert_threads_open ON alert_threads (channel, subject) WHERE closed_at IS NULL;
CREATE INDEX alert_threads_by_end ON alert_threads (closed_at);

CREATE TABLE alert_deliveries (
  notice_id   uuid        NOT NULL REFERENCES alert_notices (id) ON DELETE CASCADE,
  channel     text        NOT NULL,
  subject     text        NOT NULL,
  state       text        NOT NULL DEFAULT 'waiting' CHECK (state IN (
    'waiting', 'held', 'sent', 'dropped', 'failed')),
  reason      text,
  due_at      timestamptz NOT NULL,
  thread_id   bigint      REFERENCES alert_threads (id) ON DELETE SET NULL,
  message_id  uuid,
  attempts    integer     NOT NULL DEFAULT 0,
  response    text,
  settled_at  timestamptz,
  PRIMARY KEY (notice_id, channel),
  CHECK ((settled_at IS NULL) = (state IN ('waiting', 'held')))
);
CREATE INDEX alert_deliveries_open ON alert_deliveries (channel, subject, due_at) WHERE settled_at IS NULL;
CREATE INDEX alert_deliveries_by_message ON alert_deliveries (message_id);
CREATE INDEX alert_deliveries_by_thread ON alert_deliveries (thread_id);
CREATE INDEX alert_deliveries_sent ON alert_deliveries (channel, settled_at) WHERE state = 'sent';

CREATE INDEX atge_error_logs_unhealed ON atge_error_logs ((context ->> 'dag_id'), (context ->> 'task_id'))
  WHERE context ? 'dag_id' AND NOT context ? 'healed';
CREATE INDEX atge_error_logs_unadopted ON atge_error_logs (timestamp) WHERE context ? 'notice';

COMMENT ON TABLE alert_silences IS 'What is not told for a while: who said so, why, and until when';
COMMENT ON COLUMN alert_silences.matchers IS
  'Labels and what they must be, all of them; * stands for anything: {"rule": "cpu_*"}';
COMMENT ON COLUMN alert_silences.ended_by IS 'Who ended it before its time';
COMMENT ON TABLE alert_threads IS 'What a channel was told about one subject: a message and what followed';
COMMENT ON COLUMN alert_threads.subject IS 'What belongs together: a rule, a cause of failures, a digest';
COMMENT ON COLUMN alert_threads.reference IS
  'How the service names the first message, so that others follow it';
COMMENT ON COLUMN alert_threads.next_at IS
  'Nothing further is told before: growing intervals, or after a failure';
COMMENT ON COLUMN alert_threads.attempts IS 'Failed attempts in a row';
COMMENT ON COLUMN alert_threads.trouble IS 'Why the last attempt failed';
COMMENT ON COLUMN alert_threads.claimed_until IS 'A process is sending; when this has passed, it has died';
COMMENT ON TABLE alert_deliveries IS 'What became of each notice in each channel';
COMMENT ON COLUMN alert_deliveries.state IS
  'waiting; held: by a silence or another alert; sent; dropped: needs no telling; failed: given up';
COMMENT ON COLUMN alert_deliveries.message_id IS 'The message that carries it, with others of its subject';
COMMENT ON COLUMN alert_deliveries.response IS 'What the channel said last';
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them, if silences and deliveries are empty; threads without deliveries say nothing."""
    op.execute("DROP INDEX atge_error_logs_unhealed, atge_error_logs_unadopted")
    drop_empty("alert_deliveries", "alert_silences")
    op.execute("DROP TABLE alert_threads")
