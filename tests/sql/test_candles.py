"""The store of candles: its partitions, and the view that shows each trade its window."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg.errors
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from include.candles.frame import RESOLUTIONS
from include.database import connect, migrate
from tests.support.rows import insert, insert_candles, insert_signal

MINUTE = timedelta(minutes=1)
START = datetime(2024, 3, 10, 12, 0, tzinfo=UTC)


def ensure(connection, first: datetime, last: datetime) -> int:
    statement = text("SELECT ensure_candle_partitions(:first, :last)")
    return connection.execute(statement, {"first": first, "last": last}).scalar_one()


def partitions(connection) -> list[str]:
    return list(
        connection.execute(
            text(
                "SELECT inhrelid::regclass::text FROM pg_inherits "
                "WHERE inhparent = 'market_candles'::regclass ORDER BY 1"
            )
        ).scalars()
    )


@pytest.fixture
def engine(empty_database):
    """A migrated database without partitions."""
    migrate(empty_database)
    engine = connect(empty_database, application="tests")
    yield engine
    engine.dispose()


def prices(connection, trade: uuid.UUID) -> list:
    statement = text("SELECT * FROM trade_historical_prices WHERE trade_signal_id = :id ORDER BY timestamp")
    return list(connection.execute(statement, {"id": trade}))


def test_partitions_are_made_where_they_are_missing(engine):
    with engine.begin() as connection:
        assert ensure(connection, START, START) == 1
        assert ensure(connection, START, START + timedelta(days=31)) == 1
        assert ensure(connection, START - timedelta(days=40), START + timedelta(days=31)) == 2
        assert ensure(connection, START - timedelta(days=40), START + timedelta(days=31)) == 0
        assert partitions(connection) == [f"market_candles_2024_{month:02}" for month in (1, 2, 3, 4)]


def test_a_month_begins_and_ends_in_utc_whatever_the_session_thinks(engine):
    first, last = datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 2, 29, 23, 59, tzinfo=UTC)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL timezone = 'America/New_York'"))
        assert ensure(connection, first, last) == 1
        assert partitions(connection) == ["market_candles_2024_02"]
        insert_candles(connection, "BTC", "1m", first, last - first, 2)
        stored = connection.execute(text("SELECT count(*) FROM market_candles_2024_02")).scalar_one()
    assert stored == 2


def test_a_partition_has_the_key_and_the_checks_of_the_whole(engine):
    with engine.begin() as connection:
        insert_candles(connection, "BTC", "1m", START, MINUTE, 1)
    for broken, error in (
        ("INSERT INTO market_candles SELECT * FROM market_candles", psycopg.errors.UniqueViolation),
        ("UPDATE market_candles SET resolution = '7m'", psycopg.errors.CheckViolation),
        ("UPDATE market_candles SET close = NULL", psycopg.errors.NotNullViolation),
    ):
        with pytest.raises(DBAPIError) as refused, engine.begin() as connection:
            connection.execute(text(broken))
        assert isinstance(refused.value.orig, error)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (datetime(1970, 1, 20, tzinfo=UTC), START),
        (START, datetime(9999, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_garbage_timestamp_makes_no_partitions(engine, first, last):
    with pytest.raises(DBAPIError, match="not plausible"), engine.begin() as connection:
        ensure(connection, first, last)
    with engine.begin() as connection:
        assert partitions(connection) == []


def test_an_upside_down_range_is_refused(engine):
    with pytest.raises(DBAPIError, match="no range of time"), engine.begin() as connection:
        ensure(connection, START, START - MINUTE)


def test_a_detached_partition_is_not_mistaken_for_one(engine):
    with engine.begin() as connection:
        ensure(connection, START, START)
        connection.execute(text("ALTER TABLE market_candles DETACH PARTITION market_candles_2024_03"))
    with (
        pytest.raises(DBAPIError, match="market_candles_2024_03 is no partition"),
        engine.begin() as connection,
    ):
        ensure(connection, START, START)


def test_many_callers_at_once_make_each_partition_once(engine):
    together = threading.Barrier(4)

    def call(_: int) -> int:
        with engine.begin() as connection:
            connection.execute(text("SELECT 1"))
            together.wait(timeout=30)
            return ensure(connection, START, START + timedelta(days=365))

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(call, range(4)))
    with engine.begin() as connection:
        assert len(partitions(connection)) == 13
    assert sum(made) == 13


def test_readers_and_writers_go_on_while_a_partition_is_made(engine):
    with engine.begin() as connection:
        insert_candles(connection, "BTC", "1m", START, MINUTE, 1)
    with engine.begin() as making, engine.begin() as working:
        assert ensure(making, START + timedelta(days=60), START + timedelta(days=60)) == 1
        working.execute(text("SET LOCAL lock_timeout = '2s'"))
        assert working.execute(text("SELECT count(*) FROM market_candles")).scalar_one() == 1
        working.execute(text("UPDATE market_candles SET close = 7"))
        working.execute(
            text(
                "INSERT INTO market_candles SELECT 'ETH', resolution, timestamp, open, high, low, close, "
                "volume, source FROM market_candles"
            )
        )


def test_the_lists_of_resolutions_agree(database):
    with database.begin() as connection:
        for resolution, length in RESOLUTIONS.items():
            seconds = "SELECT extract(epoch FROM resolution_interval(:resolution))"
            of_sql = connection.execute(text(seconds), {"resolution": resolution}).scalar_one()
            assert of_sql == length.total_seconds()
            insert_candles(connection, resolution, resolution, START, length, 1)
            found = connection.execute(
                text("SELECT finest_resolution(:symbol, :start, :end)"),
                {"symbol": resolution, "start": START, "end": START + length},
            ).scalar_one()
            assert found == resolution
        allowed = connection.execute(
            text(
                "SELECT count(*) "
                "FROM pg_constraint, regexp_matches(pg_get_constraintdef(oid), '''[^'']+''', 'g') "
                "WHERE conrelid = 'market_candles'::regclass AND conname = 'market_candles_resolution_check'"
            )
        ).scalar_one()
        assert allowed == len(RESOLUTIONS)
        assert connection.execute(text("SELECT resolution_interval('5x')")).scalar_one() is None


def test_a_trade_shows_whole_candles_inside_its_window_only(database):
    with database.begin() as connection:
        insert_candles(connection, "BTC", "5m", START, 5 * MINUTE, 12)
        insert_candles(connection, "ETH", "5m", START, 5 * MINUTE, 12)
        trade = insert_signal(connection, generated_at=START + 5 * MINUTE, expires_at=START + 21 * MINUTE)
        shown = prices(connection, trade)
    assert [row.timestamp for row in shown] == [START + minutes * MINUTE for minutes in (5, 10, 15)]
    assert {(row.open, row.high, row.low, row.close, row.volume) for row in shown} == {(100, 101, 99, 100, 1)}
    assert {row.data_source for row in shown} == {"archive"}


def test_a_trade_between_two_candles_shows_none(database):
    with database.begin() as connection:
        insert_candles(connection, "BTC", "5m", START, 5 * MINUTE, 12)
        trade = insert_signal(connection, generated_at=START + MINUTE, expires_at=START + 9 * MINUTE)
        assert prices(connection, trade) == []


def test_an_open_trade_shows_the_finest_resolution_that_its_window_holds(database):
    hour = timedelta(hours=1)
    with database.begin() as connection:
        insert_candles(connection, "BTC", "1h", START, hour, 24)
        insert_candles(connection, "BTC", "15m", START, 15 * MINUTE, 8)
        insert_candles(connection, "BTC", "1m", START + 20 * hour, MINUTE, 5)  # outside of both windows
        fine = insert_signal(connection, generated_at=START, expires_at=START + 4 * hour)
        coarse = insert_signal(connection, generated_at=START + 4 * hour, expires_at=START + 8 * hour)
        assert len(prices(connection, fine)) == 8
        assert len(prices(connection, coarse)) == 4


def test_a_settled_trade_shows_the_resolution_that_settled_it(database):
    with database.begin() as connection:
        insert_candles(connection, "BTC", "1m", START, MINUTE, 60)
        insert_candles(connection, "BTC", "15m", START, 15 * MINUTE, 4)
        trade = insert_signal(
            connection,
            generated_at=START,
            expires_at=START + 60 * MINUTE,
            status="completed_success",
        )
        assert len(prices(connection, trade)) == 60
        insert(connection, "trade_results", trade_signal_id=trade, data_resolution="15m")
        assert len(prices(connection, trade)) == 4


def test_each_price_has_an_id_that_stays(database):
    with database.begin() as connection:
        insert_candles(connection, "BTC", "1m", START, MINUTE, 60)
        trades = [
            insert_signal(connection, id=uuid.UUID(int=n), generated_at=START, expires_at=START + 60 * MINUTE)
            for n in (1, 2)
        ]
        before = [row.id for trade in trades for row in prices(connection, trade)]
        connection.execute(text("SET LOCAL timezone = 'Asia/Tokyo'"))
        after = [row.id for trade in trades for row in prices(connection, trade)]
    assert len(set(before)) == 120
    assert before == after


def test_a_day_is_24_hours_in_every_time_zone(database):
    spring = datetime(2024, 3, 30, 0, 0, tzinfo=UTC)  # clocks change in Berlin on the 31st
    with database.begin() as connection:
        insert_candles(connection, "BTC", "1d", spring, timedelta(days=1), 3)
        trade = insert_signal(connection, generated_at=spring, expires_at=spring + timedelta(days=2))
        connection.execute(text("SET LOCAL timezone = 'Europe/Berlin'"))
        assert [row.timestamp for row in prices(connection, trade)] == [spring, spring + timedelta(days=1)]


def test_one_trades_prices_are_found_by_index_in_its_months_only(engine):
    with engine.begin() as connection:
        ensure(connection, START - timedelta(days=200), START)
        insert_candles(connection, "BTC", "1m", START - timedelta(days=9), MINUTE, 14_000)
        trade = insert_signal(connection, generated_at=START - timedelta(hours=1), expires_at=START)
        for _ in range(2_000):
            insert_signal(connection, generated_at=START - timedelta(hours=1), expires_at=START)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
        lines = connection.execute(
            text(
                "EXPLAIN (ANALYZE, COSTS off, TIMING off) SELECT * FROM trade_historical_prices "
                f"WHERE trade_signal_id = '{trade}'"
            )
        ).scalars()
        plan = list(lines)
    assert [line for line in plan if "Seq Scan on trade_signals" in line] == []
    scans = [line for line in plan if " on market_candles_" in line]
    assert len(scans) > 6  # all months are in the plan, but those before the trade are not read
    (read,) = (line for line in scans if "never executed" not in line)
    assert "2024_03" in read
    assert "Seq Scan" not in read
