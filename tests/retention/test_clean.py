"""Archive, prove, delete: on a real database, with the work cut off at every step."""

import dataclasses
import runpy
import sys
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow.dataset
import pytest
from sqlalchemy import event, text

from include.retention import RetentionError, Rule, clean, count_due, load_back, retention_rules
from include.retention import archive as archive_module
from include.settings import Settings
from include.storage import open_storage

clean_module = sys.modules["include.retention.clean"]  # the package's own name of it is the function
NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
ERRORS = Rule("atge_error_logs", timedelta(days=90))
METRICS = Rule("atge_performance_metrics", timedelta(days=30))
CANDLES = Rule(
    "market_candles", timedelta(days=60), key=("symbol", "resolution", "timestamp"), by_partition=True
)
HOUR = timedelta(hours=1)


@pytest.fixture
def storage(tmp_path):
    return open_storage(str(tmp_path / "archive"), None)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(archive_module, "BATCH", 40)
    monkeypatch.setattr(archive_module, "DELETED_AT_ONCE", 15)


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


def go(engine, storage, rule=ERRORS, patience=HOUR):
    return clean(engine, storage, rule, NOW, run_url="http://airflow/run", patience=patience)


def contents(engine, table="atge_error_logs"):
    order = "checked_at" if table == "probe_results" else "timestamp"
    return execute(engine, f"SELECT * FROM {table} ORDER BY {order}, 1")


def batches(engine):
    return execute(engine, "SELECT state, rows FROM archived_batches ORDER BY created_at")


def archived(tmp_path, table="atge_error_logs"):
    found = pyarrow.dataset.dataset(tmp_path / "archive" / table, partitioning="hive").to_table()
    return found.sort_by("timestamp").to_pylist()


def test_old_rows_are_in_the_archive_and_gone_and_young_ones_stay(database, storage, tmp_path):
    insert_errors(database, 100, newest=NOW - timedelta(days=89))
    before = contents(database)
    done = go(database, storage)
    cutoff = NOW - timedelta(days=90)
    old = [row for row in before if row.timestamp < cutoff]
    assert contents(database) == [row for row in before if row.timestamp >= cutoff]
    assert (done.archived, done.deleted, done.left) == (len(old), len(old), False)
    found = archived(tmp_path)
    assert [(one["id"], one["timestamp"], one["error_message"]) for one in found] == [
        (str(row.id), row.timestamp, row.error_message) for row in old
    ]
    assert {one["day"] for one in found} == {str(row.timestamp.date()) for row in old}
    assert {state for state, _ in batches(database)} == {"deleted"}
    assert go(database, storage).deleted == 0


def test_a_table_that_does_not_exist_and_one_with_nothing_due_are_no_errors(database, storage):
    assert go(database, storage, Rule("no_such_table", HOUR)) is None
    assert count_due(database, Rule("no_such_table", HOUR), NOW) is None
    assert count_due(database, ERRORS, NOW).rows == 0
    assert go(database, storage).files == 0


def test_a_dry_run_counts_and_touches_nothing(database, storage):
    insert_errors(database, 30, newest=NOW - timedelta(days=100))
    due = count_due(database, ERRORS, NOW)
    assert (due.rows, due.cutoff) == (30, NOW - timedelta(days=90))
    assert len(contents(database)) == 30


class Killed(Exception):
    """The process dies here."""


def kill_at(engine, number):
    """Let the process die at its n-th statement that changes something."""
    seen = 0

    def count(_connection, _cursor, statement, *_):
        nonlocal seen
        if statement.lstrip().startswith(("INSERT", "UPDATE", "DELETE", "DROP", "ALTER")):
            seen += 1
            if seen == number:
                raise Killed

    event.listen(engine, "before_cursor_execute", count)
    return lambda: event.remove(engine, "before_cursor_execute", count)


