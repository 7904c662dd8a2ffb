-- What happened since :since, as one JSON object with the parts that GET /monitoring/stats shows. What is in
-- braces is filled in by include/telemetry/monitoring.py. Durations are milliseconds; counts are none, and take no part.
-- Every known name is listed, with 0 where nothing was: the lists are those of the tables' checks.
-- The slowest are looked up type by type and unit by unit, for each of which there is an index.
WITH errors AS (
  SELECT error_type, severity, count(*) AS rows
  FROM atge_error_logs
  WHERE timestamp >= CAST(:since AS timestamptz) AND {whose}
  GROUP BY error_type, severity
), durations AS (
  {durations}
), averages AS (
  SELECT metric_type, sum(CASE unit WHEN 'seconds' THEN total * 1000 ELSE total END) / sum(rows) AS ms
  FROM durations
  GROUP BY metric_type
), feedback AS (
  SELECT feedback_type, count(*) AS rows, sum(rating) AS ratings, count(rating) AS rated
  FROM atge_user_feedback
  WHERE timestamp >= CAST(:since AS timestamptz) AND {whose}
  GROUP BY feedback_type
), trades AS (
  {trades}
), settled AS (
  SELECT
    coalesce(sum(rows) FILTER (WHERE status = 'active'), 0) AS active,
    coalesce(sum(rows) FILTER (WHERE status IN ('completed_success', 'completed_failure')), 0) AS completed,
    coalesce(sum(rows) FILTER (WHERE status = 'completed_success'), 0) AS won,
    coalesce(sum(rows), 0) AS total
  FROM trades
)
SELECT json_build_object(
  'errors', json_build_object(
    'total', (SELECT coalesce(sum(rows), 0) FROM errors),
    'byType', (
      SELECT json_object_agg(name, (SELECT coalesce(sum(rows), 0) FROM errors WHERE error_type = name))
      FROM unnest(CAST(:error_types AS text[])) AS name
    ),
    'bySeverity', (
      SELECT json_object_agg(name, (SELECT coalesce(sum(rows), 0) FROM errors WHERE severity = name))
      FROM unnest(CAST(:severities AS text[])) AS name
    ),
    'recentErrors', (
      SELECT coalesce(json_agg({error} ORDER BY error.timestamp DESC, error.id), '[]')
      FROM (
        SELECT *
        FROM atge_error_logs
        WHERE timestamp >= CAST(:since AS timestamptz) AND {whose}
        ORDER BY timestamp DESC, id
        LIMIT :most
      ) AS error
    )
  ),
  'performance', json_build_object(
    'averageApiResponseTime', (SELECT {ms} FROM averages WHERE metric_type = 'api_response'),
    'averageDatabaseQueryTime', (SELECT {ms} FROM averages WHERE metric_type = 'database_query'),
    'averageGenerationTime', (SELECT {ms} FROM averages WHERE metric_type = 'generation_time'),
    'averageBacktestTime', (SELECT {ms} FROM averages WHERE metric_type = 'backtest_time'),
    'averageAnalysisTime', (SELECT {ms} FROM averages WHERE metric_type = 'analysis_time'),
    'slowestOperations', (
      SELECT coalesce(json_agg({slow} ORDER BY slow.duration_ms DESC, slow.id), '[]')
      FROM (
        SELECT slowest.*, CASE slowest.unit WHEN 'seconds' THEN value * 1000 ELSE value END AS duration_ms
        FROM unnest(CAST(:metric_types AS text[])) AS type
        CROSS JOIN (VALUES ('ms'), ('seconds')) AS measured (unit)
        CROSS JOIN LATERAL (
          SELECT *
          FROM atge_performance_metrics
          WHERE metric_type = type AND atge_performance_metrics.unit = measured.unit
            AND timestamp >= CAST(:since AS timestamptz) AND {whose}
            AND value < 'Infinity'
          ORDER BY value DESC
          LIMIT :most
        ) AS slowest
        ORDER BY duration_ms DESC, id
        LIMIT :most
      ) AS slow
    )
  ),
  'database', (
    SELECT json_build_object(
      'totalTrades', total,
      'activeTrades', active,
      'completedTrades', completed,
      'averageTradeSuccessRate', round(100.0 * won / nullif(completed, 0), 2)
    )
    FROM settled
  ),
  'userFeedback', json_build_object(
    'totalFeedback', (SELECT coalesce(sum(rows), 0) FROM feedback),
    'averageRating', (SELECT round(sum(ratings)::numeric / nullif(sum(rated), 0), 4) FROM feedback),
    'byType', (
      SELECT json_object_agg(name, (SELECT coalesce(sum(rows), 0) FROM feedback WHERE feedback_type = name))
      FROM unnest(CAST(:feedback_types AS text[])) AS name
    ),
    'recentFeedback', (
      SELECT coalesce(json_agg({given} ORDER BY given.timestamp DESC, given.id), '[]')
      FROM (
        SELECT *
        FROM atge_user_feedback
        WHERE timestamp >= CAST(:since AS timestamptz) AND {whose}
        ORDER BY timestamp DESC, id
        LIMIT :most
      ) AS given
    )
  )
)::text
