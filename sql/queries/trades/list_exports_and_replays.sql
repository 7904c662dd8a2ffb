-- Exports and replays behind a place in the list, the newest first. A replay that has not ended says how much is done.
SELECT work.*, batches.done AS batches_done, batches.all AS batches_all, now() AS at
FROM (
  (
    SELECT
      'export' AS kind, id, started_at, requested_by, filter, run_url, ended_at, rows, format, files, bytes, error,
      NULL::boolean AS dry_run, NULL::text[] AS redo, NULL AS reason, NULL::bigint AS changed, NULL AS difference
    FROM exports
    WHERE CAST(:kind AS text) IS DISTINCT FROM 'replay'
      AND (CAST(:who AS text) IS NULL OR requested_by = :who)
      AND (
        CAST(:before AS timestamptz) IS NULL
        OR (started_at, id, 'export') < (:before, CAST(:behind_id AS text), CAST(:behind_kind AS text))
      )
    ORDER BY started_at DESC, id DESC
    LIMIT :limit
  )
  UNION ALL
  (
    SELECT
      'replay', id, started_at, requested_by, filter, run_url, finished_at, trades, NULL, NULL, NULL, NULL,
      dry_run, redo, reason, CAST(report -> 'outcomes' ->> 'changed' AS bigint), report ->> 'difference'
    FROM replays
    WHERE CAST(:kind AS text) IS DISTINCT FROM 'export'
      AND (CAST(:who AS text) IS NULL OR requested_by = :who)
      AND (
        CAST(:before AS timestamptz) IS NULL
        OR (started_at, id, 'replay') < (:before, CAST(:behind_id AS text), CAST(:behind_kind AS text))
      )
    ORDER BY started_at DESC, id DESC
    LIMIT :limit
  )
  ORDER BY started_at DESC, id DESC, kind DESC
  LIMIT :limit
) AS work
LEFT JOIN LATERAL (
  SELECT count(*) AS all, count(*) FILTER (WHERE finished_at IS NOT NULL) AS done
  FROM replay_batches
  WHERE replay_id = work.id
) AS batches ON kind = 'replay' AND ended_at IS NULL
ORDER BY started_at DESC, id DESC, kind DESC
