-- The stretches of [:start, :end) in which trades want whole candles of :step, for each symbol of :symbols, on the grid of
-- candles/find_gaps. Of a symbol with more than :most trades the whole of it counts as wanted: with so many it is, and
-- they are not all read; of others the newest :most are looked at.
SELECT wanted.symbol, windows.trades, windows.starts, windows.ends
FROM unnest(CAST(:symbols AS text[])) AS wanted (symbol)
CROSS JOIN LATERAL (
  SELECT
    count(*) AS trades,
    array_agg(greatest(
      date_bin(:step, generated_at + :step - interval '1 microsecond', timestamptz '1970-01-05T00:00:00Z'),
      CAST(:start AS timestamptz)
    )) AS starts,
    array_agg(date_bin(:step, least(expires_at, CAST(:end AS timestamptz)), timestamptz '1970-01-05T00:00:00Z')) AS ends
  FROM (
    SELECT generated_at, expires_at
    FROM trade_signals
    WHERE symbol = wanted.symbol AND generated_at < CAST(:end AS timestamptz)
    ORDER BY generated_at DESC
    LIMIT :most + 1
  ) AS signal
  WHERE expires_at > CAST(:start AS timestamptz)
) AS windows
