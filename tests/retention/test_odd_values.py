"""Rows with times of no calendar: counted, archived as they are, deleted, and loaded back, as all others."""

from datetime import date, timedelta

import pyarrow.dataset
import pytest

from include.retention import CleaningLimits, Rule, count_due, load_archived_rows
from include.strange_times import EARLIEST
from tests.retention.rows import ERRORS, METRICS, NOW, execute, go

CALLS = Rule("llm_calls", timedelta(days=365), time_column="at")
PROBES = Rule("probe_results", timedelta(days=30), time_column="checked_at")
STRANGE = ["-infinity", "0323-06-10 12:00:00.000001Z BC", "0001-01-01 00:00Z", "0001-01-01 00:00Z BC"]


def whole(engine, table):
    return execute(engine, f"SELECT row_to_json(kept)::text FROM {table} AS kept ORDER BY 1")


def errors(engine, *times):
    execute(
        engine,
        "INSERT INTO atge_error_logs (timestamp, error_type, error_message) "
        "SELECT '2026-01-03Z'::timestamptz + n * interval '7 hours', 'api', 'x' "
        "FROM generate_series(1, 30) AS n",
    )
    for at in times:
        execute(
            engine,
            "INSERT INTO atge_error_logs (timestamp, error_type, error_message) "
            "VALUES (CAST(:at AS timestamptz), 'api', 'odd')",
            at=at,
        )


@pytest.mark.parametrize("batch", [1, 2, 50])
@pytest.mark.parametrize("times", [*([at] for at in STRANGE), STRANGE * 2], ids=str)
def test_rows_before_every_calendar_are_archived_deleted_and_come_back(database, storage, times, batch):
    errors(database, *times)
    before = whole(database, "atge_error_logs")
    due = count_due(database, ERRORS, NOW)
    assert (due.rows, due.oldest <= EARLIEST) == (30 + len(times), True)
    done = go(database, storage, ERRORS, limits=CleaningLimits(file_rows=batch))
    assert (done.archived, done.deleted, done.left) == (30 + len(times), 30 + len(times), False)
    assert whole(database, "atge_error_logs") == []
    assert (
        load_archived_rows(database, storage, "atge_error_logs", date(1, 1, 1), date(2026, 12, 31))
        == done.deleted
    )
    assert whole(database, "atge_error_logs") == before


def test_rows_of_the_far_future_stay(database, storage):
    errors(database, "infinity", "20400-01-01 00:00Z")
    assert count_due(database, ERRORS, NOW).rows == 30
    assert go(database, storage, ERRORS).deleted == 30
    assert len(whole(database, "atge_error_logs")) == 2


@pytest.mark.parametrize(
    ("rule", "insert", "column"),
    [
        (CALLS, "INSERT INTO llm_calls (at, purpose, model_asked, outcome, lapses_at) "
         "SELECT '2025-02-01Z'::timestamptz + n * interval '1 hour', 'signal', 'm', 'answered', now() "
         "FROM generate_series(1, 9) AS n", column)
        for column in ("lapses_at", "day")
    ] + [
        (PROBES, "INSERT INTO probe_results (service, kind, reason, checked_at, check_every, run_url) "
         "SELECT 'fred', 'government', '', '2026-02-01Z'::timestamptz + n * interval '1 hour', '1 hour', 'u' "
         "FROM generate_series(1, 9) AS n", column)
        for column in ("newest", "expected_by")
    ],
)  # fmt: skip
@pytest.mark.parametrize("odd", ["infinity", "-infinity", "0044-03-15 BC", "12026-05-01"])
def test_an_odd_time_in_another_column_stops_nothing(database, storage, rule, insert, column, odd):
    execute(database, insert)
    execute(
        database,
        f"UPDATE {rule.table} SET {column} = '{odd}' "
        f"WHERE ctid = (SELECT ctid FROM {rule.table} ORDER BY {rule.time_column} OFFSET 4 LIMIT 1)",
    )
    before = whole(database, rule.table)
    assert go(database, storage, rule).deleted == 9
    assert load_archived_rows(database, storage, rule.table, date(2025, 1, 1), date(2026, 12, 31)) == 9
    assert whole(database, rule.table) == before


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e300"])
def test_an_odd_measurement_stops_nothing(database, storage, value):
    execute(
        database,
        "INSERT INTO atge_performance_metrics (timestamp, metric_type, metric_name, value) "
        "VALUES ('2026-01-05Z', 'api_response', 'a', CAST(:value AS numeric)), "
        "('2026-01-05Z', 'api_response', 'b', 1)",
        value=value,
    )
    before = whole(database, "atge_performance_metrics")
    assert go(database, storage, METRICS).deleted == 2
    assert (
        load_archived_rows(database, storage, "atge_performance_metrics", date(2026, 1, 5), date(2026, 1, 5))
        == 2
    )
    assert whole(database, "atge_performance_metrics") == before


def test_the_archive_holds_a_strange_time_as_postgresql_writes_it(database, storage, tmp_path):
    errors(database, "-infinity")
    go(database, storage, ERRORS)
    (row,) = (
        pyarrow.dataset.dataset(tmp_path / "archive" / "atge_error_logs" / "day=0001-01-02")
        .to_table()
        .to_pylist()
    )
    assert row["timestamp"] == "-infinity"
