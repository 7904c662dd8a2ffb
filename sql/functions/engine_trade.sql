-- A trade as the engine takes it: one row, in the engine's columns. Settling and replaying read through it, so that
-- both see the same trade.
CREATE OR REPLACE FUNCTION engine_trade(signal trade_signals) RETURNS TABLE (
  id text,
  symbol text,
  direction text,
  entry_price double precision,
  stop_loss double precision,
  take_profit_1 double precision,
  take_profit_2 double precision,
  take_profit_3 double precision,
  allocation_1 double precision,
  allocation_2 double precision,
  allocation_3 double precision,
  generated_at timestamptz,
  expires_at timestamptz
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT
    signal.id::text,
    signal.symbol,
    signal.direction,
    engine_number(signal.entry_price),
    engine_number(signal.stop_loss),
    engine_number(signal.take_profit_1),
    engine_number(signal.take_profit_2),
    engine_number(signal.take_profit_3),
    engine_number(signal.allocation_1),
    engine_number(signal.allocation_2),
    engine_number(signal.allocation_3),
    engine_time(signal.generated_at),
    engine_time(signal.expires_at)
$$;

COMMENT ON FUNCTION engine_trade IS 'A trade in the columns of the settlement engine, in the form that it takes';
