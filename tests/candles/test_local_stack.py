"""Invented prices settle nothing but the trades of a local stack's own database."""

import pandas as pd
import pytest

from include.candles.history import read_history
from include.candles.local_stack import ForeignDatabaseError, is_local_stack
from include.candles.store import read_candles
from include.settings import Settings
from include.trades.claim import claim_due
from include.trades.settle import settle_batch
from tests.support.trades import insert, rows

NOW = pd.Timestamp("2026-03-02T12:00Z")
WINDOWS = pd.DataFrame({"symbol": ["BTC"], "start": [NOW - pd.Timedelta(hours=1)], "end": [NOW]})


def test_the_stacks_own_server_is_marked_and_no_other(database, foreign_database):
    for engine, own in ((database, True), (foreign_database, False)):
        with engine.connect() as connection:
            assert is_local_stack(connection) is own


def test_a_mark_does_not_travel_with_the_database(database):
    with database.connect() as connection:
        kept = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_db_role_setting, unnest(setconfig) AS one WHERE one LIKE 'tradeops.%%'"
        )
        assert kept.scalar_one() == 0, "it is the server's, so that no dump or copy takes it along"


def test_stored_invented_candles_are_not_read_elsewhere_and_real_ones_are(foreign_database):
    with foreign_database.connect() as connection:
        with pytest.raises(ForeignDatabaseError, match="name sources of real candles"):
            read_candles(connection, WINDOWS, "1m", sandbox=True)
        with pytest.raises(ForeignDatabaseError):
            read_history(connection, "BTC", "1h", NOW - pd.Timedelta(hours=2), NOW, sandbox=True)
        assert read_candles(connection, WINDOWS, "1m", sandbox=False).empty


def test_the_gate_lets_no_trade_of_another_database_pass_on_them(foreign_database):
    settings = Settings(candle_sources=("sandbox",))
    insert(foreign_database, {})
    claim_due(foreign_database, "run-1", settings)
    with pytest.raises(ForeignDatabaseError):
        settle_batch(foreign_database, "run-1", 0, settings)
    assert rows(foreign_database, "SELECT status FROM trade_signals") == [("active",)]
