-- Does the store hold anything where new candles are about to go?
SELECT EXISTS (
  SELECT
  FROM market_candles
  WHERE symbol = ANY(CAST(:symbols AS text[]))
    AND resolution = :resolution
    AND timestamp BETWEEN :first AND :last
)
