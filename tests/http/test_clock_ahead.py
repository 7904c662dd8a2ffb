"""A service's calls, pauses and breaker that were written while the clock was ahead: it is called at once."""

import pytest
from sqlalchemy import text

from include.http import Limit, Service
from include.http.admission import admit, note_failure

AHEAD = ["2 hours", "1400 days"]
SERVICE = Service("testing", limits=(Limit(3, 1), Limit(100, 3600)))


def run(database, statement, **values):
    with database.begin() as connection:
        done = connection.execute(text(statement), values)
        return done.all() if done.returns_rows else []


def told(database):
    return [row[0] for row in run(database, "SELECT title FROM alert_notices WHERE source = 'system'")]


@pytest.mark.parametrize("ahead", AHEAD)
def test_places_of_the_future_use_no_quota(database, ahead):
    run(database, "INSERT INTO http_services (service) VALUES ('testing'), ('other')")
    for service in ("testing", "other"):
        run(
            database,
            "INSERT INTO http_calls (service, called_at) "
            "SELECT :service, now() + CAST(:ahead AS interval) FROM generate_series(1, 100)",
            service=service, ahead=ahead,
        )  # fmt: skip
    for _ in range(3):
        assert admit(database, SERVICE, patience=0.5, lease=10).wait < 0.5
    assert told(database) == ["100 rows of http_calls are from the future"]
    assert run(database, "SELECT count(*) FROM http_calls WHERE service = 'other'") == [(100,)]


@pytest.mark.parametrize(
    "values",
    [
        {"state": "open", "since": "ahead", "open_until": "ahead"},
        {"state": "half_open", "since": "ahead", "open_until": "ahead"},
        {"state": "open", "since": "now", "open_until": "ahead"},
        {"state": "closed", "since": "now", "held_until": "ahead"},
    ],
    ids=str,
)
@pytest.mark.parametrize("ahead", AHEAD)
def test_a_breaker_or_a_pause_of_the_future_keeps_nobody_from_calling(database, values, ahead):
    times = {"ahead": f"now() + interval '{ahead}'", "now": "now()"}
    shown = {name: times.get(value, f"'{value}'") for name, value in values.items()}
    run(
        database,
        f"INSERT INTO http_services (service, failures, {', '.join(shown)}) VALUES ('testing', 3, "
        f"{', '.join(shown.values())})",
    )
    admission = admit(database, SERVICE, patience=0.5, lease=10)
    assert admission.wait < 0.5
    assert told(database) == ["1 row of http_services is from the future"]


def test_a_trial_call_that_was_begun_in_the_future_opens_no_breaker_when_it_fails(database):
    run(
        database,
        "INSERT INTO http_services (service, state, since, open_until) "
        "VALUES ('testing', 'half_open', now() + interval '3 hours', now() + interval '3 hours')",
    )
    first = admit(database, SERVICE, patience=0.5, lease=10)
    assert not note_failure(database, SERVICE, first, "no answer")
    assert admit(database, SERVICE, patience=0.5, lease=10).failures == 1


def test_places_that_callers_wait_for_are_kept(database):
    run(database, "INSERT INTO http_services (service) VALUES ('testing')")
    run(
        database,
        "INSERT INTO http_calls (service, called_at) SELECT 'testing', now() + interval '100 seconds' "
        "FROM generate_series(1, 3)",
    )
    assert admit(database, SERVICE, patience=115, lease=10).wait > 100
    assert told(database) == []
