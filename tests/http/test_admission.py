"""Quota and breaker, as several processes share them."""

import json
import select
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from include.http import (
    BadAnswerError,
    Breaker,
    BreakerOpenError,
    Limit,
    RateLimitedError,
    RequestRefusedError,
    Retry,
    Service,
    ServiceUnavailableError,
)
from include.http.admission import admit, hold, note_answer, note_failure
from tests.support.http_server import reply, reset

ROOT = Path(__file__).parents[2]
OK = reply([])
ONCE = Retry(attempts=1, budget=5.0)


def service(*limits, threshold=3, recovery=60.0):
    return Service("testing", limits=limits, breaker=Breaker(threshold, recovery))


def admitted(database, of, count=1, *, patience=1000.0, lease=60.0):
    return [admit(database, of, patience=patience, lease=lease) for _ in range(count)]


def breaker_row(database):
    with database.connect() as connection:
        return connection.execute(text("SELECT * FROM http_services WHERE service = 'testing'")).one()


def run(database, statement):
    with database.begin() as connection:
        connection.execute(text(statement))


def age(database, seconds):
    """Let time pass: everything that happened lies so much further back."""
    run(database, f"UPDATE http_calls SET called_at = called_at - make_interval(secs => {seconds})")
    run(
        database,
        "UPDATE http_services SET "
        + ", ".join(
            f"{moment} = {moment} - make_interval(secs => {seconds})"
            for moment in ("since", "open_until", "held_until")
        ),
    )


