-- Where the trail of a trade is looked for: the last byte of its id, which is as good as random in ids of every kind.
CREATE OR REPLACE FUNCTION trade_shelf(trade uuid) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
  SELECT get_byte(uuid_send(trade), 15)::smallint
$$;

COMMENT ON FUNCTION trade_shelf IS 'Where the trail of a trade is looked for: the last byte of its id';
