-- Where candles are wanted for these trades, up to now, merged by symbol. Times that the engine does not take, and
-- windows longer than the collector takes, are left out.
SELECT wanted.symbol, lower(span) AS start, upper(span) AS "end"
FROM (
  SELECT symbol, range_agg(tstzrange(engine_time(generated_at), least(engine_time(expires_at), now()))) AS spans
  FROM trade_signals
  WHERE id = ANY (CAST(:ids AS uuid[]))
    AND engine_time(generated_at) < least(engine_time(expires_at), now())
    AND expires_at <= generated_at + interval '366 days'
  GROUP BY symbol
) AS wanted
CROSS JOIN LATERAL unnest(wanted.spans) AS span
ORDER BY symbol, start
