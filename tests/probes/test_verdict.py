"""The verdict on an answer: every reason for degraded or down, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.http import (
    BadAnswerError,
    BreakerOpenError,
    QuotaUnknownError,
    RateLimitedError,
    RequestRefusedError,
    ServiceUnavailableError,
)
from include.probes.probe import Probe, ProbeAnswer, Quota
from include.probes.verdict import as_answer, judge, was_sent

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PROBE = Probe("x", "government", lambda: SOUND)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
SOUND = ProbeAnswer("newest 2026-10", 80.0, newest=NOW - 50 * DAY, expected_by=NOW + DAY, completeness=1.0)


def verdict(answer, *quotas):
    return judge(PROBE, answer, quotas, NOW, NOW)


def changed(**changes):
    return ProbeAnswer(**{**vars(SOUND), **changes})


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({}, "healthy", "newest 2026-10"),
        ({"faults": ("it said: no",)}, "degraded", "it said: no"),
        ({"expected_by": NOW - 36 * DAY / 24}, "degraded", "after 2026-10-01 are late by 2 days"),
        ({"completeness": 0.89}, "degraded", "only 89% of what is expected"),
        ({"completeness": 0.9}, "healthy", "newest"),
        ({"latency_ms": 5001.0}, "degraded", "slow: its answer took 5.0 s"),
        ({"broken": "no connection"}, "down", "no connection"),
        ({"broken": "no connection", "faults": ("half",)}, "down", "no connection; half"),
    ],
)
def test_what_an_answer_means(changes, status, reason):
    result = verdict(changed(**changes))
    assert result.status == status
    assert reason in result.reason


@pytest.mark.parametrize(
    ("quota", "status"),
    [
        (Quota(399, 500, DAY), "healthy"),
        (Quota(400, 500, DAY), "degraded"),
        (Quota(8, 10, SECOND), "degraded"),
        (Quota(7, 10, SECOND), "healthy"),
        (Quota(96, 120, timedelta(minutes=1)), "degraded"),
        (Quota(1, 1, SECOND), "healthy"),  # a pace, kept by waiting
        (Quota(80, 100, None), "degraded"),
    ],
)
def test_a_quota_is_warned_about_at_80_percent(quota, status):
    result = verdict(SOUND, quota)
    assert result.status == status
    assert (result.quota_used, result.quota_limit, result.quota_window) == (
        quota.used,
        quota.limit,
        quota.window,
    )
    if status == "degraded":
        assert f"{quota.used} of {quota.limit}" in result.reason


def test_the_limit_that_is_nearest_to_its_end_is_told():
    result = verdict(SOUND, Quota(9, 10, SECOND, NOW), Quota(10, 500, DAY), Quota(1, 1, SECOND))
    assert (result.quota_used, result.quota_limit) == (9, 10)
    assert result.reason == "9 of 10 calls in a second are used (90%, at 12:00:00Z)"


def test_an_answer_that_is_used_again_says_its_age():
    result = judge(PROBE, SOUND, (), NOW - timedelta(hours=3), NOW)
    assert result.reason == "newest 2026-10 (asked 3 h ago, to spare its quota)"
    assert (result.checked_at, result.asked_at) == (NOW, NOW - timedelta(hours=3))


def test_an_answer_that_is_used_again_grows_late_by_itself():
    due_since = changed(expected_by=NOW - timedelta(minutes=1))
    assert judge(PROBE, due_since, (), NOW - timedelta(hours=3), NOW).status == "degraded"


@pytest.mark.parametrize(
    ("error", "sent", "broken"),
    [
        (RateLimitedError("x", "quota used up"), False, False),
        (RateLimitedError("x", "answered 429: slow", 429), True, False),
        (RequestRefusedError("x", "no key"), False, True),
        (RequestRefusedError("x", "answered 403: no", 403), True, True),
        (ServiceUnavailableError("x", "no connection"), True, True),
        (BadAnswerError("x", "HTML", 200), True, True),
        (BreakerOpenError("x", "10 failed"), False, True),
        (QuotaUnknownError("x", "no database"), False, True),
    ],
)
def test_what_a_failure_means(error, sent, broken):
    assert was_sent(error) is sent
    answer = as_answer(error)
    assert bool(answer.broken) is broken
    assert bool(answer.faults) is not broken
    assert not (answer.broken or answer.faults[0]).startswith("x:")


@given(
    completeness=st.none() | st.floats(0, 1),
    late=st.none() | st.timedeltas(-90 * DAY, 90 * DAY),
    latency=st.none() | st.floats(0, 60_000),
    faults=st.lists(st.text(min_size=1), max_size=2),
    broken=st.none() | st.text(min_size=1),
    used=st.integers(0, 600),
    limit=st.integers(1, 500),
)
def test_every_verdict_has_a_reason_and_healthy_has_none_against_it(
    completeness, late, latency, faults, broken, used, limit
):
    answer = ProbeAnswer(
        "fine", latency, tuple(faults), broken, NOW, None if late is None else NOW - late, completeness
    )
    result = verdict(answer, Quota(used, limit, DAY))
    wrong = (
        bool(faults)
        or (late or DAY * 0) > DAY * 0
        or (completeness is not None and completeness < 0.9)
        or (latency or 0) > 5000
        or (limit >= 5 and used / limit >= 0.8)
    )
    assert result.status == ("down" if broken else "degraded" if wrong else "healthy")
    assert result.reason
