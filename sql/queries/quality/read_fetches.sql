-- What the sources of candles answered from :start to before :end, the newest :limit of it.
SELECT symbol, coalesce(resolution, 'any') AS resolution, source, start_at, end_at, fetched_at, outcome, reason
FROM candle_fetches
WHERE fetched_at >= :start AND fetched_at < :end AND (source = 'sandbox') = :sandbox
ORDER BY fetched_at DESC, id DESC
LIMIT :limit
