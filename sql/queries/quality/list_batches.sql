-- The symbols and resolutions of which candles are held that open from :start to before :end.
SELECT symbol, resolution, count(*) AS candles
FROM market_candles
WHERE timestamp >= :start AND timestamp < :end AND (source = 'sandbox') = :sandbox
GROUP BY symbol, resolution
ORDER BY symbol, resolution
