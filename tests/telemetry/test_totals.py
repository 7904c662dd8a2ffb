"""What is counted for /metrics: when rows come and change, once each, and whatever becomes of the rows."""

import json
import math
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from include.candles.store import write_candles
from include.database import sql
from include.retention import clean_table, load_archived_rows, retention_rules
from include.settings import Settings
from include.storage import open_storage
from include.telemetry.totals import fold_changes
from tests.support.candles import minutes
from tests.support.rows import NOW, insert, insert_settled, insert_signal

VALUES = "SELECT metric, labels, le, value FROM metric_values"


def counted(connection, metric, le=""):
    """The values of a metric by those of its labels."""
    rows = connection.execute(text(VALUES))
    return {
        "/".join(row.labels.values()): float(row.value)
        for row in rows
        if row.metric == metric and row.le == le
    }


def change(database, statement, **values):
    with database.begin() as connection:
        connection.execute(text(statement), values)


def totals(database, metric, le=""):
    with database.connect() as connection:
        return counted(connection, metric, le)


def test_trades_count_when_they_come_into_a_status(database):
    with database.begin() as connection:
        ids = [insert_signal(connection, expires_at=NOW - timedelta(seconds=100)) for _ in range(5)]
    trades = "tradeops_trades_total"
    assert totals(database, trades) == {"active": 5}
    change(
        database,
        "UPDATE trade_signals SET status = CASE id WHEN :one THEN 'incomplete_data' ELSE 'expired' END, "
        "completed_at = expires_at + interval '90 s'",
        one=ids[0],
    )
    change(database, "UPDATE trade_signals SET status_reason = 'read again'")  # no other status
    assert totals(database, trades) == {"active": 5, "expired": 4, "incomplete_data": 1}
    assert totals(database, "tradeops_sweep_latency_seconds", "120") == {"": 4}
    assert totals(database, "tradeops_sweep_latency_seconds") == {"": 360}
    change(database, "UPDATE trade_signals SET status = 'completed_success' WHERE status = 'expired'")
    assert totals(database, trades)["completed_success"] == 4
    assert totals(database, "tradeops_sweep_latency_seconds", "120") == {"": 4}  # a replay is not late


def test_what_is_rolled_back_or_written_twice_is_not_counted(database):
    row = {"id": str(uuid.uuid4()), "error_type": "api", "severity": "high", "error_message": "no"}
    record = {"timestamp": NOW.isoformat(), "user_id": None, "trade_signal_id": None, "error_stack": None}
    for commits in (False, True, True):
        with database.connect() as connection:
            connection.execute(
                sql("telemetry/write_errors"), {"rows": json.dumps([{**record, **row, "context": {}}])}
            )
            if commits:
                connection.commit()
    assert totals(database, "tradeops_errors_total") == {"api/high": 1} or totals(
        database, "tradeops_errors_total"
    ) == {"high/api": 1}


def test_odd_values_stop_nothing_and_are_in_no_histogram(database):
    with database.begin() as connection:
        for value in ("NaN", "1e300", "-5", "Infinity", "250"):
            insert(
                connection,
                "atge_performance_metrics",
                metric_type="database_query",
                metric_name="odd",
                value=value,
                unit="ms",
            )
        for time in ("infinity", "12026-01-01Z", "-infinity"):
            insert_signal(connection, expires_at=time)
        connection.execute(text("UPDATE trade_signals SET status = 'expired', completed_at = now()"))
    with database.connect() as connection:
        assert counted(connection, "db_query_duration_seconds") == {"": 0.25}
        assert counted(connection, "db_query_duration_seconds", "0.25") == {"": 1}
        assert counted(connection, "tradeops_sweep_latency_seconds") == {}


@given(st.lists(st.floats(0, 200_000) | st.sampled_from([30.0, 60.0, 86400.0]), max_size=20))
def test_buckets_are_those_of_prometheus(worker_engine, values):
    with worker_engine.connect() as connection:
        found = connection.execute(
            text("SELECT le, value FROM count_values('tradeops_sweep_latency_seconds', :values)"),
            {"values": values},
        ).all()
        bounds = connection.execute(
            text("SELECT bounds FROM metric_histograms() WHERE metric = 'tradeops_sweep_latency_seconds'")
        ).scalar_one()
    expected = {}
    for value in values:  # the first bound that is not below it
        bound = next(bound for bound in [*bounds, math.inf] if value <= bound)
        expected[bound] = expected.get(bound, 0) + 1
    assert {float(row.le): int(row.value) for row in found if row.le} == expected
    sums = [float(row.value) for row in found if not row.le]
    assert sums == ([pytest.approx(sum(values))] if values else [])


