-- Stores the incoming candles of one source. A candle that is there already is replaced only by a valid one
-- that differs: a correction by the same source, one of a better source (:worse are the kinds below it), or one
-- in place of a broken candle. Invented candles never replace real ones. The order keeps two writers of the
-- same candles from locking each other out.
INSERT INTO market_candles AS held
  (symbol, resolution, timestamp, open, high, low, close, volume, source, fetched_at)
SELECT symbol, :resolution, timestamp, open, high, low, close, volume, :source, now()
FROM incoming_candles
ORDER BY symbol, timestamp
ON CONFLICT (symbol, resolution, timestamp) DO UPDATE SET
  open = excluded.open,
  high = excluded.high,
  low = excluded.low,
  close = excluded.close,
  volume = excluded.volume,
  source = excluded.source,
  fetched_at = excluded.fetched_at
WHERE (held.open, held.high, held.low, held.close, held.volume, held.source)
    IS DISTINCT FROM (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume, excluded.source)
  AND excluded.low > 0
  AND excluded.low <= least(excluded.open, excluded.close)
  AND excluded.high >= greatest(excluded.open, excluded.close)
  AND excluded.volume >= 0
  AND (
    held.source = excluded.source
    OR split_part(held.source, ':', 1) = ANY(CAST(:worse AS text[]))
    OR (
      (
        held.low > 0
        AND held.low <= least(held.open, held.close)
        AND held.high >= greatest(held.open, held.close)
        AND held.volume >= 0
      ) IS NOT TRUE
      AND (held.source = 'sandbox') = (excluded.source = 'sandbox')
    )
  )
