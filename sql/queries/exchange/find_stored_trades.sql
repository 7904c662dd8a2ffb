-- Which of these trades are stored already.
SELECT trade_id FROM fills WHERE exchange = :exchange AND trade_id = ANY(:trades)
