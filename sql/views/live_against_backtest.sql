-- Each trade that was tried at an exchange and is settled, beside its back-test. docs/exchange.md derives the parts:
-- net_live - net_backtest = price + fees + delay + missed, to the cent. Where the two cannot be compared yet, `reason`
-- says why and the parts are null.
CREATE OR REPLACE VIEW live_against_backtest WITH (security_invoker = true) AS
SELECT
  trade.id AS trade_signal_id,
  trade.user_id,
  trade.symbol,
  trade.direction,
  trade.completed_at,
  live.exchange,
  live.entered AS quantity,
  live.entry_price,
  live.exit_price,
  result.actual_entry_price AS backtest_entry_price,
  result.actual_exit_price AS backtest_exit_price,
  live.first_fill_at,
  live.last_fill_at,
  result.entry_at AS backtest_entry_at,
  result.exit_at AS backtest_exit_at,
  reasons.reason,
  cents.net_live,
  cents.net_backtest,
  cents.net_live - cents.net_backtest AS difference,
  cents.net_live - cents.net_backtest - cents.fees - cents.delay - cents.missed AS price,
  cents.fees,
  cents.delay,
  cents.missed,
  CASE WHEN reasons.reason IS NULL THEN live.fills = live.fills_in_candles END AS delay_known
FROM trade_signals AS trade
JOIN trade_results AS result ON result.trade_signal_id = trade.id
CROSS JOIN LATERAL (SELECT CASE trade.direction WHEN 'SHORT' THEN -1 ELSE 1 END AS sign) AS way
CROSS JOIN LATERAL (
  SELECT
    max(made.exchange) AS exchange,
    count(DISTINCT made.exchange) AS exchanges,
    bool_and(made.closed_at IS NOT NULL) AS closed,
    coalesce(sum(executed.entered), 0) AS entered,
    coalesce(sum(executed.exited), 0) AS exited,
    sum(executed.entered_value) / nullif(sum(executed.entered), 0) AS entry_price,
    sum(executed.exited_value) / nullif(sum(executed.exited), 0) AS exit_price,
    coalesce(sum(executed.exited_value), 0) - coalesce(sum(executed.entered_value), 0) AS moved,
    coalesce(sum(executed.market_moved), 0) AS market_moved,
    coalesce(sum(executed.fees), 0) AS fees,
    max(executed.foreign_fee) AS foreign_fee,
    coalesce(sum(executed.fills), 0) AS fills,
    coalesce(sum(executed.fills_in_candles), 0) AS fills_in_candles,
    min(executed.first_fill_at) AS first_fill_at,
    max(executed.last_fill_at) AS last_fill_at
  FROM orders AS made
  CROSS JOIN LATERAL (
    SELECT
      sum(fill.quantity) FILTER (WHERE enters) AS entered,
      sum(fill.quantity) FILTER (WHERE NOT enters) AS exited,
      sum(fill.quantity * fill.price) FILTER (WHERE enters) AS entered_value,
      sum(fill.quantity * fill.price) FILTER (WHERE NOT enters) AS exited_value,
      sum(fill.quantity * market.open * CASE WHEN enters THEN -1 ELSE 1 END) AS market_moved,
      sum(fill.fee) AS fees,
      -- Quoted in dollars, as the results are; what was paid in another coin has no price here.
      max(fill.fee_currency) FILTER (WHERE fill.fee <> 0 AND NOT is_dollar(fill.fee_currency)) AS foreign_fee,
      count(*) AS fills,
      count(market.open) AS fills_in_candles,
      min(fill.executed_at) AS first_fill_at,
      max(fill.executed_at) AS last_fill_at
    FROM fills AS fill
    CROSS JOIN LATERAL (SELECT (fill.side = 'buy') = (way.sign = 1) AS enters) AS directed
    LEFT JOIN LATERAL (  -- what the market asked when the minute of the fill began
      SELECT candle.open
      FROM market_candles AS candle
      WHERE candle.symbol = trade.symbol
        AND candle.resolution = '1m'
        AND candle.timestamp = date_trunc('minute', fill.executed_at)
        AND candle.open > 0
        AND candle.open < 'Infinity'
    ) AS market ON true
    WHERE fill.order_id = made.id
  ) AS executed
  WHERE made.trade_signal_id = trade.id AND (made.submitted_at IS NOT NULL OR made.origin = 'external')
) AS live
CROSS JOIN LATERAL (
  SELECT
    CASE
      WHEN NOT live.closed THEN 'an order is not closed yet'
      WHEN live.exchanges > 1 THEN 'its orders are at several exchanges'
      WHEN live.entered <> live.exited THEN 'what was opened is not closed, or closed by orders of others'
      WHEN live.foreign_fee IS NOT NULL THEN 'a fee was paid in ' || live.foreign_fee
      WHEN result.net_profit_loss IS NULL OR result.net_profit_loss IN ('NaN', 'Infinity', '-Infinity')
        THEN 'the back-test has no result'
      WHEN result.actual_entry_price <= 0 OR result.trade_size_usd <= 0 THEN 'the back-test has no quantity'
    END AS reason
) AS reasons
-- The share of the back-test's quantity that was traded; null: the back-test never entered.
CROSS JOIN LATERAL (
  SELECT CASE WHEN reasons.reason IS NULL THEN
    live.entered * result.actual_entry_price / nullif(result.trade_size_usd, 0)
  END AS traded
) AS share
LEFT JOIN LATERAL (
  SELECT
    round(way.sign * live.moved - live.fees, 2) AS net_live,
    round(result.net_profit_loss, 2) AS net_backtest,
    round(coalesce(share.traded * result.fees_paid, 0) - live.fees, 2) AS fees,
    CASE
      WHEN share.traded IS NULL OR live.fills <> live.fills_in_candles THEN CAST(0 AS numeric)
      ELSE round(way.sign * live.market_moved - share.traded * result.gross_profit_loss, 2)
    END AS delay,
    CASE
      WHEN share.traded IS NULL THEN round(way.sign * live.moved - result.net_profit_loss, 2)
      ELSE round((share.traded - 1) * result.net_profit_loss, 2)
    END AS missed
) AS cents ON reasons.reason IS NULL
WHERE trade.status IN ('completed_success', 'completed_failure', 'expired')
  AND live.closed IS NOT NULL;  -- something was submitted for it

COMMENT ON VIEW live_against_backtest IS
  'Trades that were tried at an exchange beside their back-tests, in US dollars: difference = price + fees + delay + missed';
COMMENT ON COLUMN live_against_backtest.reason IS 'Why the two cannot be compared, which leaves the parts empty';
COMMENT ON COLUMN live_against_backtest.price IS 'Worse or better prices than the market''s at that minute, beside the slippage that the back-test assumes';
COMMENT ON COLUMN live_against_backtest.fees IS 'The back-test''s fees on the quantity traded, less those that were paid';
COMMENT ON COLUMN live_against_backtest.delay IS 'What the market moved between the back-test''s minutes and ours; 0 where delay_known is false, and then part of price';
COMMENT ON COLUMN live_against_backtest.missed IS 'The back-test''s result on what was not traded; negative when it won';
