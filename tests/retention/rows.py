"""What the tests of the archive share: old rows, a process that dies, what is left in table and archive."""

import re
import time
from datetime import UTC, datetime, timedelta

import pyarrow.dataset
from sqlalchemy import event, text

from include.retention import CleaningLimits, Rule, clean_table

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
ERRORS = Rule("atge_error_logs", timedelta(days=90))
METRICS = Rule("atge_performance_metrics", timedelta(days=30))
SMALL = CleaningLimits(file_rows=40, rows_deleted_at_once=15)


def execute(engine, statement, **values):
    with engine.begin() as connection:
        done = connection.execute(text(statement), values)
        return done.all() if done.returns_rows else done.rowcount


def insert_errors(engine, count, *, newest):
    execute(
        engine,
        "INSERT INTO atge_error_logs (timestamp, error_type, error_message, context) "
        "SELECT CAST(:newest AS timestamptz) - n * interval '1 hour', 'api', 'error ' || n, "
        "  jsonb_build_object('n', n, 'text', 'ä', 'number', 0.1) FROM generate_series(0, :count - 1) AS n",
        newest=newest, count=count,
    )  # fmt: skip


def go(engine, storage, rule=ERRORS, time_limit=HOUR, limits=SMALL, sleep=time.sleep):
    return clean_table(
        engine,
        storage,
        rule,
        NOW,
        run_url="http://airflow/run",
        time_limit=time_limit,
        limits=limits,
        sleep=sleep,
    )


def contents(engine, table="atge_error_logs"):
    order = "checked_at" if table == "probe_results" else "timestamp"
    return execute(engine, f"SELECT * FROM {table} ORDER BY {order}, 1")


def batches(engine):
    return execute(engine, "SELECT state, rows FROM archived_batches ORDER BY created_at")


def archived(tmp_path, table="atge_error_logs"):
    found = pyarrow.dataset.dataset(tmp_path / "archive" / table, partitioning="hive").to_table()
    return found.sort_by("timestamp").to_pylist()


class KilledError(Exception):
    """The process dies here."""


def kill_at(engine, number):
    """Let the process die at its n-th statement that changes something."""
    seen = 0

    def count(_connection, _cursor, statement, *_):
        nonlocal seen
        begins = re.sub(r"--.*\n", "", statement).lstrip()
        if begins.startswith(("INSERT", "UPDATE", "DELETE", "DROP", "ALTER")):
            seen += 1
            if seen == number:
                raise KilledError

    event.listen(engine, "before_cursor_execute", count)
    return lambda: event.remove(engine, "before_cursor_execute", count)
