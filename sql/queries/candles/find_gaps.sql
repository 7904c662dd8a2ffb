-- What the union of the windows lacks: the wanted spans minus the spans of the valid candles held and, where
-- :source is given, minus what that source is not to be asked for before :now. The windows begin and end on the
-- resolution's grid. `OFFSET 0` as in candles/read_candles. With :fetched_since all is fetched again: only what a source
-- has answered for since then counts as held, and what was asked before is forgotten.
WITH wanted AS MATERIALIZED (
  SELECT symbol, range_agg(tstzrange(start_at, end_at)) AS spans
  FROM unnest(CAST(:symbols AS text[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
    AS wanted (symbol, start_at, end_at)
  GROUP BY symbol
), piece AS MATERIALIZED (
  SELECT symbol, unnest(spans) AS span FROM wanted
), hole AS (  -- between each candle and the next one, or the end; from the end of one to the beginning of the next
  SELECT piece.symbol, tstzrange(held.closes_at, held.next_at) AS span
  FROM piece
  CROSS JOIN LATERAL (
    SELECT
      timestamp + resolution_interval(:resolution) AS closes_at,
      lead(timestamp, 1, upper(piece.span)) OVER (ORDER BY timestamp) AS next_at
    FROM market_candles
    WHERE symbol = piece.symbol
      AND resolution = :resolution
      AND timestamp >= lower(piece.span)
      AND timestamp < upper(piece.span)
      AND (source = 'sandbox') = :sandbox
      AND low > 0
      AND low <= least(open, close)
      AND high >= greatest(open, close)
      AND volume >= 0
    OFFSET 0
  ) AS held
  WHERE held.next_at > held.closes_at
  UNION ALL  -- before the first candle, or the whole piece
  SELECT piece.symbol, tstzrange(lower(piece.span), coalesce(first.timestamp, upper(piece.span)))
  FROM piece
  LEFT JOIN LATERAL (
    SELECT timestamp
    FROM market_candles
    WHERE symbol = piece.symbol
      AND resolution = :resolution
      AND timestamp >= lower(piece.span)
      AND timestamp < upper(piece.span)
      AND (source = 'sandbox') = :sandbox
      AND low > 0
      AND low <= least(open, close)
      AND high >= greatest(open, close)
      AND volume >= 0
    ORDER BY timestamp
    LIMIT 1
  ) AS first ON true
), held AS (
  SELECT wanted.symbol, wanted.spans - holes.spans AS spans
  FROM wanted
  JOIN (SELECT symbol, range_agg(span) AS spans FROM hole GROUP BY symbol) AS holes USING (symbol)
), asked AS (
  SELECT earlier.symbol, range_agg(tstzrange(earlier.start_at, earlier.end_at)) AS spans
  FROM candle_fetches AS earlier
  JOIN wanted USING (symbol)
  WHERE earlier.source = CAST(:source AS text)
    AND CASE
      WHEN CAST(:fetched_since AS timestamptz) IS NULL THEN earlier.ask_again_at > CAST(:now AS timestamptz)
        -- the longest pause of candles/note_fetches; a clock that was ahead is not believed
        AND earlier.ask_again_at <= CAST(:now AS timestamptz) + interval '6 hours 1 minute'
        AND earlier.fetched_at <= CAST(:now AS timestamptz) + interval '1 minute'
      ELSE earlier.fetched_at >= CAST(:fetched_since AS timestamptz) AND earlier.outcome = 'answered'
    END
    AND earlier.resolution = :resolution
    AND earlier.start_at < earlier.end_at
  GROUP BY earlier.symbol
), answered AS (
  SELECT earlier.symbol, range_agg(tstzrange(earlier.start_at, earlier.end_at)) AS spans
  FROM candle_fetches AS earlier
  JOIN wanted USING (symbol)
  WHERE earlier.fetched_at >= CAST(:fetched_since AS timestamptz)
    AND earlier.outcome = 'answered'
    AND earlier.resolution = :resolution
    AND earlier.start_at < earlier.end_at
  GROUP BY earlier.symbol
)
SELECT symbol, lower(gap) AS start, upper(gap) AS "end"
FROM wanted
LEFT JOIN held USING (symbol)
LEFT JOIN asked USING (symbol)
LEFT JOIN answered USING (symbol)
CROSS JOIN LATERAL unnest(
  wanted.spans
  - coalesce(held.spans, '{}')
    * CASE WHEN CAST(:fetched_since AS timestamptz) IS NULL THEN '{(,)}' ELSE coalesce(answered.spans, '{}') END
  - coalesce(asked.spans, '{}')
) AS gap
ORDER BY symbol, start
