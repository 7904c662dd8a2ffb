"""Values and types of every kind come back from the archive as they were."""

from datetime import timedelta
from decimal import Decimal

import pytest

from include.retention import Rule, load_archived_rows, retention_rules
from include.settings import Settings
from tests.retention.rows import METRICS, NOW, KilledError, contents, execute, go, kill_at


def test_numbers_stay_exact_and_come_back(database, storage):
    values = ["0.1", "12345678901234567890.000000000000000001", "-3", "1e-18"]
    for number, value in enumerate(values):
        execute(
            database,
            "INSERT INTO atge_performance_metrics (timestamp, metric_type, metric_name, value, metadata) "
            "VALUES (:at, 'api_response', 'x', CAST(:value AS numeric), '{\"a\": [1, null, \"ü\"]}')",
            at=NOW - timedelta(days=40, minutes=number), value=value,
        )  # fmt: skip
    before = contents(database, "atge_performance_metrics")
    assert go(database, storage, METRICS).deleted == len(values)
    day = (NOW - timedelta(days=40)).date()
    for expected in (len(values), 0):  # the second time nothing is missing
        assert load_archived_rows(database, storage, "atge_performance_metrics", day, day) == expected
    assert contents(database, "atge_performance_metrics") == before
    assert before[-1].value == Decimal("0.1")


ODD = Rule("odd_rows", timedelta(days=30), key=("id",))


@pytest.fixture
def odd_rows(database):
    execute(
        database,
        "CREATE TABLE odd_rows (id varchar(9) PRIMARY KEY, timestamp timestamptz NOT NULL, amount numeric, "
        '  ratio double precision, small smallint, tags text[], "userId" char(5), bytes bytea, '
        "  naive timestamp, document json, rough real, address inet, steps numeric[])",
    )
    yield database
    execute(database, "DROP TABLE odd_rows")


@pytest.mark.parametrize(
    "odd",
    [
        {"amount": "NaN"},
        {"amount": "1e25"},
        {"amount": "-Infinity"},
        {"amount": "0.1234567890123456789"},
        {"ratio": "NaN"},
        {"ratio": "-Infinity"},
        {"small": "-32768", "tags": '{"a,b",NULL,"","ü\\""}', "userId": "x", "bytes": "\\x00ff"},
        {"naive": "2026-01-01 00:00:00.5", "document": '{"b": 1, "a":  0.10}', "rough": "0.1"},
        {"address": "10.0.0.0/8", "steps": "{NaN,1.50}"},
    ],
    ids=str,
)
def test_odd_values_and_types_stop_nothing_and_come_back_as_they_were(odd_rows, storage, odd):
    names = ", ".join(f'"{name}"' for name in odd)
    values = ", ".join(f":{name}" for name in odd)
    execute(
        odd_rows,
        f"INSERT INTO odd_rows (id, timestamp, {names}) VALUES ('odd', :at, {values})",
        at=NOW - timedelta(days=40), **odd,
    )  # fmt: skip
    execute(
        odd_rows,
        "INSERT INTO odd_rows (id, timestamp, amount, ratio) "
        "VALUES ('even', :at, 1.5, 0.1), ('', :at, NULL, NULL)",
        at=NOW - timedelta(days=40),
    )
    as_text = "SELECT odd_rows::text FROM odd_rows ORDER BY id"
    before = execute(odd_rows, as_text)
    stop = kill_at(odd_rows, 3)  # so that the rows to delete are those of the file
    with pytest.raises(KilledError):
        go(odd_rows, storage, ODD)
    stop()
    assert go(odd_rows, storage, ODD).deleted == 3
    day = (NOW - timedelta(days=40)).date()
    assert load_archived_rows(odd_rows, storage, "odd_rows", day, day) == 3
    assert execute(odd_rows, as_text) == before


def test_rows_with_numbers_of_the_databases_own_come_back_with_them(database, storage):
    execute(
        database,
        "INSERT INTO probe_results "
        "(service, kind, status, reason, checked_at, check_every, quota_window, run_url) "
        "SELECT 'sec', 'government', 'healthy', 'fine', :at, '1 hour', '10 days 00:00:01.5', 'x' "
        "FROM generate_series(1, 3)",
        at=NOW - timedelta(days=40),
    )
    before = contents(database, "probe_results")
    (rule,) = (one for one in retention_rules(Settings()) if one.table == "probe_results")
    assert go(database, storage, rule).deleted == 3
    day = (NOW - timedelta(days=40)).date()
    assert load_archived_rows(database, storage, "probe_results", day, day) == 3
    assert sorted(contents(database, "probe_results")) == sorted(before)
