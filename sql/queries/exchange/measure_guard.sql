-- What the rules by which trading freezes look at, of the exchange that was looked at last. Money is in dollars, since
-- trading was let on and for 90 days at most; null where nothing is known.
WITH let_on AS MATERIALIZED (
  SELECT greatest(max(changed_at), now() - interval '90 days') AS at FROM trading_switch WHERE state = 'trading'
), looks AS MATERIALIZED (
  SELECT balance.taken_at, sum(balance.total) AS total
  FROM exchange_balances AS balance, let_on
  WHERE balance.exchange = (SELECT exchange FROM exchange_balances ORDER BY id DESC LIMIT 1)
    AND balance.currency IN ('USDT', 'VST')
    AND balance.taken_at BETWEEN let_on.at AND now()
  GROUP BY balance.taken_at
), ends AS MATERIALIZED (
  SELECT
    min(taken_at) AS first_at,
    max(taken_at) AS last_at,
    max(total) AS highest,
    (array_agg(total ORDER BY taken_at))[1] AS first,
    (array_agg(total ORDER BY taken_at DESC))[1] AS last,
    (array_agg(total ORDER BY taken_at) FILTER (WHERE taken_at >= date_trunc('day', now(), 'UTC')))[1] AS today
  FROM looks
), traded AS MATERIALIZED (  -- what the fills between the first look and the last say of the balance
  SELECT
    coalesce(sum(later.realised_result - earlier.realised_result - (later.fees - earlier.fees)), 0) AS result
  FROM ends
  JOIN positions AS symbol
    ON symbol.exchange = (SELECT exchange FROM exchange_balances ORDER BY id DESC LIMIT 1)
    AND symbol.last_fill_at > ends.first_at
  CROSS JOIN LATERAL measure_position(symbol.exchange, symbol.symbol, ends.first_at) AS earlier
  CROSS JOIN LATERAL measure_position(symbol.exchange, symbol.symbol, ends.last_at) AS later
), compared AS MATERIALIZED (
  SELECT
    newest.outcome AS newest,
    coalesce(
      (
        SELECT finished_at
        FROM reconciliations
        WHERE outcome = 'complete' AND started_at > now() - interval '7 days'
        ORDER BY id DESC
        LIMIT 1
      ),
      (
        SELECT min(started_at)
        FROM reconciliations
        WHERE outcome <> 'working' AND started_at > now() - interval '7 days'
      )
    ) AS answered_at
  FROM (SELECT 1) AS always
  LEFT JOIN (
    SELECT outcome
    FROM reconciliations
    WHERE outcome <> 'working' AND started_at > now() - interval '7 days'
    ORDER BY id DESC
    LIMIT 1
  ) AS newest ON true
)
SELECT
  CAST(100 * (ends.highest - ends.last) / nullif(greatest(ends.highest, 0), 0) AS double precision) AS drawdown,
  CAST(ends.today - ends.last AS double precision) AS day_loss,
  CAST(abs(ends.last - ends.first - traded.result) AS double precision) AS discrepancy,
  CASE compared.newest WHEN 'failed' THEN now() - compared.answered_at WHEN 'complete' THEN interval '0' END AS down
FROM ends, traded, compared
