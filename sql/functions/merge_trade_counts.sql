-- Adds up the rows of trade_counts of users who have several.
CREATE OR REPLACE FUNCTION merge_trade_counts() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM merge_sums('trade_counts', 'user_id', 'trades');
END;
$$;

COMMENT ON FUNCTION merge_trade_counts IS 'Adds up trade_counts: one row a user, as far as nobody else holds them';
