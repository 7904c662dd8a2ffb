"""Candles leave by whole months: detached, archived, dropped."""

import dataclasses
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from include.retention import RetentionError, Rule, count_due, load_archived_rows
from include.retention.archive import RowArchive
from tests.retention.rows import HOUR, NOW, SMALL, KilledError, archived, execute, go, kill_at

CANDLES = Rule(
    "market_candles", timedelta(days=60), key=("symbol", "resolution", "timestamp"), by_partition=True
)
IMPATIENT = dataclasses.replace(SMALL, lock_wait=timedelta(milliseconds=100), pause=HOUR)


def insert_candles(engine, first, count):
    last = first + timedelta(hours=count)
    execute(engine, "SELECT ensure_candle_partitions(:first, :last)", first=first, last=last)
    execute(
        engine,
        "INSERT INTO market_candles (symbol, resolution, timestamp, open, high, low, close, volume, source) "
        "SELECT symbol, '1h', CAST(:first AS timestamptz) + n * interval '1 hour', 1, 2, 0.5, 1.5, 9, 'made' "
        "FROM generate_series(0, :count - 1) AS n, unnest(ARRAY['BTC', 'ETH']) AS symbol",
        first=first, count=count,
    )  # fmt: skip


def partitions(engine):
    listed = "SELECT relname FROM pg_class WHERE relname ~ 'market_candles_\\d' AND relkind = 'r' ORDER BY 1"
    return [name for (name,) in execute(engine, listed)]


@pytest.fixture
def two_months(database):
    for name in partitions(database):  # of other tests, whose rows are gone
        execute(database, f"DROP TABLE {name}")
    insert_candles(database, datetime(2026, 8, 30, tzinfo=UTC), 60)  # into September
    insert_candles(database, datetime(2026, 11, 20, tzinfo=UTC), 5)
    yield database
    for name in partitions(database):
        execute(database, f"DROP TABLE {name}")


def test_a_batch_that_was_archived_in_the_future_is_not_the_last_for_ever(two_months, storage, monkeypatch):
    written = RowArchive.write
    monkeypatch.setattr(RowArchive, "write", lambda *given: dies(written(*given)))
    with pytest.raises(KeyboardInterrupt):
        go(two_months, storage, CANDLES)
    monkeypatch.undo()
    execute(two_months, "UPDATE archived_batches SET created_at = now() + interval '3 years'")
    assert go(two_months, storage, CANDLES).deleted == 96


def dies(_):
    raise KeyboardInterrupt


def test_whole_months_of_candles_are_archived_and_dropped(two_months, storage, tmp_path):
    done = go(two_months, storage, CANDLES)
    assert partitions(two_months) == ["market_candles_2026_09", "market_candles_2026_11"]
    assert (done.archived, done.deleted) == (96, 96)  # two days of August, two symbols
    found = archived(tmp_path, "market_candles")
    assert len({(one["symbol"], one["timestamp"]) for one in found}) == 96
    assert go(two_months, storage, CANDLES).archived == 0


@pytest.mark.parametrize("statement", range(1, 11))
def test_a_month_killed_half_way_is_archived_whole_and_once(two_months, storage, tmp_path, statement):
    stop = kill_at(two_months, statement)
    with pytest.raises(KilledError):
        go(two_months, storage, CANDLES)
    stop()
    go(two_months, storage, CANDLES)
    assert partitions(two_months) == ["market_candles_2026_09", "market_candles_2026_11"]
    found = archived(tmp_path, "market_candles")
    assert len(found) == len({(one["symbol"], one["timestamp"]) for one in found}) == 96
    day = date(2026, 8, 30)
    assert load_archived_rows(two_months, storage, "market_candles", day, day + timedelta(days=1)) == 96


def test_a_month_that_came_back_while_it_was_archived_goes_after_it(two_months, storage, tmp_path):
    stop = kill_at(two_months, 5)  # August is detached, renamed, and archived in part
    with pytest.raises(KilledError):
        go(two_months, storage, CANDLES)
    stop()
    assert "archiving_market_candles_2026_08" in partitions(two_months)
    insert_candles(two_months, datetime(2026, 8, 1, tzinfo=UTC), 3)  # a backfill
    assert count_due(two_months, CANDLES, NOW).rows == 96 + 6
    assert go(two_months, storage, CANDLES).deleted == 96 + 6
    assert partitions(two_months) == ["market_candles_2026_09", "market_candles_2026_11"]
    assert len(archived(tmp_path, "market_candles")) == 96 + 6


