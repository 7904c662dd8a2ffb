"""FRED: are the newest observations there? A daily, a monthly and a quarterly series, one request each.

See https://fred.stlouisfed.org/docs/api/fred/series_observations.html. Values are strings, "." is missing.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from include.http.client import Client
from include.probes.government.calendars import (
    CONSUMER_PRICES,
    EXCHANGE_RATES,
    GROSS_PRODUCT,
    Calendar,
    completeness,
    latest_due,
    look_at,
)
from include.probes.government.values import is_number
from include.probes.outside import outside_probe
from include.probes.probe import Probe, ProbeAnswer, ProbeContext, ServiceDownError
from include.services import find_service

FRED_SERIES = {  # series: its calendar, and how many days back are looked at
    "DEXUSEU": (EXCHANGE_RATES, 60),
    "CPIAUCSL": (CONSUMER_PRICES, 400),
    "GDP": (GROSS_PRODUCT, 800),
}


def make_probes(context: ProbeContext) -> list[Probe]:
    """Make the probe."""
    return [outside_probe(context, find_service("fred"), ask, cost=len(FRED_SERIES))]


def ask(client: Client) -> ProbeAnswer:
    """Ask for the newest observations of each series. Raises ServiceError, ServiceDownError."""
    now = datetime.now(UTC)
    found, slowest = [], 0.0
    for name, (calendar, days) in FRED_SERIES.items():
        first = _first_period(calendar, now.date() - timedelta(days=days))
        asked = {"series_id": name, "file_type": "json", "observation_start": first.isoformat()}
        answer = client.get_json("/fred/series/observations", asked)
        slowest = max(slowest, client.milliseconds or 0.0)
        found.append(look_at(name, calendar, read_observations(name, answer), first, now))
    pressing = latest_due(found)
    newest = pressing.newest if pressing else None
    return ProbeAnswer(
        words=", ".join(f"{one.name} {one.newest}" for one in found if one.newest) or "sound answers",
        faults=tuple(f"{one.name}: no value at all" for one in found if not one.newest),
        latency_ms=slowest,
        newest=datetime.combine(newest, time(), UTC) if newest else None,
        expected_by=pressing.expected_by if pressing else None,
        completeness=completeness(found),
        sandbox=client.sandbox,
    )


def read_observations(name: str, answer: Any) -> set[date]:
    """The dates that have a value: "." and what is no number are missing.

    Raises:
        ServiceDownError: they have another shape.
    """
    try:
        return {date.fromisoformat(row["date"]) for row in answer["observations"] if is_number(row["value"])}
    except (KeyError, TypeError, ValueError) as error:
        raise ServiceDownError(f"the observations of {name} have another shape: {error!r}") from error


def _first_period(calendar: Calendar, day: date) -> date:
    if calendar.period == "day":
        return day
    month = (day.month - 1) // 3 * 3 + 1 if calendar.period == "quarter" else day.month
    return day.replace(month=month, day=1)
