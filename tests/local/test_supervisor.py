"""Restarting what dies: waits, the third death, PostgreSQL with all that hangs on it, notices, the lock."""

import sys

import pytest

from local import deaths, processes, supervisor
from local.components import AIRFLOW, SANDBOX
from local.deaths import Ledger, begin_anew, given_up_lines, read_ledger
from local.processes import Component
from local.state import State
from local.supervisor import POSTGRES, Supervisor

SLEEP = "print('it was well', flush=True); import time; time.sleep(60)"
DYING = "print('token=abcdefghijklmnop1234 no disk')"


class Watched:
    """A stack of small processes; PostgreSQL is a switch."""

    def __init__(self, state):
        self.state, self.server, self.told, self.script = state, object(), [], SLEEP
        self.supervisor = Supervisor(
            state,
            find_postgres=lambda: self.server,
            start_postgres=self.start_postgres,
            describe=self.describe,
            tell=self.tell,
            waits=(0, 0),
        )
        for part in self.describe():
            processes.start(state, part)

    def describe(self):
        return [Component(name, [sys.executable, "-c", self.script], {}) for name in (SANDBOX, *AIRFLOW)]

    def start_postgres(self):
        self.server = object()

    def tell(self, notice):
        if self.server is None:
            raise ConnectionError("away")
        self.told.append(notice)

    def pids(self):
        return {name: found.pid for name in (SANDBOX, *AIRFLOW) if (found := self.find(name))}

    def find(self, name):
        return processes.find(self.state, name)

    def kill(self, name):
        found = self.find(name)
        found.kill()
        found.wait(10)


@pytest.fixture
def watched(tmp_path):
    state = State(tmp_path / "stack")
    state.prepare()
    yield Watched(state)
    processes.stop_marked(state)


def test_what_dies_is_restarted_and_it_is_said_once(watched):
    before = watched.pids()
    watched.supervisor.look()
    assert watched.pids() == before and not watched.state.deaths_file.exists(), "nobody died"
    watched.kill("scheduler")
    with watched.state.locked():  # somebody stops the stack, or starts it: what he ends stays ended
        for _ in range(3):
            watched.supervisor.look()
        assert watched.find("scheduler") is None and read_ledger(watched.state) == Ledger()
    for _ in range(4):
        watched.supervisor.look()
    after = watched.pids()
    assert after.pop("scheduler") != before.pop("scheduler")
    assert after == before
    (notice,) = watched.told
    assert notice["severity"] == "warning" and "scheduler died and is restarted" in notice["title"]
    assert read_ledger(watched.state).untold == []
    watched.state.record("triggerer").unlink()
    watched.supervisor.look()
    assert "triggerer" not in read_ledger(watched.state).deaths, "what was never started is not missed"


def test_the_third_death_in_ten_minutes_is_the_last_and_up_begins_anew(watched):
    watched.kill(SANDBOX)
    watched.script = DYING
    for _ in range(40):
        watched.supervisor.look()
        if found := watched.find(SANDBOX):
            found.wait(10)
    ledger = read_ledger(watched.state)
    known = ledger.deaths[SANDBOX]
    assert (len(known.times), known.given_up, watched.find(SANDBOX)) == (3, True, None)
    assert [notice["severity"] for notice in watched.told] == ["warning", "warning", "critical"]
    (line,) = given_up_lines(ledger, (SANDBOX, *AIRFLOW))
    assert "no disk" in line and "abcdefghijklmnop1234" not in line, "its last words, without a secret"
    begin_anew(watched.state)
    assert read_ledger(watched.state) == Ledger()


def test_deaths_that_lie_apart_are_accidents(watched):
    for minute in range(5):
        ledger = read_ledger(watched.state)
        ledger.add(SANDBOX, "", deaths.datetime.fromisoformat(f"2026-03-02T12:{minute * 6:02}:00+00:00"))
        deaths.write_ledger(watched.state, ledger)
    assert not read_ledger(watched.state).deaths[SANDBOX].given_up


def test_postgresql_comes_back_with_all_of_airflow_and_no_death_of_theirs(watched):
    before = watched.pids()
    watched.server = None
    watched.kill("scheduler")  # it lost its database
    (watched.state.postgres).mkdir()
    (watched.state.postgres / "server.log").write_text("LOG: fine\nPANIC: could not write\n")
    for _ in range(6):
        watched.supervisor.look()
    assert watched.server is not None
    after = watched.pids()
    assert after.pop(SANDBOX) == before.pop(SANDBOX)
    assert len(after) == len(AIRFLOW) and not set(after.values()) & set(before.values())
    (notice,) = watched.told  # told when there was a database again
    assert "postgres died" in notice["title"] and "PANIC" in notice["reason"]
    assert set(read_ledger(watched.state).deaths) == {POSTGRES}


def test_what_cannot_be_started_is_a_death_and_an_untold_notice_waits(watched):
    def refuse():
        raise OSError("no room")

    watched.server = None
    watched.supervisor._start_postgres = refuse
    for _ in range(12):
        watched.supervisor.look()
    ledger = read_ledger(watched.state)
    assert ledger.deaths[POSTGRES].given_up and "no room" in ledger.deaths[POSTGRES].last_words
    assert (len(ledger.untold), watched.told) == (3, [])
    begin_anew(watched.state)
    watched.start_postgres()
    for _ in range(4):
        watched.supervisor.look()
    assert len(watched.told) == 3


def test_it_is_a_process_of_the_stack(tmp_path):
    part = supervisor.describe_supervisor(State(tmp_path))
    assert part.command[1:] == ["-m", "local.supervisor"] and part.environment["TRADEOPS_STACK"] == str(
        tmp_path
    )
