-- Symbols behind :after (null: from the first) that trades name, or that have candles which open in [:start, :end): one step
-- in an index a symbol, and a month has a partition.
WITH RECURSIVE listed AS (
  SELECT 0 AS place, CAST(coalesce(:after, '') AS text) AS symbol
  UNION ALL
  SELECT place + 1, least(
    (
      SELECT signal.symbol
      FROM trade_signals AS signal
      WHERE signal.symbol > listed.symbol
      ORDER BY signal.symbol
      LIMIT 1
    ),
    (
      SELECT held.symbol
      FROM market_candles AS held
      WHERE held.symbol > listed.symbol AND held.timestamp >= :start AND held.timestamp < :end
      ORDER BY held.symbol
      LIMIT 1
    )
  )
  FROM listed
  WHERE listed.symbol IS NOT NULL AND place < :rows
)
SELECT symbol FROM listed WHERE place > 0 AND symbol IS NOT NULL ORDER BY place
