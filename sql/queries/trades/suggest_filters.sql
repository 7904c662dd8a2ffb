-- Names that a filter may choose from: up to :most symbols that trades have, found one by one in the index of symbols,
-- and up to :most users, among the newest counts.
WITH RECURSIVE symbols (symbol, place) AS (
  (SELECT symbol, 1 FROM trade_signals ORDER BY symbol LIMIT 1)
  UNION ALL
  SELECT following.symbol, symbols.place + 1
  FROM symbols
  CROSS JOIN LATERAL (
    SELECT symbol FROM trade_signals WHERE symbol > symbols.symbol ORDER BY symbol LIMIT 1
  ) AS following
  WHERE symbols.place < :most
)
SELECT 'symbol' AS field, symbol AS value FROM symbols
UNION ALL
(
  SELECT DISTINCT 'user', user_id::text
  FROM (SELECT user_id FROM trade_counts LIMIT :most) AS counted
)
ORDER BY field, value