@pytest.fixture(scope="module")
def workers():
    """Two processes: `workers(order, order)` gives what each says; `after_first` is called when one has."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.http.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"

    def carry_out(*orders, after_first=None):
        busy = list(zip(processes, orders, strict=False))
        for process, order in busy:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
        if after_first:
            assert select.select([process.stdout for process, _ in busy], [], [], 60)[0]
            after_first()
        return [json.loads(process.stdout.readline()) for process, _ in busy]

    yield carry_out
    for process in processes:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


# -- the quota -----------------------------------------------------------------------------------------------


def test_a_quota_admits_its_calls_at_once_and_then_queues(database):
    of = service(Limit(3, 60))
    waits = [admission.wait for admission in admitted(database, of, 7)]
    assert waits == pytest.approx([0, 0, 0, 60, 60, 60, 120], abs=0.5)


def test_every_window_counts(database):
    of = service(Limit(2, 10), Limit(3, 3600))
    assert [admission.wait for admission in admitted(database, of, 3)] == pytest.approx([0, 0, 10], abs=0.5)
    with pytest.raises(RateLimitedError, match=r"the quota of 2 in 10 s, 3 in 3600 s is used up") as caught:
        admitted(database, of)
    assert caught.value.retry_after == pytest.approx(3600, abs=1)


def test_a_caller_without_patience_takes_no_place(database):
    of = service(Limit(1, 60))
    admitted(database, of)
    for _ in range(5):
        with pytest.raises(RateLimitedError):
            admitted(database, of, patience=59)
    assert admitted(database, of, patience=61)[0].wait == pytest.approx(60, abs=0.5)


def test_what_has_left_the_window_is_free_again_and_forgotten(database):
    of = service(Limit(2, 60))
    admitted(database, of, 2)
    age(database, 30)
    assert admitted(database, of)[0].wait == pytest.approx(30, abs=0.5)
    age(database, 100)
    assert admitted(database, of)[0].wait == 0
    age(database, 3_600)  # the last hour is kept, so that its busiest window can be told
    assert admitted(database, of)[0].wait == 0
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM http_calls")).scalar() == 1


def test_services_do_not_share_a_quota(database):
    of = service(Limit(1, 60))
    assert admitted(database, of)[0].wait == admitted(database, replace(of, name="another"))[0].wait == 0


def test_a_service_without_limits_leaves_no_trace_of_its_calls(database):
    admitted(database, service(), 10)
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM http_calls")).scalar() == 0


def test_a_month_of_ten_thousand_calls_is_counted_quickly(database):
    of = service(Limit(100, 60), Limit(10_000, 31 * 86_400))
    run(database, "INSERT INTO http_calls (service, called_at) SELECT 'testing', now() - n * interval '1 min'"
                  " FROM generate_series(1, 9999) AS n")  # fmt: skip
    started = time.perf_counter()
    assert admitted(database, of)[0].wait == 0
    assert time.perf_counter() - started < 0.5
    with pytest.raises(RateLimitedError) as caught:
        admitted(database, of)
    assert caught.value.retry_after == pytest.approx(31 * 86_400 - 9999 * 60, abs=2)


def test_sessions_in_other_time_zones_share_the_quota(database, database_url):
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    of = service(Limit(1, 3600))
    engine = create_engine(url, connect_args={"options": "-c timezone=America/New_York"})
    assert admitted(engine, of)[0].wait == 0
    engine.dispose()
    assert admitted(database, of, patience=4000)[0].wait == pytest.approx(3600, abs=1)


def test_rights_to_rows_suffice(database, database_url, postgres_server):
    """A role that owns nothing and may create nothing can call."""
    name = make_url(database_url).database
    with psycopg.connect(postgres_server.url(name, "postgres"), autocommit=True) as superuser:
        superuser.execute("DROP ROLE IF EXISTS http_caller")
        superuser.execute("CREATE ROLE http_caller")
        superuser.execute(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON http_services, http_calls, http_limits TO http_caller"
        )
        superuser.execute("GRANT http_caller TO tradeops")
        try:
            url = make_url(database_url).set(drivername="postgresql+psycopg")
            engine = create_engine(url, connect_args={"options": "-c role=http_caller"})
            of = service(Limit(1, 60), threshold=1)
            (admission,) = admitted(engine, of)
            assert note_failure(engine, of, admission, "500")
            engine.dispose()
        finally:
            superuser.execute("DROP OWNED BY http_caller")
            superuser.execute("DROP ROLE http_caller")
    assert breaker_row(database).state == "open"


def test_a_pause_that_was_asked_for_holds_everybody(database):
    of = service(Limit(100, 60))
    admitted(database, of)
    hold(database, of, 30)
    hold(database, of, 10)  # the longer pause counts
    assert admitted(database, of)[0].wait == pytest.approx(30, abs=0.5)
    with pytest.raises(RateLimitedError, match="it asked for a pause"):
        admitted(database, of, patience=5)


def test_processes_and_threads_share_a_quota(server, database, database_url, workers):
    server.answers = [OK]
    order = {"database": database_url, "url": server.url, "service": "shared", "limits": [[5, 1.6]]}
    order |= {"threads": 3, "calls": 10}
    assert workers(order, order) == [["ok"] * 10] * 2
    arrivals = sorted(request.at for request in server.received)
    assert len(arrivals) == 20
    # Places are exact; the way to the server is not, on a busy machine above all: half the window is its.
    crowd = max(sum(1 for other in arrivals if 0 <= other - at < 0.8) for at in arrivals)
    assert crowd <= 5
    assert arrivals[-1] - arrivals[0] > 3 * 1.6 - 0.8  # four bursts of five


def test_processes_that_cannot_wait_are_told_when_to_come_back(server, database, database_url, workers):
    server.answers = [OK]
    order = {"database": database_url, "url": server.url, "service": "shared", "limits": [[3, 60]]}
    order |= {"threads": 2, "calls": 5, "budget": 5}
    answers = [answer for each in workers(order, order) for answer in each]
    assert answers.count("ok") == len(server.received) == 3
    refused = [answer for answer in answers if answer != "ok"]
    assert all("the quota of 3 in 60 s is used up; try again in" in answer for answer in refused)


# -- the breaker ---------------------------------------------------------------------------------------------


def fail(database, of, count):
    for _ in range(count):
        (admission,) = admitted(database, of)
        opened = note_failure(database, of, admission, "answered 500")
    return opened


def test_the_breaker_opens_at_the_threshold(database):
    of = service(threshold=3)
    assert not fail(database, of, 2)
    assert breaker_row(database).state == "closed"
    assert fail(database, of, 1)
    row = breaker_row(database)
    assert (row.state, row.failures, row.last_failure) == ("open", 3, "answered 500")
    assert 55 < (row.open_until - datetime.now(UTC)).total_seconds() < 61
    said = r"not called, 3 attempts in a row failed \(the latest: answered 500\); try again in (60|59) s"
    with pytest.raises(BreakerOpenError, match=said):
        admitted(database, of)


def test_only_failures_in_a_row_count(database):
    of = service(threshold=3)
    for _ in range(4):
        fail(database, of, 2)
        (admission,) = admitted(database, of)
        note_answer(database, of, admission)
    assert (breaker_row(database).state, breaker_row(database).failures) == ("closed", 0)


def test_failures_under_way_at_once_all_count(database):
    of = service(threshold=3)
    under_way = admitted(database, of, 4)
    assert [note_failure(database, of, each, "500") for each in under_way] == [False, False, True, False]
    assert breaker_row(database).failures == 3


def test_after_the_recovery_one_call_tries_and_closes_the_breaker(database):
    of = service(threshold=1, recovery=60)
    fail(database, of, 1)
    age(database, 61)
    (trial,) = admitted(database, of)
    assert trial.probe
    assert breaker_row(database).state == "half_open"
    with pytest.raises(BreakerOpenError, match="a trial call is under way"):
        admitted(database, of)
    note_answer(database, of, trial)
    row = breaker_row(database)
    assert (row.state, row.failures, row.open_until) == ("closed", 0, None)
    assert admitted(database, of)[0].probe is None


def test_a_trial_call_that_fails_opens_the_breaker_again(database):
    of = service(threshold=5, recovery=60)
    fail(database, of, 5)
    age(database, 61)
    (trial,) = admitted(database, of)
    assert note_failure(database, of, trial, "answered 503")
    row = breaker_row(database)
    assert (row.state, row.failures, row.last_failure) == ("open", 6, "answered 503")


def test_a_failed_trial_opens_the_breaker_whatever_the_threshold_is_by_now(database):
    fail(database, service(threshold=1), 1)
    age(database, 61)
    raised = service(threshold=100)
    (trial,) = admitted(database, raised)
    assert note_failure(database, raised, trial, "answered 503")
    assert breaker_row(database).state == "open"


def test_a_trial_call_that_dies_is_replaced(database):
    of = service(threshold=1, recovery=60)
    fail(database, of, 1)
    age(database, 61)
    (dead,) = admitted(database, of, lease=30)
    age(database, 31)
    (trial,) = admitted(database, of, lease=30)
    note_answer(database, of, dead)  # not dead after all, but too late
    assert breaker_row(database).state == "half_open"
    note_answer(database, of, trial)
    assert breaker_row(database).state == "closed"


def test_a_trial_without_a_place_in_the_quota_does_not_begin(database):
    of = service(Limit(1, 3600), threshold=1, recovery=60)
    fail(database, of, 1)
    age(database, 61)
    with pytest.raises(RateLimitedError):
        admitted(database, of, patience=5)
    assert breaker_row(database).state == "open"


@pytest.mark.parametrize("late", [note_answer, lambda *given: note_failure(*given, "late")])
def test_a_late_answer_does_not_move_an_open_breaker(database, late):
    of = service(threshold=3)
    fail(database, of, 1)
    (early,) = admitted(database, of)
    fail(database, of, 2)
    before = breaker_row(database)
    late(database, of, early)
    assert breaker_row(database) == before


def test_the_call_that_opens_the_breaker_says_what_went_wrong(server, client_of):
    server.answers = [reply({}, status=500)]
    with pytest.raises(ServiceUnavailableError, match="answered 500"):
        client_of(breaker=Breaker(2, 60)).get_json("/")
    with pytest.raises(BreakerOpenError, match="2 attempts in a row failed"):
        client_of(breaker=Breaker(2, 60)).get_json("/")
    assert len(server.received) == 2  # of three attempts


@pytest.mark.parametrize(
    ("answer", "kind", "counts"),
    [
        (reply({}, status=503), ServiceUnavailableError, True),
        (reset, ServiceUnavailableError, True),
        (reply(body=b"{"), BadAnswerError, True),
        (reply(body=b"<p>", headers={"Content-Type": "text/html"}), BadAnswerError, True),
        (reply({}, status=404), RequestRefusedError, False),
        (reply({}, status=429), RateLimitedError, False),
    ],
    ids=["503", "reset", "cut", "html", "404", "429"],
)
def test_what_counts_as_a_failure(server, client_of, database, answer, kind, counts):
    server.answers = [answer]
    with pytest.raises(kind):
        client_of(breaker=Breaker(1, 60), retry=ONCE).get_json("/")
    assert breaker_row(database).state == ("open" if counts else "closed")


def test_processes_share_a_breaker(server, database, database_url, workers):
    server.answers = [reply({}, status=500)]
    order = {"database": database_url, "url": server.url, "service": "testing", "breaker": [2, 60]}
    ((first, second),) = workers(order | {"calls": 2})
    assert first.startswith("unavailable: testing: answered 500")
    assert second.startswith("unavailable: testing: answered 500")
    with pytest.raises(BreakerOpenError, match="2 attempts in a row failed"):  # in this process
        admitted(database, service(threshold=2))
    assert len(server.received) == 2

    age(database, 61)
    refused = threading.Event()  # the trial call is under way until the other process has its answer

    server.answers = [lambda connection: refused.wait(60) and OK(connection)]
    order |= {"calls": 1, "timeout": 60}
    answers = sorted(answer for each in workers(order, order, after_first=refused.set) for answer in each)
    assert [answer.partition(":")[0] for answer in answers] == ["breaker_open", "ok"]
    assert "a trial call is under way" in answers[0]
    assert len(server.received) == 2 + 1
    assert breaker_row(database).state == "closed"


def test_many_threads_get_one_trial_call(database):
    of = service(threshold=1, recovery=60)
    fail(database, of, 1)
    age(database, 61)

    def attempt(_):
        try:
            return admit(database, of, patience=1, lease=60).probe is not None
        except BreakerOpenError:
            return False

    with ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(attempt, range(20))) == 1
