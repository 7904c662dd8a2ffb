-- Where the engine's results wait for settle_trades, within one transaction: the columns of trade_results, and the
-- trade's status. The net result is computed in numeric, so that the identity holds to the last digit.
CREATE TEMP TABLE settled_rows (
  LIKE trade_results INCLUDING DEFAULTS,
  PRIMARY KEY (trade_signal_id),
  status text NOT NULL,
  status_reason text NOT NULL
) ON COMMIT DROP;

ALTER TABLE settled_rows
  DROP COLUMN id,
  DROP COLUMN net_profit_loss,
  ADD COLUMN net_profit_loss numeric
    GENERATED ALWAYS AS (gross_profit_loss - fees_paid - slippage_cost) STORED
