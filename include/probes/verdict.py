"""From what a service answered, or failed with, to healthy, degraded or down, with the reason in words."""

from dataclasses import replace
from datetime import datetime, timedelta

from include.http import (
    BreakerOpenError,
    QuotaUnknownError,
    RateLimitedError,
    RequestRefusedError,
    ServiceError,
)
from include.humanize import age_text
from include.probes.government.calendars import freshness
from include.probes.probe import Probe, ProbeAnswer, ProbeResult, Quota, Status

WARN_AT = 0.8  # share of a quota
COMPLETE = 0.9  # share of the expected observations, below which they are too few
SLOW_MS = 5_000.0
# A limit of fewer calls is a pace, kept by waiting: one call would be 80 % of it already.
FEWEST_CALLS = 5


def was_sent(error: ServiceError) -> bool:
    """Whether the service was asked at all before the failure."""
    if isinstance(error, BreakerOpenError | QuotaUnknownError):
        return False
    return error.status is not None or not isinstance(error, RateLimitedError | RequestRefusedError)


def as_answer(error: ServiceError) -> ProbeAnswer:
    """A failure as an answer: a rate limit leaves the service degraded, anything else makes it down."""
    words = str(error).removeprefix(f"{error.service}: ")
    if isinstance(error, RateLimitedError):
        return ProbeAnswer("it answers", faults=(words,))
    return ProbeAnswer("", broken=words)


def judge(
    probe: Probe, answer: ProbeAnswer, quotas: tuple[Quota, ...], asked_at: datetime | None, now: datetime
) -> ProbeResult:
    """Judge an answer that came now, or one that came at `asked_at` and is used again."""
    faults = list(answer.faults)
    fresh = freshness(answer.expected_by, now) if answer.expected_by else None
    if fresh not in (None, "fresh"):
        faults.append(f"the next figures after {answer.newest:%Y-%m-%d} are {fresh}")
    if answer.completeness is not None and answer.completeness < COMPLETE:
        faults.append(f"only {answer.completeness:.0%} of what is expected is there")
    if answer.latency_ms is not None and answer.latency_ms > SLOW_MS:
        faults.append(f"slow: its answer took {answer.latency_ms / 1000:.1f} s")
    quota = nearest_to_its_end((*quotas, *([answer.quota] if answer.quota else [])))
    if quota and warns(quota):
        faults.append(quota_text(quota))
    status: Status = "down" if answer.broken else "degraded" if faults else "healthy"
    reason = "; ".join([answer.broken or answer.words, *faults] if answer.broken or not faults else faults)
    if asked_at and asked_at < now:
        reason += f" (asked {age_text(now - asked_at)} ago, to spare its quota)"
    return ProbeResult(
        service=probe.service,
        kind=probe.kind,
        status=status,
        reason=reason,
        checked_at=now,
        asked_at=asked_at,
        latency_ms=answer.latency_ms,
        newest=answer.newest,
        expected_by=answer.expected_by,
        freshness=fresh,
        completeness=answer.completeness,
        quota_used=quota.used if quota else None,
        quota_limit=quota.limit if quota else None,
        quota_window=quota.window if quota else None,
        sandbox=answer.sandbox,
        own_part=probe.own_part,
        answer=answer,
    )


def not_known(probe: Probe, why: str, now: datetime) -> ProbeResult:
    """The result of a service that was not asked, or of whose answer nothing is known."""
    return ProbeResult(probe.service, probe.kind, None, why, now, None, own_part=probe.own_part)


def still(earlier: ProbeAnswer, now_said: ProbeAnswer) -> ProbeAnswer:
    """What is known when a service was not asked, for a reason: what it said last, and the reason."""
    return replace(earlier, faults=(*earlier.faults, *now_said.faults))


def nearest_to_its_end(quotas: tuple[Quota, ...]) -> Quota | None:
    """The limit of which most is used; limits of a few calls, which are paces, come last."""
    return max(quotas, key=lambda quota: (quota.limit >= FEWEST_CALLS, quota.share), default=None)


def warns(quota: Quota) -> bool:
    """Whether so much of it is used that somebody should know."""
    return quota.limit >= FEWEST_CALLS and quota.share >= WARN_AT


def quota_text(quota: Quota) -> str:
    """`441 of 500 in a day are used (88 %)`."""
    window = "" if quota.window is None else f" calls in {window_text(quota.window)}"
    at = f", at {quota.at:%H:%M:%S}Z" if quota.at else ""
    return f"{quota.used} of {quota.limit}{window or ' connections'} are used ({quota.share:.0%}{at})"


def window_text(window: timedelta) -> str:
    """A window as people say it: `10 s`, `a minute`, `a day`."""
    named = {1: "a second", 60: "a minute", 3600: "an hour", 86_400: "a day", 31 * 86_400: "a month"}
    seconds = window.total_seconds()
    return named.get(int(seconds)) or f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"
