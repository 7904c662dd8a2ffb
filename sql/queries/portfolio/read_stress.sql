-- What each scenario would do, in money, to what portfolios held at a time: the last snapshot before it, a week old at most.
SELECT snapshot.portfolio_id, scenario.name,
  CAST(sum(held.exposure * shock.share) / nullif(snapshot.value, 0) AS double precision) AS share,
  round(coalesce(sum(held.exposure * shock.share), 0), 2) AS money
FROM unnest(CAST(:portfolios AS text[])) AS asked (portfolio_id)
CROSS JOIN LATERAL (
  SELECT portfolio_id, taken_at, value
  FROM portfolio_syncs
  WHERE portfolio_id = asked.portfolio_id AND outcome = 'complete'
    AND taken_at >= CAST(:until AS timestamptz) - interval '8 days' AND taken_at < CAST(:until AS timestamptz)
  ORDER BY taken_at DESC
  LIMIT 1
) AS snapshot
CROSS JOIN jsonb_each(CAST(:scenarios AS jsonb)) AS scenario (name, shocks)
LEFT JOIN LATERAL (
  SELECT instrument, name, quantity * price * multiplier * rate AS exposure
  FROM portfolio_positions
  WHERE portfolio_id = snapshot.portfolio_id AND taken_at = snapshot.taken_at AND kind = 'asset'
) AS held ON true
LEFT JOIN LATERAL (
  SELECT CAST(coalesce(
    scenario.shocks ->> held.instrument, scenario.shocks ->> held.name, scenario.shocks ->> '*', '0'
  ) AS numeric) AS share
) AS shock ON true
GROUP BY snapshot.portfolio_id, snapshot.value, scenario.name
ORDER BY snapshot.portfolio_id, scenario.name
