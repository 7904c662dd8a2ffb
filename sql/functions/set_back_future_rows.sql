-- Rows from the future: a clock was ahead for a moment, and what was written then lies ahead of the clock that is
-- right again. Nothing may wait for that time to come. This function is the one place that knows of it.
--
-- set_back_future_rows looks for rows that lie further ahead than a minute plus what such a row may lawfully hold, in
-- the given tables (null: in all), and sets them back, so that work goes on; answers how many. Each kind of work calls
-- it for its own tables before it looks at them, the evaluation of alerts for all, each minute. Rows that somebody is
-- working on are left for the next time: nobody waits here.
--
-- A row of the list below: the table, the time that is ahead, when it is too far ahead, and what to do: DELETE, the
-- columns to SET, or nothing but to say it. $1 is a minute from now, $2 now, $3 the longest lease that may be held;
-- `later` numbers the rows from the last back, so that they keep their order.
CREATE OR REPLACE FUNCTION set_back_future_rows(
  tables text[] DEFAULT NULL, moment timestamptz DEFAULT now(), lease interval DEFAULT '1 day'
)
RETURNS bigint
LANGUAGE plpgsql
SET lock_timeout = '1s'
AS $$
DECLARE
  entry     record;
  found     record;
  statement text;
  total     bigint := 0;
