"""BLS: are the newest months there? Two series in one request, a few times a day.

With a key 500 requests a day, without one 25. An error comes under status 200 (include.http finds it), a span
that is too long is cut without a word, "-" is a missing value, and M13 is the year's average, no month.
See https://www.bls.gov/developers/api_signature_v2.htm.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

from include.http.client import Client
from include.probes.government.calendars import (
    CONSUMER_PRICES,
    EMPLOYMENT,
    Calendar,
    completeness,
    latest_due,
    look_at,
)
from include.probes.government.values import is_number
from include.probes.outside import outside_probe
from include.probes.probe import Probe, ProbeAnswer, ProbeContext, ServiceDownError
from include.services import find_service
from include.telemetry import redact

BLS_SERIES = {"CUUR0000SA0": CONSUMER_PRICES, "CES0000000001": EMPLOYMENT}
MIN_INTERVAL = timedelta(hours=6)  # new figures come once a month


def make_probes(context: ProbeContext) -> list[Probe]:
    """Make the probe. Without a key BLS is asked by the rules, and the quota, for those."""
    endpoint = context.connections("bls")
    service = find_service("bls" if endpoint and endpoint.secret else "bls-keyless")
    this_year = datetime.now(UTC).year
    asked = partial(ask, first_year=this_year - 1, last_year=this_year)
    return [outside_probe(context, service, asked, pause=MIN_INTERVAL)]


def ask(
    client: Client, *, first_year: int, last_year: int, series: Mapping[str, Calendar] = BLS_SERIES
) -> ProbeAnswer:
    """Ask for the months of these years. Raises ServiceError, ServiceDownError."""
    now = datetime.now(UTC)
    wanted = {"seriesid": list(series), "startyear": str(first_year), "endyear": str(last_year)}
    answer = client.post_json("/timeseries/data/", wanted)
    months = read_months(answer)
    # What should be there follows from what was asked, so that a span that was cut shows as missing.
    found = [
        look_at(name, calendar, months.get(name, set()), date(first_year, 1, 1), now)
        for name, calendar in series.items()
    ]
    pressing = latest_due(found)
    newest = pressing.newest if pressing else None
    said = redact("; ".join(str(line) for line in answer.get("message") or ()))
    return ProbeAnswer(
        words=", ".join(f"{one.name} {one.newest:%Y-%m}" for one in found if one.newest) or "a sound answer",
        faults=(
            *(f"{one.name}: no value at all" for one in found if not one.newest),
            *((f"it said: {said[:200]}",) if said else ()),
        ),
        latency_ms=client.milliseconds,
        newest=datetime.combine(newest, time(), UTC) if newest else None,
        expected_by=pressing.expected_by if pressing else None,
        completeness=completeness(found),
        sandbox=client.sandbox,
    )


def read_months(answer: Any) -> dict[str, set[date]]:
    """The months of each series that have a value. Raises ServiceDownError for another shape."""
    try:
        return {
            series["seriesID"]: {
                date(int(row["year"]), int(row["period"][1:]), 1)
                for row in series["data"]
                if row["period"][0] == "M" and row["period"] != "M13" and is_number(row["value"])
            }
            for series in answer["Results"]["series"]
        }
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ServiceDownError(f"the series have another shape: {error!r}") from error
