-- What each scenario would do, in money, to what a portfolio held at the end of a day: its last snapshot, a week old at
-- most. A scenario that is named again takes the place of the former.
INSERT INTO risk_measures (portfolio_id, day, measure, value, money)
SELECT
  snapshot.portfolio_id, :day, 'stress: ' || scenario.name,
  CAST(sum(held.exposure * shock.share) / nullif(snapshot.value, 0) AS double precision),
  round(coalesce(sum(held.exposure * shock.share), 0), 2)
FROM unnest(CAST(:portfolios AS text[])) AS asked (portfolio_id)
CROSS JOIN LATERAL (
  SELECT portfolio_id, taken_at, value
  FROM portfolio_syncs
  WHERE portfolio_id = asked.portfolio_id AND outcome = 'complete'
    AND taken_at >= CAST(:day AS date) - 7 AND taken_at < CAST(:day AS date) + 1
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
ON CONFLICT (portfolio_id, day, measure) DO UPDATE
SET value = excluded.value, money = excluded.money, stored_at = now()
