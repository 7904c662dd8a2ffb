-- Puts one row, with a number that was never there, in place of a user's many rows of trade_versions. A few are left as
-- they are: to read them costs nothing, and most sweeps then write none. Rows that another transaction holds are left to it.
CREATE OR REPLACE FUNCTION merge_trade_versions() RETURNS void
LANGUAGE sql AS $$
  WITH many AS (
    SELECT user_id FROM trade_versions GROUP BY user_id HAVING count(*) > 8
  ), held AS (
    SELECT noted.ctid AS place
    FROM trade_versions AS noted
    WHERE user_id IN (SELECT user_id FROM many)
      OR user_id IS NULL AND EXISTS (SELECT FROM many WHERE user_id IS NULL)
    FOR UPDATE OF noted SKIP LOCKED
  ), taken AS (
    DELETE FROM trade_versions WHERE ctid IN (SELECT place FROM held) RETURNING user_id
  )
  INSERT INTO trade_versions (user_id) SELECT DISTINCT user_id FROM taken
$$;

COMMENT ON FUNCTION merge_trade_versions IS 'Puts one row in place of many in trade_versions';
