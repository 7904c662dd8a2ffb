-- What a source said of a symbol within the last minutes.
SELECT part, observed_at
FROM snapshot_parts
WHERE source = :source AND symbol = :symbol AND fetched_at > now() - CAST(:kept AS interval)
  AND fetched_at <= now() + interval '1 minute'  -- a clock that was ahead is not believed
