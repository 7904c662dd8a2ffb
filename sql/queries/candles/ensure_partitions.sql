-- Makes the missing partitions of market_candles for open times from :first to :last.
SELECT ensure_candle_partitions(:first, :last)
