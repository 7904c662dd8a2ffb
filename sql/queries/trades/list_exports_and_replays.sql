-- Exports and replays behind a place in the list, the newest first. A replay that has not ended says how much is done.
WITH newest AS (
  (
    SELECT 'export' AS kind, id, started_at
    FROM exports
    WHERE :kind IS DISTINCT FROM 'replay'
      AND (CAST(:who AS text) IS NULL OR requested_by = :who)
      AND (CAST(:before AS timestamptz) IS NULL OR (started_at, id, 'export') < (:before, :behind_id, :behind_kind))
    ORDER BY started_at DESC, id DESC
    LIMIT :limit
  )
  UNION ALL
  (
    SELECT 'replay', id, started_at
    FROM replays
    WHERE :kind IS DISTINCT FROM 'export'
      AND (CAST(:who AS text) IS NULL OR requested_by = :who)
      AND (CAST(:before AS timestamptz) IS NULL OR (started_at, id, 'replay') < (:before, :behind_id, :behind_kind))
    ORDER BY started_at DESC, id DESC
    LIMIT :limit
  )
  ORDER BY started_at DESC, id DESC, kind DESC
  LIMIT :limit
)
SELECT
  newest.*,
  coalesce(export.requested_by, replay.requested_by) AS requested_by,
  coalesce(export.filter, replay.filter) AS filter,
  coalesce(export.run_url, replay.run_url) AS run_url,
  coalesce(export.ended_at, replay.finished_at) AS ended_at,
  coalesce(export.rows, replay.trades) AS rows,
  export.format,
  export.files,
  export.bytes,
  export.error,
  replay.dry_run,
  replay.redo,
  replay.reason,
  CAST(replay.report -> 'outcomes' ->> 'changed' AS bigint) AS changed,
  replay.report ->> 'difference' AS difference,
  batches.done AS batches_done,
  batches.all AS batches_all,
  now() AS at
FROM newest
LEFT JOIN exports AS export ON newest.kind = 'export' AND export.id = newest.id
LEFT JOIN replays AS replay ON newest.kind = 'replay' AND replay.id = newest.id
LEFT JOIN LATERAL (
  SELECT count(*) AS all, count(*) FILTER (WHERE finished_at IS NOT NULL) AS done
  FROM replay_batches
  WHERE replay_id = replay.id AND replay.finished_at IS NULL
) AS batches ON replay.finished_at IS NULL AND newest.kind = 'replay'
ORDER BY newest.started_at DESC, newest.id DESC, newest.kind DESC
