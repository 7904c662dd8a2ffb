-- Our positions, from the fills.
SELECT symbol, size FROM positions WHERE exchange = :exchange AND size <> 0
