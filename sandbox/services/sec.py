"""SEC's EDGAR: `/sec/submissions/CIK<ten digits>.json`. A User-Agent without an email gets the page of a 403.

Every company here files something on each weekday. Columns as in the vendor's documents.
"""

from datetime import UTC, datetime, time, timedelta

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from sandbox.published import KINDS, begin, weekdays
from sandbox.service import Service

NAME = "sec"
LOOK_BACK = timedelta(days=60)
# The two pages share title and styles; only what follows tells the causes apart.
PAGE = """<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">
<html><head><title>SEC.gov | Request Rate Threshold Exceeded</title>
<style>
{}
</style></head><body><div id="content"><h1>{}</h1><p>{}</p></div></body></html>"""
STYLES = "\n".join(f"#sandbox-{number} {{margin:0; padding:15px 20px 10px 20px;}}" for number in range(40))
UNDECLARED = (
    "Your Request Originates from an Undeclared Automated Tool",
    "Please declare your traffic by updating your user agent to include company specific information.",
)
TOO_FAST = (
    "Request Rate Threshold Exceeded",
    "Sandbox: more than 10 requests a second; access returns when the rate was low for 10 minutes.",
)

router = APIRouter(prefix=f"/{NAME}")


@router.get("/submissions/{name}")
async def show_submissions(request: Request, name: str) -> Response:
    """The newest filings of a company, newest first, a list a column."""
    if "@" not in request.headers.get("user-agent", ""):
        return HTMLResponse(PAGE.format(STYLES, *UNDECLARED), 403)
    cik = name.removeprefix("CIK").removesuffix(".json")
    if not (len(cik) == 10 and cik.isdecimal()):
        return HTMLResponse("<html><body>NoSuchKey: the specified key does not exist</body></html>", 404)
    moment = begin(request, NAME)
    if moment.fault == "wrong_schema":
        return JSONResponse({"cik": cik, "filings": "of another shape"})
    days = list(weekdays((moment.now - LOOK_BACK).date(), moment.now.date()))[::-1]
    filed = [datetime.combine(day, time(11, 30), UTC) for day in days]  # 6:30 or 7:30 in New York
    filed = [] if moment.fault == "no_rows" else [at for at in filed if at <= moment.now]
    recent = {
        "accessionNumber": [f"{cik}-{at:%y}-{at:%m%d}00" for at in filed],
        "filingDate": [f"{at:%Y-%m-%d}" for at in filed],
        "reportDate": ["" for _ in filed],
        "acceptanceDateTime": [f"{at:%Y-%m-%dT%H:%M:%S}.000Z" for at in filed],
        "act": ["33" for _ in filed],
        "form": ["424B2" for _ in filed],
        "size": [100_000 for _ in filed],
        "primaryDocument": [f"sandbox-{at:%Y%m%d}.htm" for at in filed],
    }
    return JSONResponse(
        {
            "cik": cik,
            "entityType": "operating",
            "name": "SANDBOX COMPANY",
            "tickers": ["SBX"],
            "exchanges": ["NYSE"],
            "filings": {"recent": recent, "files": []},
        }
    )


def fail(path: str, status: int) -> Response:
    """SEC's answer with a failing status; 403 is what it says to those who ask too fast."""
    if status in (403, 429):
        return HTMLResponse(PAGE.format(STYLES, *TOO_FAST), status)
    return HTMLResponse(f"<html><body><h1>sandbox: status {status}</h1></body></html>", status)


SERVICE = Service(NAME, router, kinds=KINDS, fail=fail)
