"""One file an outside source of candles."""
