-- Makes room for the next write of the same transaction.
DROP TABLE incoming_candles
