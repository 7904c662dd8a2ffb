-- What became of a replay's trades: counts and money, by outcome and status before and after.
SELECT
  outcome, from_status, to_status,
  count(*) AS trades,
  count(*) FILTER (WHERE analysis_redone) AS analyses_redone,
  coalesce(sum(net_before), 0) AS net_before,
  coalesce(sum(net_after), 0) AS net_after
FROM replay_trades
WHERE replay_id = :replay_id
GROUP BY outcome, from_status, to_status
ORDER BY outcome, from_status, to_status
