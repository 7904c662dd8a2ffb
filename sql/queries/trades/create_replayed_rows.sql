-- Where a replay's findings wait for write_replayed, within one transaction: the columns of trade_results, the trade's
-- status, and the versions of the rows that they were found for. Not judged: the former result stays, because the data
-- is too poor (poor), or because settling was not asked for. The net result is computed as in create_settled_rows.
CREATE TEMP TABLE replayed_rows (
  LIKE trade_results INCLUDING DEFAULTS,
  PRIMARY KEY (trade_signal_id),
  status text,
  status_reason text,
  judged boolean NOT NULL,
  poor boolean NOT NULL,
  reason text,
  signal_version timestamptz NOT NULL,
  result_version timestamptz
) ON COMMIT DROP;

ALTER TABLE replayed_rows
  DROP COLUMN net_profit_loss,
  ADD COLUMN net_profit_loss numeric
    GENERATED ALWAYS AS (gross_profit_loss - fees_paid - slippage_cost) STORED
