"""Census: is the newest yearly survey there, with every state? One request, two where a survey is late.

Without a sound key Census redirects to a page of HTML under status 200: include.http follows no redirect and
takes no HTML for an answer. See https://www.census.gov/data/developers/guidance/api-user-guide.html.
"""

from datetime import UTC, date, datetime
from typing import Any

from include.http import RequestRefusedError
from include.http.client import Client
from include.probes.government.calendars import COMMUNITY_SURVEY, due, periods_due
from include.probes.government.values import is_number
from include.probes.outside import outside_probe
from include.probes.probe import Probe, ProbeAnswer, ProbeContext, ServiceDownError
from include.services import find_service

POPULATION = "B01001_001E"  # the population
STATES = 52  # with the District of Columbia and Puerto Rico


def make_probes(context: ProbeContext) -> list[Probe]:
    """Make the probe."""
    return [outside_probe(context, find_service("census"), ask, cost=2)]


def ask(client: Client) -> ProbeAnswer:
    """Ask for the population of each state in the newest survey. Raises ServiceError, ServiceDownError."""
    now = datetime.now(UTC)
    year = max(periods_due(COMMUNITY_SURVEY, date(now.year - 3, 1, 1), now)).year
    try:
        answer = _get(client, year)
    except RequestRefusedError as error:
        if error.status != 404:
            raise
        year -= 1  # the survey that should be out is not: is the one before?
        answer = _get(client, year)
    return ProbeAnswer(
        words=f"American Community Survey of {year}",
        latency_ms=client.milliseconds,
        newest=datetime(year, 1, 1, tzinfo=UTC),
        expected_by=due(COMMUNITY_SURVEY, date(year + 1, 1, 1)),
        completeness=min(1.0, count_states(answer) / STATES),
        sandbox=client.sandbox,
    )


def count_states(answer: Any) -> int:
    """Count the rows with a population; negative numbers stand for missing ones. Raises ServiceDownError."""
    try:
        header, *rows = answer
        column = header.index(POPULATION)
        return sum(is_number(row[column]) and float(row[column]) >= 0 for row in rows)
    except (AttributeError, TypeError, ValueError, IndexError) as error:
        raise ServiceDownError(f"no list of lists with {POPULATION} in its header: {error!r}") from error


def _get(client: Client, year: int) -> Any:
    asked = {"get": f"NAME,{POPULATION}", "for": "state:*"}
    return client.get_json(f"/data/{year}/acs/acs1", asked)
