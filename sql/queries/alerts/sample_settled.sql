-- 100 for a trade that succeeded, 0 for one that did not: the average is the success rate in percent. Of samples it
-- would be the success of nobody.
SELECT
  completed_at AS at,
  CASE status WHEN 'completed_success' THEN CAST(100 AS double precision) ELSE 0 END AS value,
  symbol AS label_1,
  user_id AS label_2,
  timeframe AS label_3
FROM trade_signals
LEFT JOIN trade_results AS result ON result.trade_signal_id = trade_signals.id
WHERE status IN ('completed_success', 'completed_failure')
  AND completed_at > CAST(:at AS timestamptz) - make_interval(secs => wanted.seconds)
  AND completed_at <= CAST(:at AS timestamptz)
  AND NOT is_sample(ai_model, result.data_source)
