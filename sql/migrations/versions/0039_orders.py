"""orders: orders, fills, balances, reconciliations with their differences, and the switch of trading."""

from alembic import op

from sql.migrations.adoption import drop_empty

revision = "0039"
down_revision = "0038"

ORDERS = """
CREATE TABLE orders (
  id                 uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  exchange           text        NOT NULL,
  symbol             text        NOT NULL,
  side               text        NOT NULL CHECK (side IN ('buy', 'sell')),
  order_type         text        NOT NULL,
  price              numeric     CHECK (price > 0 AND price < 'Infinity'),
  stop_price         numeric     CHECK (stop_price > 0 AND stop_price < 'Infinity'),
  target_price       numeric     CHECK (target_price > 0 AND target_price < 'Infinity'),
  leverage           numeric     CHECK (leverage > 0 AND leverage < 'Infinity'),
  quantity           numeric     NOT NULL CHECK (quantity > 0 AND quantity < 'Infinity'),
  filled_quantity    numeric     NOT NULL DEFAULT 0,
  average_price      numeric     CHECK (average_price > 0 AND average_price < 'Infinity'),
  status             text        NOT NULL DEFAULT 'planned' CHECK (
    status IN (
      'planned', 'submitting', 'open', 'partially_filled', 'filled', 'cancelled', 'rejected', 'expired',
      'unknown'
    )
  ),
  status_reason      text,
  origin             text        NOT NULL DEFAULT 'tradeops' CHECK (origin IN ('tradeops', 'external')),
  client_order_id    text        UNIQUE CHECK (length(client_order_id) BETWEEN 1 AND 40),
  exchange_order_id  text,
  signal_id          uuid,
  trade_signal_id    uuid,
  reduce_only        boolean     NOT NULL DEFAULT false,
  submitted_at       timestamptz,
  unknown_since      timestamptz,
  closed_at          timestamptz,
  UNIQUE (exchange, exchange_order_id),
  CHECK (filled_quantity BETWEEN 0 AND quantity),
  CHECK (origin = 'external' OR client_order_id IS NOT NULL),
  CHECK (origin = 'tradeops' OR exchange_order_id IS NOT NULL),
  CHECK ((status = 'unknown') = (unknown_since IS NOT NULL)),
  CHECK ((status IN ('filled', 'cancelled', 'rejected', 'expired')) = (closed_at IS NOT NULL)),
  CHECK (status <> 'filled' OR filled_quantity = quantity)
);
CREATE INDEX orders_newest ON orders (created_at);
CREATE INDEX orders_unfinished ON orders (exchange, status, created_at) WHERE closed_at IS NULL;
CREATE INDEX orders_by_symbol ON orders (exchange, symbol, created_at);
CREATE INDEX orders_closed ON orders (exchange, closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX orders_by_signal ON orders (signal_id) WHERE signal_id IS NOT NULL;
CREATE INDEX orders_by_trade ON orders (trade_signal_id) WHERE trade_signal_id IS NOT NULL;
COMMENT ON TABLE orders IS
  'Orders at an exchange, ours and those that only it knew. They outlive their trade. Rows are kept';
COMMENT ON COLUMN orders.exchange IS 'The exchange and its kind of money: bingx, or bingx-demo';
COMMENT ON COLUMN orders.symbol IS 'As ccxt writes markets: BTC/USDT:USDT is the perpetual swap';
COMMENT ON COLUMN orders.order_type IS 'limit, market, or as the exchange says: stop_market, …';
COMMENT ON COLUMN orders.price IS 'The limit; null: at the market''s';
COMMENT ON COLUMN orders.stop_price IS
  'The price that triggers it; of an entry: the stop-loss that goes with it in the same call';
COMMENT ON COLUMN orders.target_price IS 'The take-profit that goes with an entry in the same call';
COMMENT ON COLUMN orders.quantity IS 'In the base currency: BTC of BTC/USDT:USDT';
COMMENT ON COLUMN orders.average_price IS 'Of what is filled, by quantity';
COMMENT ON COLUMN orders.status IS 'include/exchange/order_states.py says which change follows which event';
COMMENT ON COLUMN orders.origin IS 'external: reconciliation found it at the exchange, and we never made it';
COMMENT ON COLUMN orders.client_order_id IS 'Ours, written before the exchange is called';
COMMENT ON COLUMN orders.signal_id IS 'signals.id, of what it was planned from';
COMMENT ON COLUMN orders.submitted_at IS 'When it was handed to the exchange, which happens once';
COMMENT ON COLUMN orders.unknown_since IS 'Since when nobody knows what became of it';

CREATE TABLE fills (
  id            uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  created_at    timestamptz NOT NULL DEFAULT now(),
  exchange      text        NOT NULL,
  trade_id      text        NOT NULL,
  order_id      uuid        NOT NULL REFERENCES orders (id),
  symbol        text        NOT NULL,
  side          text        NOT NULL CHECK (side IN ('buy', 'sell')),
  executed_at   timestamptz NOT NULL,
  price         numeric     NOT NULL CHECK (price > 0 AND price < 'Infinity'),
  quantity      numeric     NOT NULL CHECK (quantity > 0 AND quantity < 'Infinity'),
  fee           numeric     CHECK (fee > '-Infinity' AND fee < 'Infinity'),
  fee_currency  text,
  UNIQUE (exchange, trade_id),
  CHECK (fee IS NULL OR fee_currency IS NOT NULL)
);
CREATE INDEX fills_by_order ON fills (order_id);
CREATE INDEX fills_by_symbol ON fills (exchange, symbol, executed_at, trade_id);
CREATE INDEX fills_newest ON fills (exchange, executed_at);
COMMENT ON TABLE fills IS 'Executions of orders, each once: the exchange numbers them. Rows are kept';
COMMENT ON COLUMN fills.trade_id IS 'How the exchange numbers the execution; unique with the exchange';
COMMENT ON COLUMN fills.quantity IS 'In the base currency';
COMMENT ON COLUMN fills.fee IS 'What was paid, in fee_currency; negative: what was given back';
"""

