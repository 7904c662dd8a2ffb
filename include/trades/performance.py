"""Keeping users' statistics fresh after trades were settled, changed or deleted, at the cost of the changes.

What the figures are is said where they are calculated, in sql/functions/refresh_atge_performance.sql, as
comments on the columns of `atge_performance_cache`; docs/statistics.md repeats it.
"""

from datetime import timedelta

from sqlalchemy import Engine

from include.database import sql, statement_timeout

# What one statement takes; a million trades take it about ten seconds, and the server sorts them on disk.
USERS_A_STATEMENT = 5_000
TRADES_A_STATEMENT = 500_000
REFRESH_TIME = timedelta(minutes=5)  # for a single user with many more


def refresh_performance(engine: Engine) -> int:
    """Recalculate `atge_performance_cache` for the users noted in `performance_refreshes`; count them.

    Each transaction takes up to 5,000 users with up to 500,000 trades to read, and their notes; killed in
    between, the rest stays noted. Of a user of whom nothing is kept yet, all trades are read. The notes of
    how many trades a user has, and that they have changed, are merged first.
    """
    with engine.begin() as connection:
        connection.execute(sql("trades/merge_trade_counts"))
        connection.execute(sql("trades/merge_trade_versions"))
    total = 0
    limits = {"users": USERS_A_STATEMENT, "trades": TRADES_A_STATEMENT}
    while True:
        with engine.begin() as connection:
            statement_timeout(connection, REFRESH_TIME)
            users: int = connection.execute(sql("trades/refresh_performance"), limits).scalar_one()
        if not users:
            return total
        total += users
