-- Adds up the rows of metric_hours and of trade_statuses where there are several of a kind; whoever reads meanwhile sees
-- the rows or their sum. Two at once share the work: rows that another one holds are left to it.
CREATE OR REPLACE FUNCTION merge_kept_sums() RETURNS void
LANGUAGE sql AS $$
  WITH several AS (
    SELECT hour, metric_type, unit FROM metric_hours GROUP BY hour, metric_type, unit HAVING count(*) > 1
  ), held AS (
    SELECT summed.ctid AS place
    FROM metric_hours AS summed
    JOIN several USING (hour, metric_type, unit)
    FOR UPDATE OF summed SKIP LOCKED
  ), taken AS (
    DELETE FROM metric_hours WHERE ctid IN (SELECT place FROM held)
    RETURNING hour, metric_type, unit, measured, total
  )
  INSERT INTO metric_hours (hour, metric_type, unit, measured, total)
  SELECT hour, metric_type, unit, sum(measured), sum(total)
  FROM taken
  GROUP BY hour, metric_type, unit
  HAVING sum(measured) <> 0 OR sum(total) <> 0;

  WITH several AS (
    SELECT status FROM trade_statuses GROUP BY status HAVING count(*) > 1
  ), held AS (
    SELECT counted.ctid AS place
    FROM trade_statuses AS counted
    JOIN several USING (status)
    FOR UPDATE OF counted SKIP LOCKED
  ), taken AS (
    DELETE FROM trade_statuses WHERE ctid IN (SELECT place FROM held) RETURNING status, trades
  )
  INSERT INTO trade_statuses (status, trades)
  SELECT status, sum(trades) FROM taken GROUP BY status HAVING sum(trades) <> 0
$$;

COMMENT ON FUNCTION merge_kept_sums IS
  'Adds up metric_hours and trade_statuses: one row a kind, as far as nobody else holds them';