@pytest.mark.parametrize("statement", range(1, 12))
def test_killed_anywhere_and_run_again_loses_and_doubles_nothing(database, storage, tmp_path, statement):
    insert_errors(database, 60, newest=NOW - timedelta(days=100))
    before = contents(database)
    stop = kill_at(database, statement)
    with pytest.raises(Killed):
        go(database, storage)
    stop()
    go(database, storage)
    assert contents(database) == []
    assert [one["id"] for one in archived(tmp_path)] == [str(row.id) for row in before]


def test_a_row_that_arrives_late_is_not_deleted_unarchived(database, storage, tmp_path, monkeypatch):
    insert_errors(database, 10, newest=NOW - timedelta(days=100))
    write = archive_module.Archive.write

    def write_while_one_arrives(self, rows, done):
        insert_errors(database, 1, newest=NOW - timedelta(days=100, hours=2, minutes=30))
        monkeypatch.setattr(archive_module.Archive, "write", write)
        return write(self, rows, done)

    monkeypatch.setattr(archive_module.Archive, "write", write_while_one_arrives)
    go(database, storage)
    assert contents(database) == []
    assert len(archived(tmp_path)) == 11


@pytest.mark.parametrize("died", [False, True])
def test_a_row_changed_after_it_was_read_is_archived_as_it_is_before_it_goes(
    database, storage, tmp_path, monkeypatch, died
):
    insert_errors(database, 10, newest=NOW - timedelta(days=100))
    changed = "UPDATE atge_error_logs SET error_message = 'changed' WHERE error_message = 'error 3'"
    if died:
        stop = kill_at(database, 3)  # the file is written, its rows are not deleted
        with pytest.raises(Killed):
            go(database, storage)
        stop()
        execute(database, changed)
    else:
        write = archive_module.Archive.write

        def write_while_one_changes(self, rows, done):
            execute(database, changed)
            return write(self, rows, done)

        monkeypatch.setattr(archive_module.Archive, "write", write_while_one_changes)
    assert go(database, storage).deleted == 10
    assert contents(database) == []
    found = [one["error_message"] for one in archived(tmp_path)]
    assert len(found) == 11
    assert {"changed", "error 3"} <= set(found)


def test_patience_ends_between_two_batches_and_the_next_call_goes_on(database, storage):
    insert_errors(database, 100, newest=NOW - timedelta(days=100))
    done = go(database, storage, patience=timedelta(0))
    assert done.left and 0 < done.deleted < 100
    assert go(database, storage).deleted == 100 - done.deleted


def test_a_storage_that_gives_back_other_bytes_deletes_nothing(database, storage, monkeypatch):
    insert_errors(database, 5, newest=NOW - timedelta(days=100))
    monkeypatch.setattr(type(storage), "read", lambda self, key: iter([b"PAR1 something else"]))
    with pytest.raises(RetentionError, match="other bytes; no row is deleted"):
        go(database, storage)
    assert len(contents(database)) == 5


def test_a_file_damaged_before_its_rows_were_deleted_keeps_the_rows(database, storage, tmp_path):
    insert_errors(database, 5, newest=NOW - timedelta(days=100))
    stop = kill_at(database, 3)  # after the file, before the deletion
    with pytest.raises(Killed):
        go(database, storage)
    stop()
    (file,) = (tmp_path / "archive").rglob("*.parquet")
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 1
    file.write_bytes(body)
    with pytest.raises(RetentionError, match="is not what was archived"):
        go(database, storage)
    assert len(contents(database)) == 5


def test_two_runs_at_once_do_not_meet(database, storage):
    insert_errors(database, 5, newest=NOW - timedelta(days=100))
    with database.connect() as other:
        other.execute(text("SELECT pg_advisory_lock(hashtext('retention atge_error_logs'))"))
        with pytest.raises(RetentionError, match="another run is cleaning"):
            go(database, storage)
        other.execute(text("SELECT pg_advisory_unlock_all()"))
    assert go(database, storage).deleted == 5


