-- Portfolios that were ever seen whole, each found by one look into the index of portfolio_syncs.
CREATE OR REPLACE VIEW known_portfolios WITH (security_invoker = true) AS
WITH RECURSIVE known AS (
  SELECT min(portfolio_id) AS portfolio_id FROM portfolio_syncs WHERE taken_at IS NOT NULL
  UNION ALL
  SELECT (SELECT min(portfolio_id) FROM portfolio_syncs WHERE portfolio_id > known.portfolio_id AND taken_at IS NOT NULL)
  FROM known
  WHERE known.portfolio_id IS NOT NULL
)
SELECT portfolio_id FROM known WHERE portfolio_id IS NOT NULL;

COMMENT ON VIEW known_portfolios IS 'Portfolios that were ever seen whole: docs/portfolio.md';
