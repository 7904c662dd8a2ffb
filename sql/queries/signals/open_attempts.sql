-- Takes up the requests of a run: one a user, of several the one that was taken up the longest time ago. What a
-- run took up before stays as it is; what ended without a signal or an advice begins anew. The lock lets one run
-- after the other look who is busy; signal_attempts_one_at_a_time holds whatever happens.
WITH one_at_a_time AS MATERIALIZED (
  SELECT pg_advisory_xact_lock(hashtext('signal_attempts'))
), wanted AS (
  SELECT DISTINCT ON (asked.user_id)
    asked.*,
    concat_ws('/', CAST(:run_id AS text), asked.user_id, asked.symbol, asked.timeframe) AS request_key
  FROM one_at_a_time,
    unnest(CAST(:users AS uuid[]), CAST(:symbols AS text[]), CAST(:timeframes AS text[]))
      WITH ORDINALITY AS asked (user_id, symbol, timeframe, place)
  LEFT JOIN LATERAL (
    SELECT max(requested_at) AS last_time, bool_or(run_id = :run_id) AS this_run
    FROM signal_attempts
    WHERE user_id = asked.user_id AND symbol = asked.symbol AND timeframe = asked.timeframe
  ) AS earlier ON true
  ORDER BY asked.user_id, coalesce(earlier.this_run, false) DESC, earlier.last_time NULLS FIRST, asked.place
), judged AS (
  SELECT
    wanted.*,
    (row_number() OVER (ORDER BY wanted.symbol, wanted.timeframe, wanted.user_id) - 1) / :batch_size AS batch,
    CASE
      WHEN busy.id IS NOT NULL THEN
        format('another attempt of this user is under way: %s %s, see %s', busy.symbol, busy.timeframe, busy.run_url)
      WHEN slot.user_id IS NOT NULL THEN
        format('one signal a minute for each user: the last one is %s s old; try again in %s s',
          floor(extract(epoch FROM now() - slot.taken_at)),
          ceil(60 - extract(epoch FROM now() - slot.taken_at)))
    END AS put_off
  FROM wanted
  LEFT JOIN signal_attempts AS busy
    ON busy.user_id = wanted.user_id AND busy.outcome = 'working' AND busy.request_key <> wanted.request_key
  LEFT JOIN signal_slots AS slot
    ON slot.user_id = wanted.user_id AND slot.taken_at > now() - interval '1 minute'
    AND slot.taken_at <= now() + interval '1 minute'  -- as in take_signal_slot
)
INSERT INTO signal_attempts AS held
  (request_key, run_id, run_url, batch, user_id, symbol, timeframe, outcome, reason, lease_expires_at, finished_at)
SELECT
  request_key, :run_id, :run_url, batch, user_id, symbol, timeframe,
  CASE WHEN put_off IS NULL THEN 'working' ELSE 'rate_limited' END,
  put_off,
  now() + :lease,
  CASE WHEN put_off IS NOT NULL THEN now() END
FROM judged
ON CONFLICT (request_key) DO UPDATE SET
  batch = excluded.batch,
  outcome = excluded.outcome,
  reason = excluded.reason,
  lease_expires_at = excluded.lease_expires_at,
  finished_at = excluded.finished_at,
  seconds = 0,  -- what it took before has been measured
  snapshot = NULL,
  indicators = NULL,
  recent_candles = NULL,
  proposal = NULL
WHERE held.outcome NOT IN ('working', 'stored', 'no_trade')