@pytest.mark.parametrize("place", ["write", "read"])
def test_a_run_that_lost_its_lock_and_its_batch_deletes_nothing(
    database, storage, tmp_path, monkeypatch, place
):
    insert_errors(database, 5, newest=NOW - timedelta(days=100))
    original = getattr(type(storage), place)

    def while_another_comes(self, *arguments):
        other = archive_module.Archive(database, storage, ERRORS, ERRORS.table, "another run")
        body = list(original(self, *arguments)) if place == "read" else None
        assert other.forget_unfinished() == []
        assert batches(database) == []
        return iter(body) if body else original(self, *arguments)

    monkeypatch.setattr(type(storage), place, while_another_comes)
    with pytest.raises(RetentionError, match="away meanwhile; no row is deleted"):
        go(database, storage)
    monkeypatch.undo()
    assert len(contents(database)) == 5
    assert list((tmp_path / "archive").rglob("*.parquet")) == []
    assert go(database, storage).deleted == 5


def test_a_batch_taken_over_is_lost_to_its_writer_though_the_other_run_dies(database, storage, monkeypatch):
    insert_errors(database, 5, newest=NOW - timedelta(days=100))
    read = type(storage).read

    def while_another_comes_and_dies(self, key):
        body = list(read(self, key))
        with pytest.raises(Killed):
            archive_module.Archive(database, storage, ERRORS, ERRORS.table, "another").forget_unfinished()
        return iter(body)

    def die(self, key):
        monkeypatch.undo()
        raise Killed

    monkeypatch.setattr(type(storage), "read", while_another_comes_and_dies)
    monkeypatch.setattr(type(storage), "delete", die)
    with pytest.raises(RetentionError, match="no row is deleted"):
        go(database, storage)
    assert [state for state, _ in batches(database)] == ["writing"]
    assert len(contents(database)) == 5
    assert go(database, storage).deleted == 5
    assert {state for state, _ in batches(database)} == {"deleted"}


def test_nothing_holds_a_transaction_open_or_locks_long(database, storage, monkeypatch):
    insert_errors(database, 60, newest=NOW - timedelta(days=100))
    write = archive_module.Archive.write

    def look_while_writing(self, rows, done):
        idle = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%' AND pid <> pg_backend_pid()"
        assert execute(database, f"{idle} AND datname = current_database()") == [(0,)]
        return write(self, rows, done)

    monkeypatch.setattr(archive_module.Archive, "write", look_while_writing)
    go(database, storage)


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
        assert load_back(database, storage, "atge_performance_metrics", day, day) == expected
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
    with pytest.raises(Killed):
        go(odd_rows, storage, ODD)
    stop()
    assert go(odd_rows, storage, ODD).deleted == 3
    day = (NOW - timedelta(days=40)).date()
    assert load_back(odd_rows, storage, "odd_rows", day, day) == 3
    assert execute(odd_rows, as_text) == before


@pytest.mark.parametrize("attempt", range(4))  # files have random names
def test_of_a_row_that_was_archived_more_than_once_the_last_comes_back(database, storage, attempt):
    insert_errors(database, 1, newest=NOW - timedelta(days=100))
    day = (NOW - timedelta(days=100)).date()
    for version in ("first", "second", "third"):
        execute(database, "UPDATE atge_error_logs SET error_message = :version", version=version)
        assert go(database, storage).deleted == 1
        assert load_back(database, storage, "atge_error_logs", day, day) == 1
        assert [row.error_message for row in contents(database)] == [version]


def test_loading_back_what_was_never_archived_says_so(database, storage):
    with pytest.raises(RetentionError, match="nothing of atge_error_logs from 2020-01-01"):
        load_back(database, storage, "atge_error_logs", date(2020, 1, 1), date(2020, 1, 2))


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
    written = archive_module.Archive.write
    monkeypatch.setattr(archive_module.Archive, "write", lambda *given: dies(written(*given)))
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
    with pytest.raises(Killed):
        go(two_months, storage, CANDLES)
    stop()
    go(two_months, storage, CANDLES)
    assert partitions(two_months) == ["market_candles_2026_09", "market_candles_2026_11"]
    found = archived(tmp_path, "market_candles")
    assert len(found) == len({(one["symbol"], one["timestamp"]) for one in found}) == 96
    day = date(2026, 8, 30)
    assert load_back(two_months, storage, "market_candles", day, day + timedelta(days=1)) == 96


