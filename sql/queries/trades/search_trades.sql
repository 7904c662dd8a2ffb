-- A page of a search for trades: those of {looked}, at most so many, that match, behind the place where the last page
-- ended. What is looked at comes by an index, so that the work is bounded whatever is asked for; each trade is fetched
-- by its key (OFFSET 0 keeps the planner to that). include/trades/search.py fills the braces.
WITH found AS {kept} (
  SELECT signal.id, {sort} AS sort_key
  FROM ({looked}) AS looked
  CROSS JOIN LATERAL (SELECT * FROM trade_signals WHERE id = looked.id OFFSET 0) AS signal
  {result}
  WHERE {matching}
)
SELECT
  page.sort_key::text AS sort_key, {total} AS total,
  signal.id, signal.user_id, signal.symbol, signal.direction, signal.timeframe, signal.status, signal.status_reason,
  signal.confidence_score, signal.ai_model, signal.generated_at, signal.expires_at, signal.completed_at,
  signal.status = 'active' AND signal.expires_at <= now() AS is_waiting,
  result.net_profit_loss, result.profit_loss_percentage, result.exit_reason,
  claim.claim_id, claim.attempts, claim.lease_expires_at > now() AS is_held, claim.lease_expires_at,
  claim.next_attempt_at, claim.reason AS claim_reason,
  EXISTS (SELECT FROM atge_error_logs WHERE trade_signal_id = signal.id) AS has_errors
FROM (
  SELECT id, sort_key FROM found AS signal WHERE {behind} ORDER BY {order} LIMIT :rows
) AS page
JOIN trade_signals AS signal ON signal.id = page.id
LEFT JOIN trade_results AS result ON result.trade_signal_id = page.id
LEFT JOIN settlement_claims AS claim ON claim.trade_signal_id = page.id
ORDER BY {again}
