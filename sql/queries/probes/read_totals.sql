-- How much there is and what waits, without reading large tables: counts of all trades are the planner's estimate, null
-- before the first ANALYZE; the others stop counting at :most.
SELECT
  (SELECT nullif(reltuples, -1)::bigint FROM pg_class WHERE oid = 'trade_signals'::regclass) AS trades_about,
  (
    SELECT count(*) FROM (SELECT FROM trade_signals WHERE status = 'active' LIMIT :most) AS active
  ) AS trades_active,
  (
    SELECT count(*)
    FROM (SELECT FROM trade_signals WHERE status = 'active' AND expires_at <= now() LIMIT :most) AS expired
  ) AS trades_expired_waiting,
  (SELECT count(*) FROM alert_states WHERE fired_at IS NOT NULL) AS alerts_firing,
  (
    SELECT count(*)
    FROM (
      SELECT FROM atge_error_logs
      WHERE timestamp > now() - interval '1 day' AND timestamp <= now()
      LIMIT :most
    ) AS failed
  ) AS errors_of_a_day,
  pg_database_size(current_database()) AS database_bytes
