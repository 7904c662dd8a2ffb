-- Of which symbols does the store hold anything where new candles are about to go?
SELECT symbol
FROM unnest(CAST(:symbols AS text[]), CAST(:firsts AS timestamptz[]), CAST(:lasts AS timestamptz[]))
  AS incoming (symbol, first_at, last_at)
WHERE EXISTS (
  SELECT
  FROM market_candles AS held
  WHERE held.symbol = incoming.symbol
    AND held.resolution = :resolution
    AND held.timestamp BETWEEN incoming.first_at AND incoming.last_at
)
