"""SEC: are the newest filings there? One company's list of submissions, asked for once a look.

The company files structured notes on every business day, so that a day without a filing of it is SEC's
silence. See https://www.sec.gov/search-filings/edgar-application-programming-interfaces.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from functools import partial

from sqlalchemy import Engine

from include.http.client import Client
from include.probes.calendars import EDGAR, due, following
from include.probes.probe import Connections, Probe, ProbeAnswer, ServiceDownError, outside_probe
from include.services import find_service
from include.settings import Settings

COMPANY = "CIK0000019617"  # JPMorgan Chase & Co
COLUMNS = ("accessionNumber", "filingDate", "acceptanceDateTime", "form", "primaryDocument")


def sec_probe(engine: Engine, settings: Settings, connections: Connections) -> Probe:
    """Make the probe of SEC's EDGAR."""
    opened = partial(Client, engine=engine)
    return outside_probe(find_service("sec"), "government", connections, settings, ask, opened)


def ask(open_client: Callable[[], Client]) -> ProbeAnswer:
    """Ask for the company's filings. Raises ServiceError, ServiceDownError."""
    with open_client() as client:
        answer = client.get_json(f"/submissions/{COMPANY}.json")
    try:
        recent = answer["filings"]["recent"]
        columns = [recent.get(name) for name in COLUMNS]
        newest = max((date.fromisoformat(day) for day in recent["filingDate"]), default=None)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ServiceDownError(f"its list of filings has another shape: {error!r}") from error
    rows = len(recent["filingDate"])
    whole = [column for column in columns if isinstance(column, list) and len(column) == rows and rows]
    return ProbeAnswer(
        words=f"newest filing {newest}" if newest else "a list of filings",
        faults=() if newest else ("no filing at all",),
        latency_ms=client.milliseconds,
        newest=datetime.combine(newest, time(), UTC) if newest else None,
        expected_by=due(EDGAR, following(EDGAR, newest)) if newest else None,
        completeness=len(whole) / len(COLUMNS),
        sandbox=client.sandbox,
    )
