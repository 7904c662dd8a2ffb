-- A look that saw a portfolio whole. A file's snapshot that was read before gives no row.
INSERT INTO portfolio_syncs (source, portfolio_id, outcome, taken_at, currency, value, positions, took)
VALUES (
  :source, :portfolio_id, 'complete', :taken_at, :currency, :value, :positions,
  CAST(:took AS interval)
)
ON CONFLICT (portfolio_id, taken_at) DO NOTHING
RETURNING id
