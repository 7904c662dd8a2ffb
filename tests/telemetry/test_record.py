"""The small interface, on a real database that may be away."""

import asyncio
import logging
import os
import threading
import uuid

import pytest
from sqlalchemy import text

from include.database import connect
from include.telemetry import (
    Spool,
    Writer,
    error_record,
    metric_record,
    record_error,
    record_feedback,
    record_metric,
    timed,
    writing_to,
)
from include.telemetry import writer as writer_module

NOWHERE = "postgresql://tradeops@127.0.0.1:1/tradeops"  # nothing listens on port 1


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path / "spool")


@pytest.fixture
def nowhere():
    engine = connect(NOWHERE, application="tests")
    yield engine
    engine.dispose()


def rows(engine, table):
    with engine.connect() as connection:
        return connection.execute(text(f"SELECT * FROM {table} ORDER BY timestamp")).mappings().all()


def test_errors_metrics_and_feedback_reach_their_tables(database, spool):
    user, trade = uuid.uuid4(), uuid.uuid4()
    with writing_to(database, spool):
        record_error("generation", ValueError("no price"), severity="high", trade_signal_id=trade)
        record_metric("api_response", "http.kraken", 12.5, "ms", metadata={"status": 200})
        record_feedback(user, "trade_accuracy", rating=4, comment="good")
    (error,) = rows(database, "atge_error_logs")
    assert (error["error_message"], error["severity"]) == ("ValueError: no price", "high")
    assert error["trade_signal_id"] == trade
    (metric,) = rows(database, "atge_performance_metrics")
    assert (metric["metric_name"], float(metric["value"]), metric["unit"]) == ("http.kraken", 12.5, "ms")
    assert metric["metadata"] == {"status": 200}
    (feedback,) = rows(database, "atge_user_feedback")
    assert (feedback["user_id"], feedback["rating"], feedback["comment"]) == (user, 4, "good")


def test_a_thousand_records_are_a_few_statements(database, spool, caplog):
    statements = []

    def note(*arguments):
        statements.append(arguments[2])

    from sqlalchemy import event

    event.listen(database, "before_cursor_execute", note)
    try:
        with writing_to(database, spool):
            for number in range(1000):
                record_metric("database_query", "q", number, "ms")
    finally:
        event.remove(database, "before_cursor_execute", note)
    assert len(rows(database, "atge_performance_metrics")) == 1000
    assert len([one for one in statements if "INSERT" in one]) < 20


def test_while_the_database_is_away_records_wait_on_disk_and_come_later(database, nowhere, spool):
    with writing_to(nowhere, spool):
        record_error("database", "first")
    assert list(spool.folder.iterdir())
    assert rows(database, "atge_error_logs") == []
    with writing_to(database, spool):
        record_error("database", "second")
    assert [row["error_message"] for row in rows(database, "atge_error_logs")] == ["first", "second"]
    assert list(spool.folder.iterdir()) == []


def test_a_process_that_records_nothing_delivers_what_others_left(database, nowhere, spool):
    with writing_to(nowhere, spool):
        record_error("database", "left behind")
    with writing_to(database, spool):
        pass
    assert len(rows(database, "atge_error_logs")) == 1


@pytest.mark.parametrize("recorded", [0, 1])
def test_a_broken_file_in_the_spool_is_no_trouble_of_the_task_that_comes_by(database, spool, recorded):
    spool.folder.mkdir()
    (spool.folder / "0-1-1.jsonl").write_text('["atge_error_logs", {"error_mess')
    spool.keep([error_record("api", "behind it")])
    with writing_to(database, spool):
        for _ in range(recorded):
            record_error("api", "a record of its own")
    words = [row["error_message"] for row in rows(database, "atge_error_logs")]
    assert words == ["behind it", *["a record of its own"] * recorded], "and none counted as lost"


def test_no_fault_of_the_spool_reaches_the_task(database, spool, monkeypatch, caplog):
    def fail(*_arguments, **_named):
        raise RuntimeError("a fault in the code")

    monkeypatch.setattr(spool, "deliver", fail)
    with writing_to(database, spool):
        pass
    assert "telemetry stays in" in caplog.text


def test_an_outage_in_the_middle_loses_nothing(database, spool, monkeypatch):
    monkeypatch.setattr(writer_module, "REST", (0.0, 0.0))
    monkeypatch.setattr(writer_module, "GATHER", 0.001)
    away = threading.Event()
    write = Writer._write_batch

    def write_unless_away(self, records):
        if away.is_set():
            from include.database import DatabaseError

            raise DatabaseError("gone")
        write(self, records)

    monkeypatch.setattr(Writer, "_write_batch", write_unless_away)
    with writing_to(database, spool):
        for number in range(300):
            if number in (100, 200):
                away.set() if number == 100 else away.clear()
            record_error("api", f"error {number}")
            if number % 20 == 0:
                threading.Event().wait(0.002)  # lets the writer's thread come in between
    found = {row["error_message"] for row in rows(database, "atge_error_logs")}
    assert found == {f"error {number}" for number in range(300)}