def test_two_tables_of_one_month_that_were_left_standing_both_go(two_months, storage, tmp_path):
    execute(two_months, "ALTER TABLE market_candles DETACH PARTITION market_candles_2026_08")
    execute(two_months, "ALTER TABLE market_candles_2026_08 RENAME TO archiving_market_candles_2026_08")
    insert_candles(two_months, datetime(2026, 8, 1, tzinfo=UTC), 3)
    execute(two_months, "ALTER TABLE market_candles DETACH PARTITION market_candles_2026_08")
    assert go(two_months, storage, CANDLES).deleted == 96 + 6
    assert partitions(two_months) == ["market_candles_2026_09", "market_candles_2026_11"]


def test_candles_are_due_by_whole_months_and_a_detached_month_is_not_forgotten(two_months, storage):
    due = count_due(two_months, CANDLES, NOW)  # before September 22, whose month is not over its time
    assert (due.rows, due.oldest) == (96, datetime(2026, 8, 30, tzinfo=UTC))
    execute(two_months, "ALTER TABLE market_candles DETACH PARTITION market_candles_2026_08")
    assert count_due(two_months, CANDLES, NOW).rows == 96
    execute(two_months, "ALTER TABLE market_candles_2026_08 RENAME TO archiving_market_candles_2026_08")
    years = dataclasses.replace(CANDLES, keep=timedelta(days=700))
    assert count_due(two_months, years, NOW).rows == 96  # what is begun is brought to its end
    assert go(two_months, storage, years).deleted == 96
    assert count_due(two_months, CANDLES, NOW).rows == 0


@contextmanager
def backup(engine):
    """Read as pg_dump does: one snapshot, and a lock on every table until the end."""
    with engine.connect() as connection:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        for name in ("market_candles", *partitions(engine)):
            connection.execute(text(f"LOCK TABLE {name} IN ACCESS SHARE MODE"))
        yield connection


@pytest.mark.parametrize("step", ["attached", "detached", "archiving"])
def test_a_month_that_a_backup_reads_is_left_for_the_next_run(two_months, storage, caplog, step):
    if step != "attached":
        execute(two_months, "ALTER TABLE market_candles DETACH PARTITION market_candles_2026_08")
    if step == "archiving":
        execute(two_months, "ALTER TABLE market_candles_2026_08 RENAME TO archiving_market_candles_2026_08")
    with backup(two_months):
        done = go(two_months, storage, CANDLES, time_limit=HOUR / 2, limits=IMPATIENT)
        assert (done.left, done.deleted) == (True, 0)
        assert "is in use, by a backup perhaps; left for the next run" in caplog.text
    with two_months.connect() as connection:  # no session of the pool keeps the short wait
        assert connection.execute(text("SHOW lock_timeout")).scalar() != "100ms"
    assert count_due(two_months, CANDLES, NOW).rows == 96
    done = go(two_months, storage, CANDLES)
    assert (done.left, done.deleted) == (False, 96)


def test_a_month_is_tried_again_until_the_backup_is_over(two_months, storage, tmp_path):
    limits = dataclasses.replace(IMPATIENT, pause=timedelta(minutes=1))
    with backup(two_months) as reading:
        done = go(two_months, storage, CANDLES, limits=limits, sleep=lambda seconds: reading.rollback())
    assert done.deleted == 96
    assert len(archived(tmp_path, "market_candles")) == 96


def test_a_partition_that_is_no_month_stops_candles_only_after_the_months(two_months, storage):
    execute(
        two_months,
        "CREATE TABLE market_candles_old PARTITION OF market_candles "
        "FOR VALUES FROM ('2010-01-01') TO ('2011-01-01')",
    )
    assert count_due(two_months, CANDLES, NOW).rows == 96
    with pytest.raises(RetentionError, match="market_candles_old is no monthly partition"):
        go(two_months, storage, CANDLES)
    execute(two_months, "DROP TABLE market_candles_old")
    assert partitions(two_months) == ["market_candles_2026_09", "market_candles_2026_11"]
