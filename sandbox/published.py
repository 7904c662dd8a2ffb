"""What the imitations of government services share: the faults of their data, and which periods are out.

Figures come out a little earlier than the real agencies promise, by rules of its own: holidays are not known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from fastapi import Request

from sandbox.faults import ROW_KINDS
from sandbox.service import state_of

KINDS = tuple(kind for kind in ROW_KINDS if kind in ("late", "no_rows", "wrong_schema"))
SHUTDOWN = date(2025, 10, 1)  # a month whose prices were never collected: missing at BLS and FRED


@dataclass(frozen=True)
class Moment:
    """When a request is answered, and the fault that spoils its data, if any."""

    now: datetime  # tz-aware UTC; moved back by the fault `late`
    fault: str | None


def begin(request: Request, service: str) -> Moment:
    """Take the fault that is switched on for this request."""
    fault = state_of(request).faults.take(service, KINDS, None, request.url.path)
    request.state.fault = fault.kind if fault else None
    late = timedelta(seconds=fault.seconds or 0) if fault and fault.kind == "late" else timedelta(0)
    return Moment(datetime.now(UTC) - late, request.state.fault)


def months(first: date, now: datetime, *, step: int = 1, out_on: int = 12) -> Iterator[date]:
    """First days of the months (or quarters, by `step`) that are out: on a day of the month after the end."""
    month = first.replace(day=1)
    while _add_months(month, step).replace(day=out_on) <= now.date():
        yield month
        month = _add_months(month, step)


def weekdays(first: date, until: date) -> Iterator[date]:
    """Days from Monday to Friday, both ends included."""
    for ago in range((until - first).days + 1):
        day = first + timedelta(days=ago)
        if day.weekday() < 5:
            yield day


def _add_months(day: date, count: int) -> date:
    number = day.year * 12 + day.month - 1 + count
    return date(number // 12, number % 12 + 1, 1)
