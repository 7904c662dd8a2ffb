-- Whether it is time to ask for the price of a moment: it is now, and nothing was decided or judged of a later one, which this
-- price would change.
SELECT
  now() BETWEEN :at AND CAST(:at AS timestamptz) + CAST(:latest AS interval)
  AND NOT EXISTS (SELECT FROM token_requirements WHERE valid_from > :at)
  AND NOT EXISTS (SELECT FROM access_counts WHERE judged_at > :at)
