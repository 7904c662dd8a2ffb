-- Adds what was counted to the totals, oldest first; answers how many rows it took. Another who does the same has other
-- rows; a reader sees both tables of one moment, so nothing is missing or double to anybody.
WITH taken AS (
  DELETE FROM metric_changes
  WHERE id IN (SELECT id FROM metric_changes ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED)
  RETURNING metric, labels, le, value, latest
), folded AS (
  INSERT INTO metric_totals AS total (metric, labels, le, value, latest)
  SELECT metric, labels, le, CASE WHEN bool_or(latest) THEN max(value) ELSE sum(value) END, bool_or(latest)
  FROM taken
  GROUP BY metric, labels, le
  ORDER BY metric, labels, le  -- two at once lock the rows in one order
  ON CONFLICT (metric, labels, le) DO UPDATE SET
    value = CASE WHEN excluded.latest THEN greatest(total.value, excluded.value) ELSE total.value + excluded.value END
)
SELECT count(*) FROM taken
