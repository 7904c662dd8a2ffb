-- The stretches that the trades settled from :start to before :end were settled on, merged, by symbol and
-- resolution: there the store must hold candles. Without :end, all since :start; the index of ends finds them.
SELECT symbol, resolution, lower(span) AS start, upper(span) AS "end"
FROM (
  SELECT
    signal.symbol,
    result.data_resolution AS resolution,
    unnest(range_agg(tstzrange(ordinary_time(signal.generated_at), ordinary_time(signal.expires_at)))) AS span
  FROM trade_signals AS signal
  JOIN trade_results AS result ON result.trade_signal_id = signal.id
  WHERE coalesce(signal.completed_at, signal.expires_at) >= :start
    AND signal.completed_at >= :start
    AND signal.completed_at < coalesce(CAST(:end AS timestamptz), 'infinity')
    AND signal.status IN ('completed_success', 'completed_failure', 'expired')
    AND ordinary_time(signal.generated_at) < ordinary_time(signal.expires_at)
    AND result.data_resolution IS NOT NULL
    AND (result.data_source = 'sandbox') = :sandbox
  GROUP BY signal.symbol, result.data_resolution
) AS wanted
ORDER BY symbol, resolution, start
