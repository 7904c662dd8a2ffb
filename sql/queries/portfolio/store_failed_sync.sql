-- A look that failed; it has no snapshot.
INSERT INTO portfolio_syncs (source, portfolio_id, outcome, reason) VALUES (:source, :portfolio_id, 'failed', :reason)
