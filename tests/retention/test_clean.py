"""Archive, verify, delete: on a real database, with the work cut off at every step."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from include.retention import RetentionError, Rule, count_due
from include.retention.archive import RowArchive
from tests.retention.rows import (
    ERRORS,
    HOUR,
    NOW,
    KilledError,
    archived,
    batches,
    contents,
    execute,
    go,
    insert_errors,
    kill_at,
)


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


@pytest.mark.parametrize("statement", range(1, 12))
def test_killed_anywhere_and_run_again_loses_and_doubles_nothing(database, storage, tmp_path, statement):
    insert_errors(database, 60, newest=NOW - timedelta(days=100))
    before = contents(database)
    stop = kill_at(database, statement)
    with pytest.raises(KilledError):
        go(database, storage)
    stop()
    go(database, storage)
    assert contents(database) == []
    assert [one["id"] for one in archived(tmp_path)] == [str(row.id) for row in before]


def test_a_row_that_arrives_late_is_not_deleted_unarchived(database, storage, tmp_path, monkeypatch):
    insert_errors(database, 10, newest=NOW - timedelta(days=100))
    write = RowArchive.write

    def write_while_one_arrives(self, rows, done):
        insert_errors(database, 1, newest=NOW - timedelta(days=100, hours=2, minutes=30))
        monkeypatch.setattr(RowArchive, "write", write)
        return write(self, rows, done)

    monkeypatch.setattr(RowArchive, "write", write_while_one_arrives)
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
        with pytest.raises(KilledError):
            go(database, storage)
        stop()
        execute(database, changed)
    else:
        write = RowArchive.write

        def write_while_one_changes(self, rows, done):
            execute(database, changed)
            return write(self, rows, done)

        monkeypatch.setattr(RowArchive, "write", write_while_one_changes)
    assert go(database, storage).deleted == 10
    assert contents(database) == []
    found = [one["error_message"] for one in archived(tmp_path)]
    assert len(found) == 11
    assert {"changed", "error 3"} <= set(found)


def test_its_time_ends_between_two_batches_and_the_next_call_goes_on(database, storage):
    insert_errors(database, 100, newest=NOW - timedelta(days=100))
    done = go(database, storage, time_limit=timedelta(0))
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
    with pytest.raises(KilledError):
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
        other = RowArchive(database, storage, ERRORS, ERRORS.table, "another run")
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
        with pytest.raises(KilledError):
            RowArchive(database, storage, ERRORS, ERRORS.table, "another").forget_unfinished()
        return iter(body)

    def die(self, key):
        monkeypatch.undo()
        raise KilledError

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
    write = RowArchive.write

    def look_while_writing(self, rows, done):
        idle = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%' AND pid <> pg_backend_pid()"
        assert execute(database, f"{idle} AND datname = current_database()") == [(0,)]
        return write(self, rows, done)

    monkeypatch.setattr(RowArchive, "write", look_while_writing)
    go(database, storage)
