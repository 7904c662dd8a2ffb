"""The life of a trade: claim, backtest, settle, performance."""
