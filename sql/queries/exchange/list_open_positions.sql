-- Positions that are open, as the fills add up to them.
SELECT exchange, symbol, size, average_entry, realised_result, opened_at, last_fill_at
FROM positions
WHERE size <> 0
ORDER BY abs(size * average_entry) DESC, symbol
LIMIT :rows
