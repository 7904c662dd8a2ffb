-- Does the chain of alerts work? One row, for a dead man's switch outside: look at it from where this database is
-- not. `alive`: rules were really evaluated within the last five minutes, and what people are to be told has gone out,
-- or nothing is to be told. A time in the future proves nothing: a clock was ahead.
CREATE OR REPLACE VIEW alert_chain_health WITH (security_invoker = true) AS
SELECT
  coalesce(last.at > now() - interval '5 minutes' AND last.rules > 0, false) AND late.notices = 0 AS alive,
  last.at AS evaluated_at,
  last.seconds,
  last.rules,
  last.failed,
  watchdog.created_at AS watchdog_told_at,
  watchdog.handled_at AS watchdog_delivered_at,
  waiting.notices AS notices_waiting,
  waiting.oldest AS oldest_waiting,
  late.notices AS notices_late
FROM (SELECT 1) AS one
LEFT JOIN LATERAL (
  SELECT * FROM alert_evaluations WHERE at <= now() + interval '1 minute' ORDER BY at DESC LIMIT 1
) AS last ON true
LEFT JOIN LATERAL (
  SELECT created_at, handled_at
  FROM alert_notices
  WHERE kind = 'watchdog' AND created_at BETWEEN now() - interval '1 day' AND now() + interval '1 minute'
  ORDER BY created_at DESC
  LIMIT 1
) AS watchdog ON true
LEFT JOIN LATERAL (
  SELECT count(*) AS notices, min(created_at) AS oldest FROM alert_notices WHERE handled_at IS NULL
) AS waiting ON true
CROSS JOIN LATERAL (
  SELECT count(*) AS notices
  FROM alert_notices AS notice
  WHERE notice.handled_at IS NULL
    AND CASE
      -- Nobody has looked at it: delivery does not run. It comes each minute.
      WHEN NOT EXISTS (SELECT FROM alert_deliveries WHERE notice_id = notice.id)
        THEN notice.created_at NOT BETWEEN now() - interval '5 minutes' AND now() + interval '1 minute'
      -- It is due, its channel fails or nobody sends; a thread that rests for a while is no failure.
      ELSE EXISTS (
        SELECT
        FROM alert_deliveries AS delivery
        LEFT JOIN alert_threads AS thread
          ON thread.channel = delivery.channel AND thread.subject = delivery.subject AND thread.closed_at IS NULL
        WHERE delivery.notice_id = notice.id
          AND delivery.state = 'waiting'
          AND delivery.due_at NOT BETWEEN now() - interval '15 minutes' AND now() + interval '25 hours'
          AND (
            thread.attempts > 0
            OR coalesce(thread.next_at, '-infinity') NOT BETWEEN now() - interval '15 minutes' AND now() + interval '7 days'
          )
      )
    END
) AS late;

COMMENT ON VIEW alert_chain_health IS
  'Whether rules are really evaluated, and what people are to be told goes out';
COMMENT ON COLUMN alert_chain_health.notices_late IS
  'Notices that should have been told by now: delivery does not run, or its channel fails';
