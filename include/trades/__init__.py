"""The life of a trade: claim, collect, gate, settle, and the score that is kept.

The steps of the sweep work on the trades that carry a claim (the sweep's run id) and may be repeated. The
rule book (contract/backtest.md) must import quickly, so nothing is imported here; others import from the
modules `backtest`, `claim`, `collect`, `gate`, `settle` and `performance` (the sweep), `rollup` (days and
KPIs), `replay` and `replay_report`, `export`, and `trade_filter` (which trades a person means).
"""
