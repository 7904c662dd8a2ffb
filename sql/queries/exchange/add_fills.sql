-- Trades, each once: those that are stored already are left as they are.
INSERT INTO fills (
  exchange, trade_id, order_id, symbol, side, executed_at, price, quantity, fee, fee_currency
)
SELECT
  :exchange, r.trade_id, r.order_id, r.symbol, r.side, r.executed_at, r.price, r.quantity, r.fee, r.fee_currency
FROM jsonb_to_recordset(CAST(:fills AS jsonb)) AS r (
  trade_id text, order_id uuid, symbol text, side text, executed_at timestamptz, price numeric, quantity numeric,
  fee numeric, fee_currency text
)
ON CONFLICT (exchange, trade_id) DO NOTHING
RETURNING order_id
