-- For each symbol with open trades, how long ago its newest candle closed, in seconds; two days where there is none.
SELECT
  'candle_age_seconds' AS gauge,
  extract(epoch FROM CAST(:at AS timestamptz) - coalesce(
    (
      SELECT max(candle.newest + resolution_interval(listed.resolution))
      FROM unnest(ARRAY['1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d'])
        AS listed (resolution)
      CROSS JOIN LATERAL (
        SELECT max(timestamp) AS newest
        FROM market_candles AS held
        WHERE held.symbol = open.symbol
          AND held.resolution = listed.resolution
          AND held.timestamp > CAST(:at AS timestamptz) - interval '2 days'
          AND held.timestamp <= CAST(:at AS timestamptz)
      ) AS candle
    ),
    CAST(:at AS timestamptz) - interval '2 days'
  )) AS value,
  open.symbol AS label_1,
  CAST(NULL AS text) AS label_2,
  CAST(NULL AS text) AS label_3
FROM (
  SELECT symbol
  FROM trade_signals
  WHERE status = 'active'
    AND expires_at > CAST(:at AS timestamptz)
    AND generated_at < CAST(:at AS timestamptz) - interval '1 hour'
  GROUP BY symbol
) AS open
