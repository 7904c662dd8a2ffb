"""A replay that dies, anywhere: it goes on, and ends with the rows of one that did not."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from include.trades.replay import read_replay, replay_batches
from include.trades.replay_report import report_replay
from tests.support.replays import begin, falling, results, settle
from tests.support.trades import SETTINGS, insert, rising, rows, run, store

SMALL = SETTINGS.model_copy(update={"batch_size": 5})
TRADES = 10  # in two batches

# Argument 1: the database, 2: the statement of this process before which it is killed.
PROGRAM = """
import os, signal, sys
from sqlalchemy import event
from include.database import connect
from include.settings import Settings
from include.trades.replay import read_replay, replay_batches

engine = connect(sys.argv[1], application="replay")
replay = read_replay(engine, "replay 1", Settings(candle_sources=("archive",)))
left = int(sys.argv[2])

@event.listens_for(engine, "before_cursor_execute")
def count(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

replay_batches(engine, replay, "worker 0")
"""


class Died(BaseException):
    """No Exception: nothing may catch it."""


@pytest.fixture
def trades(database):
    store(database, rising())
    insert(database, *[{"entry_price": 100 + number / 100} for number in range(TRADES)])
    settle(database, SMALL)
    return database


def without_times(found):
    """What a replay decides: all but the moment of writing."""
    return [
        {name: value for name, value in row._asdict().items() if name not in ("updated_at", "changed_at")}
        for row in found
    ]


def other_fees(number):
    """Fees that differ each time, so that each replay changes every trade."""
    return SMALL.model_copy(update={"fee_rate": 0.002 + number % 2 / 1000})


def test_dying_before_any_statement_leaves_no_gap_and_no_double(trades):
    expected = {}
    for number in (1, 0):
        replay_batches(trades, begin(trades, f"whole {number}", other_fees(number)), "worker 0")
        assert report_replay(trades, f"whole {number}")["outcomes"] == {"changed": TRADES}
        expected[number] = without_times(results(trades))
    assert expected[0] != expected[1]
    point, ended = 0, False
    while not ended:
        point += 1
        name = f"killed {point}"
        started = begin(trades, name, other_fees(point))
        ended = not dies_at(trades, point, lambda: replay_batches(trades, started, "worker 0"))  # noqa: B023
        replay_batches(trades, read_replay(trades, name, SMALL), "worker 0")
        assert report_replay(trades, name)["outcomes"] == {"changed": TRADES}, point
        assert without_times(results(trades)) == expected[point % 2], point
        kept = rows(
            trades,
            "SELECT count(*), count(DISTINCT trade_signal_id) FROM trade_result_history "
            "WHERE replay_id = :name",
            name=name,
        )
        assert kept == [(TRADES, TRADES)], point
    assert point > 2 * 5, "each of the two batches died before each of its statements"


def dies_at(database, statement, work) -> bool:
    """Do the work, and die before its n-th statement; False: it ended before that."""
    left = statement

    def count(*_):
        nonlocal left
        left -= 1
        if left == 0:
            raise Died

    event.listen(database, "before_cursor_execute", count)
    try:
        work()
    except Died:
        return True
    finally:
        event.remove(database, "before_cursor_execute", count)
    return False


@pytest.mark.parametrize("statement", [6, 14])
def test_a_killed_process_holds_its_batch_until_its_successor_or_the_lease_s_end(
    trades, database_url, statement
):
    store(trades, falling())
    begin(trades, "replay 1", SMALL)
    program = [sys.executable, "-c", PROGRAM, database_url, str(statement)]
    environment = {**os.environ, "PYTHONPATH": "."}
    done = subprocess.run(program, cwd=Path(__file__).parents[2], env=environment, timeout=60)
    assert done.returncode == -signal.SIGKILL
    ((finished, held),) = rows(
        trades,
        "SELECT count(*) FILTER (WHERE finished_at IS NOT NULL), count(*) FILTER (WHERE worker = 'worker 0') "
        "FROM replay_batches",
    )
    assert (finished, held) == ({6: 0, 14: 1}[statement], 1)
    ((changed,),) = rows(trades, "SELECT count(*) FROM trade_result_history")
    assert changed == 5 * finished, "what it was in the middle of was not done at all"

    another = read_replay(trades, "replay 1", SMALL)
    assert replay_batches(trades, another, "worker 1") == 2 - finished - 1, "not the one under the lease"
    if statement == 6:
        assert replay_batches(trades, another, "worker 0") == 1, "the task that held it, started anew"
    else:
        run(trades, "UPDATE replay_batches SET lease_expires_at = now() WHERE worker = 'worker 0'")
        assert replay_batches(trades, another, "worker 1") == 1, "the lease has lapsed"
    assert report_replay(trades, "replay 1")["outcomes"] == {"changed": TRADES}


def test_starting_dies_whole_or_not_at_all_and_is_repeated_without_a_double(trades):
    started = False
    point = 0
    while not started:
        point += 1
        started = not dies_at(trades, point, lambda: begin(trades, "replay 1", SMALL))
        if not started:
            assert rows(trades, "SELECT count(*) FROM replay_trades")[0] in [(0,), (TRADES,)]
    assert point > 5
    again = begin(trades, "replay 1", SMALL)
    assert again.batches == {"settlement": 2}
    assert rows(trades, "SELECT count(*) FROM replay_trades") == [(TRADES,)]


def test_a_zombie_that_wakes_up_after_its_successor_writes_nothing(trades, monkeypatch):
    """A worker stalls between computing and writing, for longer than its lease."""
    from include.trades import replay as module

    store(trades, falling())
    started = begin(trades, "replay 1", SMALL)
    real, stalled = module._replay, []

    def stall(*arguments):
        found = real(*arguments)
        if not stalled:
            stalled.append(True)
            run(trades, "UPDATE replay_batches SET lease_expires_at = now() - interval '1 second'")
            assert replay_batches(trades, started, "worker 1") == 2
        return found

    monkeypatch.setattr(module, "_replay", stall)
    replay_batches(trades, started, "worker 0")
    assert report_replay(trades, "replay 1")["outcomes"] == {"changed": TRADES}
    assert rows(trades, "SELECT count(*) FROM trade_result_history") == [(TRADES,)]


def test_the_lease_is_that_of_the_settings(trades):
    started = begin(trades, "replay 1", SMALL.model_copy(update={"lease": timedelta(minutes=3)}))
    dies_at(trades, 3, lambda: replay_batches(trades, started, "worker 0"))
    ((lease,),) = rows(
        trades, "SELECT lease_expires_at - now() FROM replay_batches WHERE worker = 'worker 0'"
    )
    assert timedelta(minutes=2) < lease <= timedelta(minutes=3)
