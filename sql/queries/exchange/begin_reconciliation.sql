-- Begins a run. The window reaches back to the last complete one, with overlap, and to the oldest order whose number
-- at the exchange is unknown or that differs; it is never longer than the exchange answers for.
WITH stopped AS (
  UPDATE reconciliations
  SET outcome = 'failed', finished_at = now(), reason = 'it ended without a word: its process was killed'
  WHERE exchange = :exchange AND outcome = 'working'
), watermark AS (
  SELECT least(
    (SELECT max(window_end) - :overlap FROM reconciliations WHERE exchange = :exchange AND outcome = 'complete'),
    (
      SELECT min(submitted_at) - :overlap
      FROM orders
      WHERE exchange = :exchange AND closed_at IS NULL AND exchange_order_id IS NULL
    ),
    (
      SELECT min(first_seen) - :overlap
      FROM reconciliation_differences
      WHERE exchange = :exchange AND resolved_at IS NULL
    )
  ) AS reached,
  EXISTS (SELECT FROM reconciliations WHERE exchange = :exchange AND outcome = 'complete') AS known
)
INSERT INTO reconciliations (exchange, window_start, window_end, run_url)
SELECT :exchange, CASE WHEN known THEN greatest(reached, now() - :longest) ELSE now() - :longest END, now(), :run_url
FROM watermark
RETURNING id, window_start, window_end
