"""FRED: `/fred/fred/series/observations`. Any key of 32 small letters and digits opens it, but not zeros.

Values are strings; "." stands for a missing one. Fields as in the recorded answers.
"""

import math
from datetime import date, timedelta

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from sandbox.published import KINDS, SHUTDOWN, Moment, begin, months, weekdays
from sandbox.service import Service

NAME = "fred"
FIRST = date(2015, 1, 1)
SERIES = ("DEXUSEU", "CPIAUCSL", "GDP")
UNREGISTERED = "0" * 32
READ_ON = "Read https://fred.stlouisfed.org/docs/api/api_key.html for more information."

router = APIRouter(prefix=f"/{NAME}/fred")


@router.get("/series/observations")
async def list_observations(request: Request) -> JSONResponse:
    """Observations of a series, oldest first unless `sort_order=desc`, at most `limit`."""
    query = request.query_params
    key, series = query.get("api_key", ""), query.get("series_id", "")
    if not key:
        return _refuse(f"Variable api_key is not set.  {READ_ON}")
    if not (len(key) == 32 and key.isalnum() and key == key.lower()):
        return _refuse(
            "The value for variable api_key is not a 32 character alpha-numeric lower-case string."
        )
    if key == UNREGISTERED:
        return _refuse(f"The value for variable api_key is not registered.  {READ_ON}")
    if series not in SERIES:
        return _refuse("The series does not exist.")
    limit = query.get("limit", "100000")
    if not limit.isdecimal() or not 1 <= int(limit) <= 100_000:
        return _refuse("Variable limit is not between 1 and 100000.")
    moment = begin(request, NAME)
    today = f"{moment.now:%Y-%m-%d}"
    days = _periods(series, moment)
    days = [day for day in days if day.isoformat() >= query.get("observation_start", "")]
    if query.get("sort_order", "asc") == "desc":
        days.reverse()
    rows = [
        {
            "realtime_start": today,
            "realtime_end": today,
            "date": day.isoformat(),
            "value": _value(series, day),
        }
        for day in days[: int(limit)]
    ]
    if moment.fault == "wrong_schema":
        rows = [{"sandbox": "a row of another shape"} for _ in rows]
    return JSONResponse(
        {
            "realtime_start": today,
            "realtime_end": today,
            "observation_start": query.get("observation_start", "1600-01-01"),
            "observation_end": "9999-12-31",
            "units": "lin",
            "output_type": 1,
            "file_type": "json",
            "order_by": "observation_date",
            "sort_order": query.get("sort_order", "asc"),
            "count": len(days),
            "offset": 0,
            "limit": int(limit),
            "observations": rows,
        }
    )


def _periods(series: str, moment: Moment) -> list[date]:
    if moment.fault == "no_rows":
        return []
    if series == "DEXUSEU":  # out on Mondays at 20:00, for the week before
        monday = (moment.now - timedelta(hours=20)).date()
        monday -= timedelta(days=monday.weekday())
        return list(weekdays(FIRST, monday - timedelta(days=3)))
    if series == "GDP":
        return list(months(FIRST, moment.now, step=3, out_on=28))
    return list(months(FIRST, moment.now))


def _value(series: str, day: date) -> str:
    months_on = (day.year - FIRST.year) * 12 + day.month
    if series == "DEXUSEU":
        holiday = (day.month, day.day) in ((1, 1), (7, 4), (12, 25))
        return "." if holiday else f"{1.1 + 0.05 * math.sin(day.toordinal() / 90):.4f}"
    if series == "CPIAUCSL" and day == SHUTDOWN:
        return "."
    return f"{(18_000 if series == 'GDP' else 235) * 1.002**months_on:.3f}"


def _refuse(words: str) -> JSONResponse:
    return JSONResponse({"error_code": 400, "error_message": f"Bad Request.  {words}"}, 400)


def fail(path: str, status: int) -> Response:
    """FRED's answer with a failing status; the gateway before it answers in HTML."""
    if status >= 500:
        return HTMLResponse(f"<html><body><h1>{status} Gateway Time-out</h1></body></html>", status)
    words = "Too Many Requests.  Exceeded Rate Limit" if status == 429 else f"sandbox: status {status}"
    return JSONResponse({"error_code": status, "error_message": words}, status)


SERVICE = Service(NAME, router, kinds=KINDS, fail=fail)
