-- What the exchange that was looked at last holds: its money as of that look, and open positions with the newest candle of
-- a day as their price. Candles bear the coin, or the coin and a dollar, as their symbol. entry 0: of money.
WITH looked_at AS MATERIALIZED (
  SELECT exchange, taken_at FROM exchange_balances ORDER BY id DESC LIMIT 1
)
SELECT
  balance.exchange, balance.taken_at, 'cash' AS kind, balance.currency AS instrument, balance.total AS quantity,
  CASE WHEN is_dollar(balance.currency) THEN 1 END AS price, CAST(0 AS numeric) AS entry
FROM looked_at
JOIN exchange_balances AS balance USING (exchange, taken_at)
WHERE balance.total <> 0
UNION ALL
SELECT
  looked_at.exchange, looked_at.taken_at, 'asset', held.symbol, held.size, candle.close, held.average_entry
FROM looked_at
JOIN positions AS held USING (exchange)
LEFT JOIN LATERAL (
  SELECT newest.close
  FROM (VALUES (''), ('USDT'), ('/USDT'), ('-USD'), ('USD'), ('/USD')) AS spelling (quote)
  CROSS JOIN LATERAL (
    SELECT market_candles.close, market_candles."timestamp"
    FROM market_candles
    WHERE market_candles.symbol = split_part(held.symbol, '/', 1) || spelling.quote
      AND market_candles."timestamp" BETWEEN looked_at.taken_at - interval '1 day' AND looked_at.taken_at
    ORDER BY market_candles."timestamp" DESC
    LIMIT 1
  ) AS newest
  ORDER BY newest."timestamp" DESC
  LIMIT 1
) AS candle ON true
WHERE held.size <> 0
