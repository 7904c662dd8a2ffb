"""What is kept for the page on monitoring says what the rows say, whatever is done to them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from include.telemetry.monitoring import DURATIONS
from tests.support.rows import insert_signal
from tests.support.running_stack import wait_for
from tests.support.trades import rows, run

HOUR = datetime(2026, 11, 20, 7, tzinfo=UTC)

HOURS = """
SELECT
  date_trunc('hour', timestamp, 'UTC') AS hour, metric_type, unit, count(*) AS measured, sum(value) AS total
FROM atge_performance_metrics
WHERE unit IN ('ms', 'seconds') AND value > '-Infinity' AND value < 'Infinity'
GROUP BY 1, 2, 3
"""
KEPT_HOURS = """
SELECT hour, metric_type, unit, sum(measured) AS measured, sum(total) AS total
FROM metric_hours
GROUP BY 1, 2, 3
HAVING sum(measured) <> 0
"""
STATUSES = "SELECT status, count(*) FROM trade_signals GROUP BY 1"
KEPT_STATUSES = "SELECT status, sum(trades) FROM trade_statuses GROUP BY 1 HAVING sum(trades) <> 0"

MEASURE = """
INSERT INTO atge_performance_metrics (timestamp, metric_type, metric_name, value, unit)
SELECT
  CAST(:hour AS timestamptz) + n * interval '20 minutes',
  (ARRAY['api_response', 'analysis_time'])[1 + n % 2], 'x', value,
  (ARRAY['ms', 'seconds', 'count'])[1 + n % 3]
FROM generate_series(0, 29) AS n, unnest(ARRAY[0.1, 7, 'NaN', 'Infinity', '-Infinity']::numeric[]) AS value
"""
CHANGES = [
    "UPDATE atge_performance_metrics SET value = value * 3 WHERE metric_type = 'analysis_time'",
    "UPDATE atge_performance_metrics SET timestamp = timestamp - interval '1 day', unit = 'ms' "
    "WHERE unit = 'count'",
    "UPDATE atge_performance_metrics SET value = 'NaN' WHERE value = 7",
    "DELETE FROM atge_performance_metrics WHERE timestamp < '2026-11-20T09:10Z'",
    "UPDATE trade_signals SET status = 'expired' WHERE symbol = 'A'",
    "UPDATE trade_signals SET status_reason = 'why' WHERE symbol = 'B'",
    "DELETE FROM trade_signals WHERE symbol = 'A'",
    "TRUNCATE atge_performance_metrics",
    "TRUNCATE trade_signals CASCADE",
]


def compare(engine: Engine) -> tuple[int, int]:
    """Hold what is kept against the rows; how many kinds of each there are."""
    with engine.connect() as connection:
        sizes = []
        for rows, kept in ((HOURS, KEPT_HOURS), (STATUSES, KEPT_STATUSES)):
            found = {tuple(row) for row in connection.execute(text(rows))}
            assert {tuple(row) for row in connection.execute(text(kept))} == found
            sizes.append(len(found))
    return sizes[0], sizes[1]


def rows_kept(engine: Engine) -> tuple[int, int]:
    with engine.connect() as connection:
        counts = [
            connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("metric_hours", "trade_statuses")
        ]
    return counts[0], counts[1]


@pytest.mark.parametrize("merged", [False, True])
def test_sums_follow_each_change(database, merged):
    with database.begin() as connection:
        for _ in range(2):
            connection.execute(text(MEASURE), {"hour": HOUR})
        for symbol in "AABC":
            insert_signal(connection, symbol=symbol)
    assert min(compare(database)) > 0
    for change in CHANGES:
        if merged:
            with database.begin() as connection:
                connection.execute(text("SELECT merge_kept_sums()"))
            assert rows_kept(database) == compare(database)
        with database.begin() as connection:
            connection.execute(text(change))
        compare(database)
    assert compare(database) == (0, 0)


def test_two_that_add_up_at_once_lose_nothing(database):
    with database.begin() as connection:
        for _ in range(2):
            connection.execute(text(MEASURE), {"hour": HOUR})
    before = compare(database)
    with database.begin() as one, database.begin() as other:
        one.execute(text("SELECT merge_kept_sums()"))
        other.execute(text("SELECT merge_kept_sums()"))
    assert compare(database) == before == (rows_kept(database)[0], 0)


def test_nothing_is_left_of_what_was_added_up_while_the_table_was_emptied(database):
    """The TRUNCATE waits for the sum that replaces the rows, and takes it along."""
    waits = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    emptied = {"atge_performance_metrics": "metric_hours", "trade_signals CASCADE": "trade_statuses"}
    for table, kept in emptied.items():
        with database.begin() as connection:
            for _ in range(2):
                connection.execute(text(MEASURE), {"hour": HOUR})
                insert_signal(connection)
        with ThreadPoolExecutor(1) as pool, database.begin() as merging:
            merging.execute(text("SELECT merge_kept_sums()"))
            emptying = pool.submit(run, database, f"TRUNCATE {table}")
            wait_for(lambda: rows(database, waits), "the TRUNCATE waits for the sums", seconds=30)
            merging.commit()
            emptying.result(timeout=30)
        assert rows(database, f"SELECT FROM {kept}") == []


def test_a_range_begins_within_an_hour(database):
    """Means of a range are those of its rows, to the row: the first hour is read by its measurements."""
    with database.begin() as connection:
        connection.execute(text(MEASURE), {"hour": HOUR})
        for minutes in (0, 10, 20, 60, 119, 120, 121):
            values = {"since": HOUR + timedelta(minutes=minutes)}
            rows = connection.execute(
                text(
                    "SELECT metric_type, unit, sum(value), count(*) FROM atge_performance_metrics "
                    "WHERE timestamp >= :since AND unit IN ('ms', 'seconds') "
                    "AND value > '-Infinity' AND value < 'Infinity' GROUP BY 1, 2"
                ),
                values,
            )
            kept = connection.execute(text(DURATIONS), values)
            assert {tuple(row) for row in kept} == {tuple(row) for row in rows}, minutes
