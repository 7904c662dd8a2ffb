-- What holes did to the trades whose windows lie over them: of at most :most trades a hole, among the :read newest that
-- were proposed before its end.
SELECT
  hole.place,
  count(*) AS trades,
  count(*) FILTER (WHERE signal.status = 'active' AND signal.expires_at <= now()) AS waiting,
  count(*) FILTER (WHERE signal.status = 'active' AND signal.expires_at > now()) AS open,
  count(*) FILTER (WHERE signal.status = 'incomplete_data') AS incomplete,
  count(*) FILTER (WHERE result.unseen_candles > 0) AS unseen,
  sum(result.unseen_candles) AS unseen_candles,
  count(*) FILTER (WHERE result.data_quality_score < 100) AS lower_quality,
  min(result.data_quality_score) FILTER (WHERE result.data_quality_score BETWEEN 0 AND 100) AS worst_quality,
  count(*) FILTER (WHERE resolution_interval(result.data_resolution) > resolution_interval(:resolution)) AS coarser
FROM unnest(CAST(:symbols AS text[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
  WITH ORDINALITY AS hole (symbol, start_at, end_at, place)
CROSS JOIN LATERAL (
  SELECT id, status, expires_at
  FROM (
    SELECT id, status, expires_at
    FROM trade_signals
    WHERE symbol = hole.symbol AND generated_at < hole.end_at
    ORDER BY generated_at DESC
    LIMIT :read
  ) AS newest
  WHERE expires_at > hole.start_at
  LIMIT :most
) AS signal
LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
GROUP BY hole.place
ORDER BY hole.place
