-- Adds up the rows of trade_counts of users who have several; whoever reads meanwhile sees the rows or their sum. Two
-- at once share the work: rows that another one holds are left to it.
CREATE OR REPLACE FUNCTION merge_trade_counts() RETURNS void
LANGUAGE sql AS $$
  WITH several AS (
    SELECT user_id FROM trade_counts GROUP BY user_id HAVING count(*) > 1
  ), held AS (
    SELECT counted.ctid AS place
    FROM trade_counts AS counted
    JOIN several USING (user_id)
    FOR UPDATE OF counted SKIP LOCKED
  ), taken AS (
    DELETE FROM trade_counts WHERE ctid IN (SELECT place FROM held) RETURNING user_id, trades
  )
  INSERT INTO trade_counts (user_id, trades)
  SELECT user_id, sum(trades) FROM taken GROUP BY user_id HAVING sum(trades) <> 0
$$;

COMMENT ON FUNCTION merge_trade_counts IS 'Adds up trade_counts: one row a user, as far as nobody else holds them';
