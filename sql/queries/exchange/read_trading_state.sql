-- What may be submitted now: the newest change of the switch. No row: nobody has ever turned it.
SELECT state
FROM trading_switch
ORDER BY id DESC
LIMIT 1
