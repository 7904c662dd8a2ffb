-- Where candles are wanted for trades that were open at some time between :start and :end, merged by symbol.
-- An active trade wants its whole window, whatever earlier collections failed to get; of any other trade only
-- the part in between is asked for, which is how a past interval is filled again.
SELECT wanted.symbol, lower(span) AS start, upper(span) AS "end"
FROM (
  SELECT
    symbol,
    range_agg(
      tstzrange(
        CASE WHEN status = 'active' THEN generated_at ELSE greatest(generated_at, :start) END,
        least(expires_at, :end)
      )
    ) AS spans
  FROM trade_signals
  WHERE generated_at < :end AND expires_at > :start AND generated_at < expires_at
    -- the collector refuses longer ones, and with them what they were merged with
    AND (status <> 'active' OR expires_at <= generated_at + interval '366 days')
  GROUP BY symbol
) AS wanted
CROSS JOIN LATERAL unnest(wanted.spans) AS span
ORDER BY symbol, start