def test_a_record_written_twice_is_one_row(database, spool):
    record = error_record("api", "once")
    for _ in range(2):
        with Writer(database, spool) as writer:
            writer.add(record)
    assert len(rows(database, "atge_error_logs")) == 1


def test_a_row_that_the_database_refuses_costs_itself_only_and_is_told(database, spool):
    bad = metric_record("api_response", "bad", 1, "ms")
    bad.row["unit"] = "hours"
    with Writer(database, spool) as writer:
        writer.add(metric_record("api_response", "good", 1, "ms"))
        writer.add(bad)
    assert [row["metric_name"] for row in rows(database, "atge_performance_metrics")] == ["good"]
    (told,) = rows(database, "atge_error_logs")
    assert "1 telemetry records were lost" in told["error_message"]
    assert "atge_performance_metrics_unit_check" in told["error_message"]


def test_a_full_queue_costs_records_which_are_counted(database, spool, monkeypatch):
    monkeypatch.setattr(writer_module, "QUEUE", 5)
    writer = Writer(database, spool)
    writer._thread = threading.Thread()  # as if the writing thread hung
    for number in range(8):
        writer.add(metric_record("api_response", "x", number, "ms"))
    writer._thread = None
    writer.add(error_record("api", "the ninth"))  # also too many
    writer._thread = threading.Thread(target=writer._work)
    writer._thread.start()
    writer.close()
    assert len(rows(database, "atge_performance_metrics")) == 5
    (told,) = rows(database, "atge_error_logs")
    assert "4 telemetry records were lost: the queue was full" in told["error_message"]


def test_closing_does_not_wait_for_a_database_that_hangs(database, spool, monkeypatch):
    entered, release = threading.Event(), threading.Event()

    def hang(self, records):
        entered.set()
        release.wait(30)

    monkeypatch.setattr(Writer, "_write_batch", hang)
    writer = Writer(database, spool)
    writer.add(error_record("api", "in hand"))
    assert entered.wait(10)
    writer.add(error_record("api", "waiting"))
    writer.close(patience=0.05)
    found = []
    spool.deliver(found.extend, limit=10)
    release.set()
    assert {record.row["error_message"] for record in found} == {"in hand", "waiting"}


def test_wrong_values_and_a_missing_writer_never_reach_the_caller(caplog):
    with caplog.at_level(logging.WARNING):
        record_metric("nonsense", "x", 1, "ms")
        record_error("api", "nobody listens")
    assert "could not be made" in caplog.text


def test_feedback_that_cannot_be_taken_is_refused_to_whoever_gave_it():
    with pytest.raises(ValueError, match="1 to 5"):
        record_feedback(None, "bug_report", rating=9)


def test_timed_measures_blocks_functions_and_coroutines(database, spool):
    @timed("analysis_time", "function")
    def double(number):
        return 2 * number

    @timed("analysis_time", "coroutine")
    async def later(number):
        await asyncio.sleep(0)
        return number

    async def use_block():
        async with timed("analysis_time", "async block"):
            return await later(3)

    with writing_to(database, spool):
        with timed("database_query", "block", metadata={"query": "q"}) as timer:
            timer.metadata["rows"] = 7
        assert double(2) == 4
        assert asyncio.run(use_block()) == 3
    found = {row["metric_name"]: row for row in rows(database, "atge_performance_metrics")}
    assert set(found) == {"block", "function", "coroutine", "async block"}
    assert found["block"]["metadata"] == {"query": "q", "rows": 7, "outcome": "ok"}
    assert found["block"]["unit"] == "ms" and found["function"]["unit"] == "seconds"
    assert all(row["value"] >= 0 for row in found.values())


def test_timed_lets_exceptions_pass_and_names_them(database, spool):
    @timed("generation_time", "fails")
    def fail():
        raise LookupError("no")

    with writing_to(database, spool), pytest.raises(LookupError):
        fail()
    (row,) = rows(database, "atge_performance_metrics")
    assert row["metadata"] == {"outcome": "LookupError"}


def test_timed_functions_may_overlap_and_recurse(database, spool):
    @timed("generation_time", "count_down")
    def count_down(number):
        return number and count_down(number - 1)

    with writing_to(database, spool):
        threads = [threading.Thread(target=count_down, args=(3,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(rows(database, "atge_performance_metrics")) == 16


def test_a_fork_does_not_use_its_parents_writer(database, spool):
    with writing_to(database, spool):
        child = os.fork()
        if child == 0:
            from include.telemetry import record

            os._exit(0 if record._writers == [] else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_a_dead_process_could_not_finish_is_told_in_a_row(database, spool):
    spool.folder.mkdir()
    left = spool.folder / "0-1-1.unfinished"
    left.write_text('["atge_err')
    os.utime(left, (0, 0))
    with writing_to(database, spool):
        record_metric("api_response", "http.kraken", 1, "ms")
    (error,) = rows(database, "atge_error_logs")
    assert error["error_message"].startswith("1 telemetry records were lost: a process ended")