OBSERVED = """
CREATE TABLE exchange_balances (
  id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  exchange  text        NOT NULL,
  currency  text        NOT NULL,
  total     numeric     NOT NULL CHECK (total > '-Infinity' AND total < 'Infinity'),
  free      numeric     CHECK (free > '-Infinity' AND free < 'Infinity'),
  used      numeric     CHECK (used > '-Infinity' AND used < 'Infinity'),
  taken_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (exchange, currency, taken_at)
);
COMMENT ON TABLE exchange_balances IS 'What the exchange said that we have: a row a look and currency';
COMMENT ON COLUMN exchange_balances.total IS 'free + used, as the exchange counts it';
COMMENT ON COLUMN exchange_balances.used IS 'What orders and positions hold';

CREATE TABLE reconciliations (
  id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  exchange      text        NOT NULL,
  window_start  timestamptz NOT NULL,
  window_end    timestamptz NOT NULL CHECK (window_end >= window_start),
  started_at    timestamptz NOT NULL DEFAULT now(),
  finished_at   timestamptz,
  outcome       text        NOT NULL DEFAULT 'working' CHECK (outcome IN ('working', 'complete', 'failed')),
  reason        text,
  checked       integer     NOT NULL DEFAULT 0,
  differences   integer     NOT NULL DEFAULT 0,
  resolved      integer     NOT NULL DEFAULT 0,
  took          interval,
  run_url       text,
  CHECK ((outcome = 'working') = (finished_at IS NULL))
);
CREATE INDEX reconciliations_newest ON reconciliations (exchange, started_at);
COMMENT ON TABLE reconciliations IS 'Runs that compared our orders, fills and positions with the exchange''s';
COMMENT ON COLUMN reconciliations.window_start IS 'Closed orders and fills since then were asked for';
COMMENT ON COLUMN reconciliations.outcome IS 'failed: an answer was missing, which is evidence of nothing';
COMMENT ON COLUMN reconciliations.checked IS 'Orders, fills and positions that were compared';
COMMENT ON COLUMN reconciliations.differences IS 'Found new in this run';
COMMENT ON COLUMN reconciliations.resolved IS 'Differences that this run saw resolved, or mended itself';

CREATE TABLE reconciliation_differences (
  id                 bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  exchange           text        NOT NULL,
  kind               text        NOT NULL,
  subject            text        NOT NULL,
  order_id           uuid        REFERENCES orders (id),
  symbol             text,
  ours               jsonb,
  theirs             jsonb,
  first_seen         timestamptz NOT NULL DEFAULT now(),
  last_seen          timestamptz NOT NULL DEFAULT now(),
  resolved_at        timestamptz,
  resolved_by        text,
  evidence           jsonb,
  CHECK (last_seen >= first_seen),
  CHECK ((resolved_at IS NULL) = (resolved_by IS NULL))
);
CREATE UNIQUE INDEX reconciliation_differences_once
  ON reconciliation_differences (exchange, kind, subject) WHERE resolved_at IS NULL;
CREATE INDEX reconciliation_differences_newest ON reconciliation_differences (first_seen);
CREATE INDEX reconciliation_differences_by_order ON reconciliation_differences (order_id)
  WHERE order_id IS NOT NULL;
COMMENT ON TABLE reconciliation_differences IS
  'Where we and the exchange do not agree; each once until it is resolved. Rows are kept';
COMMENT ON COLUMN reconciliation_differences.subject IS 'What differs: an order, a fill or a symbol';
COMMENT ON COLUMN reconciliation_differences.resolved_by IS 'reconciliation, or who explained it';
COMMENT ON COLUMN reconciliation_differences.evidence IS 'What the exchange answered that explains it';

CREATE TABLE trading_switch (
  id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  state       text        NOT NULL CHECK (state IN ('trading', 'exits_only', 'frozen')),
  reason      text        NOT NULL CHECK (reason <> ''),
  changed_by  text        NOT NULL CHECK (changed_by <> ''),
  changed_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE trading_switch IS
  'What may be submitted: a row a change, the newest (id) counts; no row: frozen. Rows are kept';
COMMENT ON COLUMN trading_switch.state IS
  'trading: all; exits_only: what only makes positions smaller, and cancels; frozen: cancels only';
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(ORDERS)
    op.execute(OBSERVED)


def downgrade() -> None:
    """Drop them, if they are empty. Fills and differences go first: they refer to orders."""
    observed = ("exchange_balances", "reconciliations", "reconciliation_differences")
    drop_empty("trading_switch", *observed, "fills", "orders")
