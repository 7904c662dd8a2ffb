"""The table of the audit trail, and what a downgrade does with it."""

from sqlalchemy import text

from include.database import connect, downgrade, migrate
from tests.support.rows import insert_signal


def test_a_downgrade_puts_the_trail_aside_for_the_next_upgrade(empty_database):
    migrate(empty_database)
    engine = connect(empty_database, application="tests", pool_size=0)
    with engine.begin() as connection:
        insert_signal(connection)
    trail = text("SELECT * FROM trade_changes")
    with engine.connect() as connection:
        before = connection.execute(trail).all()
    downgrade(empty_database, "0023")
    migrate(empty_database)
    with engine.connect() as connection:
        assert connection.execute(trail).all() == before != []
