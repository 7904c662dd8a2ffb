-- As the trigger keep_positions has them, in the transaction that writes a fill; and what was there before the trigger.
SELECT refresh_position(exchange, symbol, '-infinity')
FROM (SELECT DISTINCT exchange, symbol FROM fills) AS traded
WHERE NOT EXISTS (
  SELECT FROM position_days AS day WHERE day.exchange = traded.exchange AND day.symbol = traded.symbol
);

CREATE OR REPLACE VIEW positions AS
SELECT exchange, symbol, size, average_entry, realised_result, opened_at, last_fill_at
FROM position_days
WHERE newest;

COMMENT ON VIEW positions IS
  'The position of each symbol that was ever traded, from its fills: size in the base currency (negative: short; 0: '
  'none), average entry by cost, realised result before fees. Netted: one position a symbol';
