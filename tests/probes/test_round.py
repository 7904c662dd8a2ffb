"""A round: all at once, what hangs or breaks hides nobody, results as rows, and their view."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from sqlalchemy import text

from include.http import RequestRefusedError
from include.probes import Probe, ProbeAnswer, ServiceDownError, read_status, run_round, summarise
from include.probes.results import read_quotas
from include.probes.round import as_table, ask_all
from include.services import find_service
from tests.probes.conftest import EVERY, RUN

SOUND = ProbeAnswer("fine", 12.5)


def probe(service, ask=lambda: SOUND, **about):
    return Probe(service, "platform", ask, **{"timeout": 5.0, **about})


def go(database, *probes, share=1.0, run_url=RUN):
    return run_round(database, probes, every=EVERY, quota_share=share, run_url=run_url)


def rows(database, query):
    with database.connect() as connection:
        return connection.execute(text(query)).all()


def test_all_are_asked_at_once():
    together = threading.Barrier(8, timeout=10)

    def meet():
        together.wait()  # passes only when all eight are under way
        return SOUND

    outcomes = ask_all([probe(f"s{number}", meet) for number in range(8)])
    assert set(outcomes.values()) == {SOUND}


def test_one_that_hangs_neither_delays_nor_hides_the_others(database):
    release = threading.Event()
    started = monotonic()
    hanging = [probe(f"hanging-{n}", release.wait, timeout=0.3) for n in range(3)]
    results = go(database, *hanging, probe("quick"))
    assert monotonic() - started < 4  # not until `release`, which never comes
    release.set()
    assert [result.status for result in results] == ["down", "down", "down", "healthy"]
    assert results[0].reason == "no answer within 0.3 s"
    assert len(rows(database, "SELECT FROM probe_results")) == 4


def test_a_hanging_service_is_given_up_over_http(look, sandbox, monkeypatch):
    monkeypatch.setattr("include.probes.outside.REQUEST_SECONDS", 0.5)
    sandbox.fail("solana", "hang")
    result = look("solana")
    assert result.status == "down"
    assert "no complete answer within" in result.reason


def test_parts_that_are_still_starting_are_asked_again_in_the_first_round_only(database, monkeypatch):
    monkeypatch.setattr("include.probes.round.RETRY_SECONDS", 0.01)
    asked = []

    def ask():
        asked.append(1)
        if len(asked) == 2:
            return SOUND
        raise ServiceDownError("no connection")

    def look(patience):
        about = {"every": EVERY, "quota_share": 1.0, "run_url": RUN, "patience": timedelta(seconds=patience)}
        (found,) = run_round(database, [probe("sandbox", ask)], **about)
        return found.status

    assert look(5) == "healthy"
    assert look(5) == "down", "an outage in the middle is said at once"
    assert len(asked) == 3


def test_a_probe_that_breaks_is_no_outage_and_is_raised_after_all_is_stored(database):
    def break_():
        raise KeyError("token=abcdef123456")

    with pytest.raises(ExceptionGroup) as caught:
        go(database, probe("broken", break_), probe("sound"))
    assert [type(error) for error in caught.value.exceptions] == [KeyError]
    stored = {row.service: row for row in rows(database, "SELECT service, status, reason FROM probe_results")}
    assert (stored["sound"].status, stored["broken"].status) == ("healthy", None)
    assert "the probe itself failed, KeyError" in stored["broken"].reason
    assert "abcdef123456" not in stored["broken"].reason


def test_a_round_is_stored_as_it_was_found(database):
    now = datetime.now(UTC)
    answer = ProbeAnswer(
        "words",
        12.345,
        ("a fault",),
        None,
        now - timedelta(days=9),
        now + timedelta(days=1),
        0.95,
        sandbox=True,
    )
    (result,) = go(database, probe("x", lambda: answer))
    (row,) = rows(database, "SELECT * FROM probe_results")
    for name in (
        *("service", "kind", "status", "reason", "checked_at", "asked_at", "newest", "expected_by"),
        *("freshness", "quota_used", "quota_limit", "quota_window", "sandbox"),
    ):
        assert getattr(row, name) == getattr(result, name), name
    assert (float(row.latency_ms), float(row.completeness)) == (12.345, 0.95)
    assert (row.run_url, row.check_every) == (RUN, EVERY)


def test_the_table_and_the_summary_name_every_service(database):
    def fail():
        raise ServiceDownError("no connection")

    results = go(database, probe("one"), probe("two", fail), probe("three", None, why_not="not configured"))
    table = as_table(results)
    for words in (
        "one      healthy  12 ms",
        "two      down",
        "no connection",
        "three    unknown",
        "not configured",
    ):
        assert words in table
    assert summarise(results) == {"healthy": ["one"], "degraded": [], "down": ["two"], "unknown": ["three"]}


def test_what_was_not_sent_is_said_of_our_own_side(database):
    def refuse():
        raise RequestRefusedError("x", "no key; store one")

    (result,) = go(database, probe("x", refuse))
    assert (result.status, result.asked_at) == (None, None)
    assert result.reason == "not asked: no key; store one"


# -- sparing quotas ------------------------------------------------------------------------------------------


def test_a_failure_counts_only_as_long_as_the_quota_demands(database):
    asked = []

    def fail():
        asked.append(1)
        raise ServiceDownError("broken")

    patient = probe("x", fail, pause=timedelta(hours=6))
    go(database, patient)
    go(database, patient)
    assert len(asked) == 2
    patient = replace(patient, limited_by="bls")  # 500 a day, 4 % of them: one in 72 minutes
    assert go(database, patient, share=0.04)[0].reason == "broken (asked 0 min ago, to spare its quota)"
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("service", "cost", "seconds"),
    [("sec", 1, 2.5), ("fred", 3, 37.5), ("bls", 1, 4320), ("bls-keyless", 1, 86_400), ("census", 2, 8640)],
)
def test_looks_stay_within_their_share_of_every_limit(service, cost, seconds):
    spacing = probe("x", cost=cost, limited_by=service).spacing(0.04)
    assert spacing.total_seconds() == pytest.approx(seconds)
    for limit in find_service(service).limits:
        assert cost * limit.seconds / spacing.total_seconds() <= 0.04 * limit.calls * 1.0001


@pytest.mark.parametrize(
    ("service", "used", "status"),
    [("sec", 8, "degraded"), ("sec", 6, "healthy"), ("fred", 96, "degraded"), ("census", 399, "degraded"),
     ("census", 390, "healthy"), ("bls", 400, "degraded")],
)  # fmt: skip
def test_quotas_count_what_all_machines_sent(look, database, service, used, status):
    ago = {"sec": 30, "fred": 30}.get(service, 80_000)
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO http_calls (service, called_at) "
                "SELECT :service, now() - make_interval(secs => :ago) FROM generate_series(1, :used)"
            ),
            {"service": service, "used": used, "ago": ago},
        )
    result = look(service)
    assert result.status == status
    assert result.quota_used >= used
    assert ("are used" in result.reason) == (status == "degraded")


# -- the view ------------------------------------------------------------------------------------------------


def back(database, hours):
    with database.begin() as connection:
        connection.execute(
            text("UPDATE probe_results SET checked_at = checked_at - :by, asked_at = asked_at - :by"),
            {"by": timedelta(hours=hours)},
        )


def test_the_view_shows_the_newest_look_its_age_and_since_when(database):
    def fail():
        raise ServiceDownError("away")

    for ask in (lambda: SOUND, fail, fail):
        go(database, probe("x", ask))
        back(database, 1)
    (status,) = read_status(database)
    assert (status.status, status.stale) == ("down", False)
    assert timedelta(minutes=59) < status.age < timedelta(minutes=61)
    assert timedelta(hours=1.9) < datetime.now(UTC) - status.since < timedelta(hours=2.1)
    back(database, 2.1)
    assert read_status(database)[0].stale


def test_a_service_that_is_no_longer_looked_at_ends_without_a_status(database):
    go(database, probe("kept"), probe("gone"))
    go(database, Probe("other", "government", lambda: SOUND))
    for _ in range(3):
        go(database, probe("kept"))
    found = {one.service: one for one in read_status(database)}
    assert (found["gone"].status, found["gone"].reason) == (None, "no longer looked at")
    assert (found["kept"].status, found["other"].status) == ("healthy", "healthy")
    assert len(rows(database, "SELECT FROM probe_results WHERE service = 'gone'")) == 2
    back(database, 100)
    assert not {one.service: one for one in read_status(database)}["gone"].stale


def test_an_empty_table_is_an_empty_view(database):
    assert read_status(database) == []
    assert read_quotas(database) == {}