def test_a_month_that_came_back_while_it_was_archived_goes_after_it(two_months, storage, tmp_path):
    stop = kill_at(two_months, 5)  # August is detached, renamed, and archived in part
    with pytest.raises(Killed):
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
def test_a_month_that_a_backup_reads_is_left_for_the_next_run(two_months, storage, caplog, monkeypatch, step):
    monkeypatch.setattr(archive_module, "LOCK_WAIT", timedelta(milliseconds=100))
    monkeypatch.setattr(clean_module, "PAUSE", HOUR)
    if step != "attached":
        execute(two_months, "ALTER TABLE market_candles DETACH PARTITION market_candles_2026_08")
    if step == "archiving":
        execute(two_months, "ALTER TABLE market_candles_2026_08 RENAME TO archiving_market_candles_2026_08")
    with backup(two_months):
        done = go(two_months, storage, CANDLES, patience=HOUR / 2)
        assert (done.left, done.deleted) == (True, 0)
        assert "is in use, by a backup perhaps; left for the next run" in caplog.text
    with two_months.connect() as connection:  # no session of the pool keeps the short wait
        assert connection.execute(text("SHOW lock_timeout")).scalar() != "100ms"
    assert count_due(two_months, CANDLES, NOW).rows == 96
    done = go(two_months, storage, CANDLES)
    assert (done.left, done.deleted) == (False, 96)


def test_a_month_is_tried_again_until_the_backup_is_over(two_months, storage, tmp_path, monkeypatch):
    monkeypatch.setattr(archive_module, "LOCK_WAIT", timedelta(milliseconds=100))
    with backup(two_months) as reading:
        monkeypatch.setattr(clean_module.time, "sleep", lambda seconds: reading.rollback())
        assert go(two_months, storage, CANDLES).deleted == 96
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


def test_the_rules_keep_feedback_and_follow_the_settings():
    rules = {rule.table: rule.keep for rule in retention_rules(Settings())}
    assert rules["atge_error_logs"] == timedelta(days=90)
    assert rules["atge_performance_metrics"] == timedelta(days=30)
    assert not {"atge_user_feedback", "trade_signals", "trade_results", "market_candles"} & set(rules)
    rules = {rule.table: rule for rule in retention_rules(Settings(keep_candles=HOUR, keep_errors=None))}
    assert rules["market_candles"].by_partition
    assert "atge_error_logs" not in rules


def test_the_command_line_loads_rows_back(database, database_url, storage, tmp_path, monkeypatch, capsys):
    insert_errors(database, 3, newest=NOW - timedelta(days=100))
    go(database, storage)
    monkeypatch.setenv("TRADEOPS_DATABASE_URL", database_url)
    command = ["retention", "load", "--archive", str(tmp_path / "archive"), "atge_error_logs"]
    monkeypatch.setattr("sys.argv", [*command, "2026-08-01", "2026-08-31"])
    runpy.run_module("include.retention", run_name="__main__")
    assert capsys.readouterr().out == "3 rows are back in atge_error_logs\n"
    monkeypatch.setattr("sys.argv", [*command, "2020-08-01", "2020-08-31"])
    with pytest.raises(SystemExit, match="nothing of atge_error_logs"):
        runpy.run_module("include.retention", run_name="__main__")


RULES = retention_rules(Settings(keep_candles=timedelta(days=400)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.table)
def test_every_table_with_a_rule_exists_and_can_be_archived(database, storage, rule):
    assert count_due(database, rule, NOW) is not None
    archive_module.Archive(database, storage, rule, rule.table, "run")  # knows a Parquet type of each column


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
    (rule,) = (one for one in RULES if one.table == "probe_results")
    assert go(database, storage, rule).deleted == 3
    day = (NOW - timedelta(days=40)).date()
    assert load_back(database, storage, "probe_results", day, day) == 3
    assert sorted(contents(database, "probe_results")) == sorted(before)
