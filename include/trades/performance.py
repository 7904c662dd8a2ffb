"""Keeping each user's statistics fresh after trades were settled."""

from sqlalchemy import Engine

from include.database import sql

USERS_A_STATEMENT = 1_000


def refresh_performance(engine: Engine) -> int:
    """Recalculate `atge_performance_cache` for the users touched since the last refresh; count them.

    Each transaction takes up to 1,000 users and their notes; killed in between, the rest stays noted.
    """
    total = 0
    while True:
        with engine.begin() as connection:
            limit = {"limit": USERS_A_STATEMENT}
            users: int = connection.execute(sql("refresh_performance"), limit).scalar_one()
        total += users
        if users < USERS_A_STATEMENT:
            return total
