-- Keeps what a source said of a symbol, in place of what it said before.
INSERT INTO snapshot_parts AS held (source, symbol, part, observed_at)
VALUES (:source, :symbol, CAST(:part AS jsonb), :observed_at)
ON CONFLICT (source, symbol) DO UPDATE SET
  part = excluded.part, observed_at = excluded.observed_at, fetched_at = excluded.fetched_at
