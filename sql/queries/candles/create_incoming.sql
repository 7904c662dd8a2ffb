-- Where candles wait for candles/write_candles, within one transaction.
CREATE TEMP TABLE incoming_candles (
  symbol text NOT NULL,
  timestamp timestamptz NOT NULL,
  open numeric NOT NULL,
  high numeric NOT NULL,
  low numeric NOT NULL,
  close numeric NOT NULL,
  volume numeric
) ON COMMIT DROP
