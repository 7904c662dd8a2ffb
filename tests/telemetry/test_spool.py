import multiprocessing
import os
import time

import pytest

from include.telemetry import Spool, SpoolFullError, error_record, metric_record


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path / "spool")


def records(count):
    return [metric_record("api_response", f"http.{number}", number, "ms") for number in range(count)]


def taken(spool, limit=1000):
    found = []
    spool.deliver(found.extend, limit=limit)
    return found


def test_what_is_kept_is_delivered_once_in_order(spool):
    first, second = records(3), [error_record("api", "später")]
    spool.keep(first)
    spool.keep(second)
    assert taken(spool) == first + second
    assert taken(spool) == []
    assert list(spool.folder.iterdir()) == []


def test_a_delivery_that_fails_keeps_its_batch(spool):
    kept = records(2)
    spool.keep(kept)

    def refuse(_records):
        raise ConnectionError

    with pytest.raises(ConnectionError):
        spool.deliver(refuse, limit=10)
    assert taken(spool) == kept


def test_a_delivery_is_bounded(spool):
    for _ in range(3):
        spool.keep(records(2))
    assert len(taken(spool, limit=3)) == 4  # whole batches
    assert len(taken(spool, limit=3)) == 2


def test_a_full_spool_says_so_and_keeps_what_it_has(spool):
    kept = records(1)
    spool.keep(kept)
    small = Spool(spool.folder, limit=1)
    with pytest.raises(SpoolFullError, match="2 records could not be kept"):
        small.keep(records(2))
    assert taken(spool) == kept


def test_a_batch_that_another_process_delivers_meanwhile_keeps_nobody_from_keeping(spool, monkeypatch):
    spool.keep(records(1))
    listed = [*spool.folder.iterdir(), spool.folder / "just-delivered.jsonl"]
    monkeypatch.setattr(spool, "_files", lambda _ending: listed)
    spool.keep(records(1))
    monkeypatch.undo()
    assert len(taken(spool)) == 2


def test_what_a_crash_left_unfinished_is_no_batch(spool):
    spool.keep(records(1))
    (spool.folder / "0-1-1.unfinished").write_text('["atge_err')
    assert len(taken(spool)) == 1


@pytest.mark.parametrize(
    "content",
    [
        '["atge_err',
        "5",
        "[1]",
        '["atge_error_logs", 5]',
        '["elsewhere", {}]',
        '[["a"], {}]',
        '"ab"',
        "\n",
        "[" * 9999,
    ],
)
def test_what_is_no_batch_is_set_aside_and_stops_nothing_behind_it(spool, caplog, content):
    spool.folder.mkdir()
    (spool.folder / "0-1-1.jsonl").write_text(content)
    kept = records(2)
    spool.keep(kept)
    assert taken(spool) == kept
    (aside,) = spool.folder.iterdir()
    assert (aside.name, aside.read_text()) == ("0-1-1.broken", content)
    assert f"cannot be read and are left in {aside}" in caplog.text


@pytest.mark.parametrize("hours", [-24, 24])  # a clock may have been wrong
def test_what_a_dead_process_wrote_is_taken_up_and_what_is_cut_off_is_counted(spool, caplog, hours):
    kept = records(3)
    spool.keep(kept)
    (batch,) = spool.folder.iterdir()
    unfinished = batch.rename(batch.with_suffix(".unfinished"))
    with unfinished.open("a") as file:
        file.write('["atge_err')
    empty = spool.folder / "0-1-1.unfinished"
    empty.touch()
    for path in (unfinished, empty):
        os.utime(path, (time.time() - hours * 3600,) * 2)
    assert spool.clean() == 1
    assert taken(spool) == kept
    assert list(spool.folder.iterdir()) == []
    assert "3 are taken up, 1 are lost" in caplog.text


def test_what_is_being_written_is_left_alone(spool):
    spool.folder.mkdir()
    (spool.folder / "0-1-1.unfinished").write_text('["atge_err')
    assert spool.clean() == 0
    assert len(list(spool.folder.iterdir())) == 1


def test_broken_files_are_let_go_after_a_month_and_counted(spool, caplog):
    spool.folder.mkdir()
    old = spool.folder / "0-1-1.broken"
    old.write_text("a\nb\n")
    os.utime(old, (time.time() - 31 * 86400,) * 2)
    assert spool.clean() == 2
    assert list(spool.folder.iterdir()) == []
    assert f"{old}, which nobody mended" in caplog.text


def test_broken_and_unfinished_files_count_against_the_limit(spool):
    spool.folder.mkdir()
    (spool.folder / "0-1-1.unfinished").write_text("x" * 1000)
    with pytest.raises(SpoolFullError):
        Spool(spool.folder, limit=1000).keep(records(1))


def test_of_what_is_set_aside_the_newest_ten_are_kept(spool):
    spool.folder.mkdir()
    for number in range(12):
        (spool.folder / f"{number:02}.jsonl").write_text("broken")
    assert taken(spool) == []
    assert spool.clean() == 2
    assert sorted(path.name for path in spool.folder.iterdir()) == [f"{n:02}.broken" for n in range(2, 12)]


def test_the_folder_is_the_users_own(spool):
    spool.keep(records(1))
    assert spool.folder.stat().st_mode & 0o077 == 0


def deliver_in_another_process(folder, numbers):
    found = []
    Spool(folder).deliver(found.extend, limit=1000)
    numbers.put((os.getpid(), [record.row["id"] for record in found]))


def test_processes_that_deliver_at_once_take_each_batch_once(spool):
    kept = [batch for _ in range(20) for batch in [records(2)]]
    for batch in kept:
        spool.keep(batch)
    context = multiprocessing.get_context("forkserver")
    numbers = context.Queue()
    workers = [
        context.Process(target=deliver_in_another_process, args=(spool.folder, numbers)) for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    delivered = [id for _ in workers for id in numbers.get(timeout=60)[1]]
    for worker in workers:
        worker.join()
    assert sorted(delivered) == sorted(record.row["id"] for batch in kept for record in batch)
