"""Token access: how many tokens are required, who holds them, and who may come in.

What others use is asked for in its module: `requirement` (from prices to tokens) and `states` (who has
access), both pure; `prices` and `balances`, which ask the outside; `adjustment` and `verification`, what the
two DAGs do; `overview`, what the page and the API show.
"""
