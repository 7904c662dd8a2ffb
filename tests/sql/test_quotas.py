"""The view http_quotas: what is counted, in which window, and what is not."""

import pytest
from sqlalchemy import text

from include.http import Limit, Service
from include.http.admission import admit


def called(database, service, *ago):
    statement = text(
        "INSERT INTO http_calls (service, called_at) SELECT :service, now() - make_interval(secs => ago) "
        "FROM unnest(CAST(:ago AS double precision[])) AS ago"
    )
    with database.begin() as connection:
        connection.execute(statement, {"service": service, "ago": [float(seconds) for seconds in ago]})


def quotas(database, *limits, service="x"):
    with database.begin() as connection:
        connection.execute(
            text("INSERT INTO http_limits VALUES (:service, :calls, :windows)"),
            {"service": service, "calls": [limit.calls for limit in limits],
             "windows": [limit.seconds for limit in limits]},
        )  # fmt: skip
        rows = connection.execute(text("SELECT * FROM http_quotas ORDER BY quota_window")).all()
    return [(row.used, row.quota_limit, float(row.share), row.used_now) for row in rows]


def test_the_busiest_short_window_of_the_last_hour_counts(database):
    called(database, "x", 10, 10.2, 10.4, 600, 600.5, 4000, 4000, 4000, 4000)
    assert quotas(database, Limit(10, 1)) == [(3, 10, 0.3, 0)]


def test_a_window_is_open_at_its_beginning(database):
    called(database, "x", 10, 11)
    assert quotas(database, Limit(10, 1)) == [(1, 10, 0.1, 0)]


def test_a_long_window_ends_now(database):
    called(database, "x", 1, 3_000, 80_000, 86_000, 90_000)
    assert quotas(database, Limit(500, 86_400), Limit(20, 3_600)) == [(2, 20, 0.1, 2), (4, 500, 0.008, 4)]


def test_what_lies_ahead_was_not_sent(database):
    called(database, "x", -5, -60, 1)
    assert quotas(database, Limit(10, 60)) == [(1, 10, 0.1, 1)]


def test_services_do_not_mix(database):
    called(database, "y", 1, 2)
    assert quotas(database, Limit(10, 60)) == [(0, 10, 0, 0)]


def test_an_admission_writes_down_by_which_limits_it_counted(database):
    for limits in ((Limit(10, 60), Limit(500, 86_400)), (Limit(5, 60),), ()):
        admit(database, Service("x", limits=limits), patience=5, lease=5)
        with database.connect() as connection:
            found = connection.execute(text("SELECT quota_limit, quota_window, used FROM http_quotas")).all()
        assert sorted((row.quota_limit, row.quota_window.total_seconds()) for row in found) == sorted(
            (limit.calls, limit.seconds) for limit in limits
        )
    assert [row.used for row in found] == []


@pytest.mark.parametrize("seconds", [3_600, 86_400])
def test_the_day_of_bls_is_kept_whole(database, seconds):
    called(database, "x", seconds - 60, seconds + 60)
    admit(database, Service("x", limits=(Limit(500, seconds),)), patience=5, lease=5)
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM http_calls")).scalar_one() == 2
        assert connection.execute(text("SELECT used FROM http_quotas")).scalar_one() == 2
