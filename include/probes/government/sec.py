"""SEC: are the newest filings there? One company's list of submissions, asked for once a look.

The company files structured notes on every business day, so that a day without a filing of it is SEC's
silence. See https://www.sec.gov/search-filings/edgar-application-programming-interfaces.
"""

from datetime import UTC, date, datetime, time

from include.http.client import Client
from include.probes.government.calendars import EDGAR, due, following
from include.probes.outside import outside_probe
from include.probes.probe import Probe, ProbeAnswer, ProbeContext, ServiceDownError
from include.services import find_service

COMPANY = "CIK0000019617"  # JPMorgan Chase & Co
COLUMNS = ("accessionNumber", "filingDate", "acceptanceDateTime", "form", "primaryDocument")


def make_probes(context: ProbeContext) -> list[Probe]:
    """Make the probe."""
    return [outside_probe(context, find_service("sec"), ask)]


def ask(client: Client) -> ProbeAnswer:
    """Ask for the company's filings. Raises ServiceError, ServiceDownError."""
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
