-- Writes the work list of a run down, in batches, once: a run that has its list keeps it.
INSERT INTO analysis_requests (claim_id, trade_signal_id, batch, model, redo)
SELECT :claim_id, CAST(wanted.id AS uuid), (wanted.place - 1) / :batch_size, :model, :redo
FROM unnest(CAST(:ids AS text[])) WITH ORDINALITY AS wanted (id, place)
WHERE NOT EXISTS (SELECT 1 FROM analysis_requests WHERE claim_id = :claim_id)
ON CONFLICT DO NOTHING
