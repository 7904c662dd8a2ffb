-- Worked out anew at each look: nothing can drift from the fills.
CREATE OR REPLACE VIEW positions AS
SELECT
  traded.exchange,
  traded.symbol,
  position.size,
  position.average_entry,
  position.realised_result,
  position.opened_at,
  traded.last_fill_at
FROM (SELECT exchange, symbol, max(executed_at) AS last_fill_at FROM fills GROUP BY exchange, symbol) AS traded
CROSS JOIN LATERAL measure_position(traded.exchange, traded.symbol) AS position;

COMMENT ON VIEW positions IS
  'The position of each symbol that was ever traded, from its fills: size in the base currency (negative: short; 0: '
  'none), average entry by cost, realised result before fees. Netted: one position a symbol';