BEGIN
  FOR entry IN
    SELECT *
    FROM (
      VALUES
        -- alerts. A minute back: what is told of an alert is later than its beginning.
        ('alert_evaluations', 'at', 'at > $1', 'DELETE'),
        ('alert_rule_sets', 'adopted_at', 'adopted_at > $1',
          'adopted_at = $2 - interval ''1 minute'' - later * interval ''1 microsecond'''),
        ('alert_states', 'greatest(evaluated_at, since, fired_at, told_at, acknowledged_at)',
          'greatest(evaluated_at, since, fired_at, told_at, acknowledged_at) > $1',
          'evaluated_at = least(evaluated_at, $2),
           since = least(since, $2 - interval ''1 minute''),
           fired_at = CASE WHEN fired_at > $1 THEN $2 - interval ''1 minute'' ELSE fired_at END,
           told_at = CASE WHEN told_at <= $1 THEN told_at END,
           acknowledged_until = CASE
             WHEN acknowledged_at <= $1 THEN acknowledged_until
             WHEN isfinite(acknowledged_at) AND isfinite(acknowledged_until)
               THEN $2 + least(acknowledged_until - acknowledged_at, ''7 days'')
           END,
           acknowledged_at = CASE WHEN acknowledged_at > $1 THEN $2 ELSE acknowledged_at END'),
        ('alert_threads', 'greatest(told_at, claimed_until, next_at, opened_at)',
          'closed_at IS NULL AND (
            told_at > $1 OR opened_at > $1 OR claimed_until > $1 + interval ''2 minutes''
            OR next_at > $1 + CASE
              WHEN attempts > 0 OR messages = 0 THEN interval ''1 hour''
              WHEN messages = 1 THEN interval ''5 minutes''
              WHEN messages = 2 THEN interval ''30 minutes''
              ELSE interval ''4 hours''
            END
          ) AND NOT EXISTS (  -- somebody has taken the failure over, for a week at most
            SELECT
            FROM alert_notices AS taken
            WHERE taken.fingerprint = held.subject AND taken.kind = ''acknowledged'' AND taken.created_at <= $1
              AND CAST(taken.body ->> ''until'' AS timestamptz)
                BETWEEN held.next_at AND taken.created_at + interval ''7 days 1 minute''
          )',
          'next_at = $2, claimed_until = CASE WHEN claimed_until <= $1 + interval ''2 minutes'' THEN claimed_until END,
           told_at = least(told_at, $2), opened_at = least(opened_at, $2)'),
        ('alert_deliveries', 'due_at',
          'settled_at IS NULL
            AND due_at > $1 + CASE subject WHEN ''digest'' THEN interval ''1 day'' ELSE interval ''15 minutes'' END',
          'due_at = $2'),
        ('alert_deliveries', 'settled_at', 'state = ''sent'' AND settled_at > $1',
          'settled_at = $2 - interval ''5 minutes'''),
        ('alert_notices', 'created_at', 'created_at > $1',
          'created_at = $2 - later * interval ''1 microsecond'''),
        ('alert_silences', 'created_at', 'created_at > $1 AND ended_by IS NULL',
          'starts_at = CASE starts_at WHEN created_at THEN $2 ELSE starts_at END,
           ends_at = CASE starts_at WHEN created_at THEN $2 + (ends_at - starts_at) ELSE ends_at END,
           created_at = $2'),
        ('alert_silences', 'ends_at', 'ended_by IS NOT NULL AND ends_at > $1',
          'starts_at = least(starts_at, $2 - interval ''1 microsecond''), ends_at = $2, created_at = least(created_at, $2)'),
        ('freezes', 'begins_at', 'begins_at > $1 AND ended_at IS NULL',
          'ended_at = begins_at, ended_by = ''a clock that was ahead'''),
        ('system_samples', 'at', 'at > $1', 'DELETE'),
        -- outside services; http_admit looks at its own service
        ('http_services', 'greatest(since, held_until, open_until)',
          'since > $1 OR greatest(held_until, open_until) > $1 + interval ''1 hour''',
          'state = CASE WHEN since > $1 THEN ''closed'' ELSE state END,
           failures = CASE WHEN since > $1 THEN 0 ELSE failures END,
           open_until = CASE WHEN since <= $1 AND open_until <= $1 + interval ''1 hour'' THEN open_until END,
           held_until = CASE WHEN held_until <= $1 + interval ''1 hour'' THEN held_until END,
           since = least(since, $2)'),
        ('http_calls', 'called_at', 'called_at > $1 + interval ''2 minutes''', 'DELETE'),
        -- settling and replaying
        ('settlement_claims', 'greatest(lease_expires_at, next_attempt_at, claimed_at)',
          'lease_expires_at > $1 + $3 OR claimed_at > $1
            OR next_attempt_at > $1 + CASE WHEN attempts < 5 THEN interval ''1 hour'' ELSE interval ''2 hours'' END',
          'lease_expires_at = least(lease_expires_at, $2), next_attempt_at = least(next_attempt_at, $2),
           claimed_at = least(claimed_at, $2)'),
        ('replay_batches', 'lease_expires_at', 'finished_at IS NULL AND lease_expires_at > $1 + $3',
          'lease_expires_at = $2'),
        -- analyses and signals
        ('analysis_claims', 'greatest(lease_expires_at, next_attempt_at)',
          'given_up_at IS NULL AND (lease_expires_at > $1 + $3
            OR next_attempt_at
              > $1 + greatest(interval ''1 hour'', interval ''5 minutes'' * 2 ^ least(failures - 1, 8)))',
          'lease_expires_at = least(lease_expires_at, $2), next_attempt_at = least(next_attempt_at, $2)'),
        ('signal_attempts', 'greatest(lease_expires_at, requested_at)',
          'outcome = ''working'' AND (lease_expires_at > $1 + $3 OR requested_at > $1)',
          'lease_expires_at = $2 - interval ''1 second'', requested_at = least(requested_at, $2)'),
        ('signal_slots', 'taken_at', 'taken_at > $1', 'taken_at = $2 - interval ''1 minute'''),
        ('snapshot_parts', 'fetched_at', 'fetched_at > $1', 'DELETE'),
        -- the language model; llm_reserve moves the days
        ('llm_calls', 'greatest(at, lapses_at)',
          'outcome = ''under_way'' AND (at > $1 OR lapses_at > $1 + interval ''1 hour'')',
          'at = least(at, $2), lapses_at = least(lapses_at, $2)'),
        -- candles, probes, retention, maintenance
        ('candle_fetches', 'fetched_at', 'fetched_at > $1', 'DELETE'),
        ('probe_results', 'checked_at', 'checked_at > $1',
          'checked_at = $2 - later * interval ''1 microsecond'',
           asked_at = CASE WHEN asked_at < checked_at THEN least(asked_at, $2 - later * interval ''1 microsecond'')
             WHEN asked_at IS NOT NULL THEN $2 - later * interval ''1 microsecond'' END'),
        ('archived_batches', 'created_at', 'created_at > $1',
          'created_at = $2 - later * interval ''1 microsecond'''),
        ('maintenance_reports', 'created_at', 'created_at > $1',
          'created_at = $2 - later * interval ''1 microsecond'''),
        ('table_sizes', 'day AT TIME ZONE ''UTC''', 'day > CAST($1 AT TIME ZONE ''UTC'' AS date)', 'DELETE'),
        -- what others wrote, or what says when something was done: it holds nothing up, and stays
        ('trade_signals', 'completed_at',
          'completed_at > $1 AND status IN (''completed_success'', ''completed_failure'')', NULL),
        ('atge_error_logs', 'timestamp', 'timestamp > $1', NULL),
        ('atge_performance_metrics', 'timestamp', 'timestamp > $1', NULL),
        ('atge_user_feedback', 'timestamp', 'timestamp > $1', NULL),
        ('backups', 'started_at', 'started_at > $1', NULL),
        ('restore_drills', 'started_at', 'started_at > $1', NULL)
    ) AS listed (table_name, time, condition, action)
    WHERE tables IS NULL OR table_name = ANY (tables)
  LOOP
    CONTINUE WHEN to_regclass(entry.table_name) IS NULL;  -- rules that cannot read their table are told as such
    statement := CASE entry.action
      WHEN 'DELETE' THEN 'DELETE FROM %1$I AS held USING ahead WHERE held.ctid = ahead.place'
      ELSE 'UPDATE %1$I AS held SET %4$s FROM ahead WHERE held.ctid = ahead.place'
    END;
    BEGIN
      IF entry.action IS NULL THEN
        EXECUTE format('SELECT count(*) AS rows, max(%2$s) AS furthest FROM %1$I AS held WHERE %3$s',
          entry.table_name, entry.time, entry.condition)
        INTO found USING moment + interval '1 minute', moment, lease;
      ELSE
        EXECUTE format(
          'WITH locked AS MATERIALIZED (
             SELECT ctid AS place, CAST(%2$s AS timestamptz) AS time FROM %1$I AS held WHERE %3$s FOR UPDATE SKIP LOCKED
           ), ahead AS (
             SELECT place, time, row_number() OVER (ORDER BY time DESC) - 1 AS later FROM locked
           ), mended AS (' || statement || ')
           SELECT count(*) AS rows, max(time) AS furthest FROM ahead',
          entry.table_name, entry.time, entry.condition, entry.action)
        INTO found USING moment + interval '1 minute', moment, lease;
        total := total + found.rows;
      END IF;
    EXCEPTION WHEN lock_not_available THEN
      CONTINUE;  -- somebody has locked the whole table; the next call looks again
    END;
    PERFORM note_future_rows(entry.table_name, found.rows, found.furthest, CASE
      WHEN entry.action IS NULL THEN 'They hold nothing up and stay as they are.'
      WHEN entry.action = 'DELETE' THEN 'They were work under way or of a moment, and are deleted.'
      ELSE 'They are set back to now, so that nothing waits for them.'
    END);
  END LOOP;
  RETURN total;
END;
$$;

COMMENT ON FUNCTION set_back_future_rows IS
  'Sets back what lies further ahead than a clock that was right could have written it, and says so; answers how many';