def test_services_that_nobody_has_called_are_no_labels(database):
    change(database, "INSERT INTO http_services (service) VALUES ('bingx')")
    answers = [("ok", None), ("ok", 200), ("unavailable", None), ("unavailable", 503)]
    with database.begin() as connection:
        for name in ("http.bingx", "http.made-up", "anything"):
            for outcome, status in answers:
                insert(
                    connection,
                    "atge_performance_metrics",
                    metric_type="api_response",
                    metric_name=name,
                    value=20,
                    unit="ms",
                    metadata=json.dumps({"outcome": outcome, "status": status, "path": "/time"}),
                )
    with database.connect() as connection:
        calls = counted(connection, "tradeops_service_calls_total")
        assert {frozenset(key.split("/")): value for key, value in calls.items()} == {
            frozenset({"bingx", "ok"}): 2,
            frozenset({"bingx", "unavailable"}): 2,
        }
        errors = connection.execute(
            text("SELECT labels ->> 'code', value FROM metric_values WHERE metric LIKE 'bingx_api_err%'")
        )
        assert {code: int(value) for code, value in errors} == {"none": 1, "503": 1}
        assert counted(connection, "tradeops_service_call_seconds") == {"bingx": pytest.approx(0.08)}


def test_calls_of_the_model_count_when_they_end_and_cost_what_they_cost(database):
    insert_call = (
        "INSERT INTO llm_calls (id, purpose, model_asked, choice, outcome, lapses_at) "
        "VALUES (:id, 'signal', 'm', :choice, 'under_way', now())"
    )
    first, second = uuid.uuid4(), uuid.uuid4()
    for id_, choice in ((first, "first"), (second, "second")):
        change(database, insert_call, id=id_, choice=choice)
    assert totals(database, "tradeops_model_cost_usd_total") == {"m": 0}  # a 0 before the first
    settle = "UPDATE llm_calls SET outcome = :outcome, cost_usd = :cost WHERE id = :id"
    change(database, settle, id=first, outcome="answered", cost=0.25)
    change(database, settle, id=second, outcome="lost", cost=None)
    change(database, settle, id=second, outcome="timeout", cost=0.5)
    change(database, settle, id=second, outcome="timeout", cost=0.1)  # what is spent comes back to nobody
    assert totals(database, "tradeops_model_cost_usd_total") == {"m": 0.75}
    calls = {
        frozenset(key.split("/")): n for key, n in totals(database, "tradeops_model_calls_total").items()
    }
    assert calls == {frozenset({"m", outcome}): 1 for outcome in ("answered", "lost", "timeout")}
    assert totals(database, "tradeops_second_model_calls_total") == {"lost": 1, "timeout": 1}


def test_candles_count_by_source_and_the_newest_is_never_ahead_of_the_clock(database):
    start = datetime(2026, 3, 1, tzinfo=UTC)
    frame = minutes(10, start=start)
    with database.begin() as connection:
        write_candles(connection, frame, "1m", "kraken")
    with database.begin() as connection:
        write_candles(connection, frame, "1m", "kraken")  # nothing new
    assert totals(database, "tradeops_candles_written_total") == {"kraken": 10}
    newest = "tradeops_newest_candle_timestamp_seconds"
    assert totals(database, newest) == {"kraken": (start + timedelta(minutes=10)).timestamp()}
    with database.begin() as connection:
        write_candles(
            connection,
            minutes(1, start=NOW.replace(second=0, microsecond=0) + timedelta(days=3)),
            "1m",
            "kraken",
        )
        fold_changes(connection)
    assert totals(database, newest)["kraken"] <= datetime.now(UTC).timestamp()


def test_folding_changes_nothing_that_is_shown(database):
    with database.begin() as connection:
        for _ in range(3):
            insert_settled(connection, "completed_success", 1.0)
    before = totals(database, "tradeops_trades_total")
    with database.begin() as connection:
        assert fold_changes(connection) > 0
        assert fold_changes(connection) == 0
    change(database, "UPDATE trade_signals SET status = 'completed_failure'")
    with database.begin() as connection:
        fold_changes(connection)
    assert totals(database, "tradeops_trades_total") == {**before, "completed_failure": 3}


def test_those_who_count_wait_for_nobody_and_what_is_not_committed_is_folded_later(database):
    error = "INSERT INTO atge_error_logs (error_type, error_message) VALUES ('api', 'no')"
    with database.connect() as first, database.connect() as second, database.connect() as folding:
        for connection in (first, second, folding):
            connection.execute(text("SET LOCAL lock_timeout = '1s'"))
        first.execute(text(error))
        second.execute(text(error))  # the same series
        second.commit()
        assert fold_changes(folding) == 1
        second.execute(text(error))  # while somebody folds
        second.commit()
        folding.commit()
        first.commit()
        assert fold_changes(folding) == 2
        folding.commit()
    assert sum(totals(database, "tradeops_errors_total").values()) == 3


def test_retention_and_the_way_back_move_no_total(database, tmp_path):
    old = NOW - timedelta(days=200)
    with database.begin() as connection:
        for _ in range(3):
            insert(connection, "atge_error_logs", timestamp=old, error_type="api", error_message="old")
    before = totals(database, "tradeops_errors_total")
    (rule,) = (rule for rule in retention_rules(Settings()) if rule.table == "atge_error_logs")
    storage = open_storage(str(tmp_path))
    done = clean_table(database, storage, rule, NOW, run_url="", time_limit=timedelta(minutes=1))
    assert done.deleted == 3
    assert totals(database, "tradeops_errors_total") == before
    day = old.date()
    assert load_archived_rows(database, storage, "atge_error_logs", day, day) == 3
    assert totals(database, "tradeops_errors_total") == before
