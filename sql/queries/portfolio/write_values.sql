-- What each portfolio but IBKR's was worth at the end of a day, and of the days before it since its last value: by the last
-- snapshot of the day. The profit is that of what the snapshot before held, at the prices of this one: money paid in or out,
-- and what was bought meanwhile, are none.
WITH latest AS MATERIALIZED (
  SELECT DISTINCT ON (portfolio_id, day) portfolio_id, CAST(taken_at AS date) AS day, taken_at, currency, value
  FROM (
    SELECT portfolio_id, greatest(
      CAST(:day AS date) - :days_back,
      (SELECT max(day) FROM portfolio_values AS former WHERE former.portfolio_id = known.portfolio_id AND day < :day) + 1
    ) AS first_day
    FROM known_portfolios AS known
  ) AS lacking
  JOIN portfolio_syncs USING (portfolio_id)
  WHERE outcome = 'complete' AND source <> 'ibkr'
    AND taken_at >= first_day AND taken_at < CAST(:day AS date) + 1
  ORDER BY portfolio_id, day, taken_at DESC
), compared AS (
  SELECT latest.*, before.taken_at AS before_at, before.value AS before_value, held.profit, held.unknown,
    before.positions > held.rows AS archived
  FROM latest
  LEFT JOIN LATERAL (
    SELECT taken_at, value, positions
    FROM portfolio_syncs
    WHERE portfolio_id = latest.portfolio_id AND outcome = 'complete' AND currency = latest.currency
      AND taken_at < latest.day AND taken_at >= latest.day - CAST(:longest_gap AS interval)
    ORDER BY taken_at DESC
    LIMIT 1
  ) AS before ON true
  LEFT JOIN LATERAL (
    SELECT
      count(*) AS rows,
      sum(former.quantity * former.multiplier * (present.price * present.rate - former.price * former.rate)) AS profit,
      count(*) FILTER (
        WHERE present.instrument IS NULL AND (former.kind = 'asset' OR former.currency <> latest.currency)
      ) AS unknown
    FROM portfolio_positions AS former
    LEFT JOIN portfolio_positions AS present
      ON present.portfolio_id = former.portfolio_id
      AND present.taken_at = latest.taken_at
      AND present.instrument = former.instrument
    WHERE former.portfolio_id = latest.portfolio_id AND former.taken_at = before.taken_at
  ) AS held ON true
), judged AS (
  SELECT *,
    CASE
      WHEN before_at IS NULL THEN 'no snapshot of the days before'
      WHEN archived THEN 'the positions of the day before are archived'
      WHEN unknown > 0 THEN unknown || ' instruments that were held have no price any more'
      WHEN before_value <= 0 THEN 'it was worth nothing the day before'
    END AS reason
  FROM compared
)
INSERT INTO portfolio_values (portfolio_id, day, currency, value, profit, daily_return, reason, basis)
SELECT portfolio_id, day, currency, value,
  CASE WHEN reason IS NULL THEN coalesce(profit, 0) END,
  CASE WHEN reason IS NULL THEN CAST(coalesce(profit, 0) / before_value AS double precision) END,
  reason, 'positions'
FROM judged
ON CONFLICT (portfolio_id, day) DO NOTHING
