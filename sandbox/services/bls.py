"""BLS: POST `/bls/publicAPI/{v1,v2}/timeseries/data/`. Every error comes under status 200.

A span that is too long (20 years with a key, 10 without) is cut without a word. "-" is a missing value, M13
the year's average. A key that begins with `invalid` is refused, and the message repeats it.
"""

import json
from datetime import date
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from sandbox.published import KINDS, SHUTDOWN, begin, months
from sandbox.service import Service

NAME = "bls"
SERIES = {"CUUR0000SA0": 12, "CES0000000001": 8}  # series: day of the month after on which a month is out
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
THRESHOLD = (
    "Request could not be serviced, as the daily threshold for total number of requests allocated to the "
    "user with registration key {} has been reached."
)

router = APIRouter(prefix=f"/{NAME}/publicAPI")


@router.post("/{version}/timeseries/data/")
async def list_data(request: Request, version: str) -> JSONResponse:
    """Months of the series, newest first, from `startyear` to `endyear`."""
    try:
        asked = json.loads(await request.body())
        wanted, first, last = asked["seriesid"], int(asked["startyear"]), int(asked["endyear"])
    except (ValueError, TypeError, KeyError):
        return _refuse("Invalid request: seriesid, startyear and endyear are needed")
    key = str(asked.get("registrationkey", "")) if version == "v2" else ""
    if key.startswith("invalid"):
        return _refuse(f"The key:{key} provided by the User is invalid.")
    if len(wanted) > (50 if key else 25):
        return _refuse("Your request exceeds the number of series that are allowed")
    last = min(last, first + (19 if key else 9))  # cut, and nobody is told
    moment = begin(request, NAME)
    said, series = [], []
    for name in wanted:
        if name not in SERIES:
            said.append(f"Series does not exist for Series {name}")
        out = list(months(date(first, 1, 1), moment.now, out_on=SERIES[name])) if name in SERIES else []
        out = [] if moment.fault == "no_rows" else [month for month in out if month.year <= last]
        series.append({"seriesID": name, "data": _write_rows(name, out, bool(asked.get("annualaverage")))})
    if moment.fault == "wrong_schema":
        series = [{"sandbox": "a series of another shape"} for _ in series]
    results = {"series": series}
    return JSONResponse(
        {"status": "REQUEST_SUCCEEDED", "responseTime": 42, "message": said, "Results": results}
    )


def _write_rows(name: str, out: list[date], averages: bool) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for month in reversed(out):
        if averages and month.month == 12:
            rows.append(_row(month.year, "M13", "Annual", f"{240 + (month.year - 2015) * 6:.3f}"))
        missing = name == "CUUR0000SA0" and month == SHUTDOWN
        value = "-" if missing else f"{235 + (month.year - 2015) * 6 + month.month / 2:.3f}"
        rows.append(_row(month.year, f"M{month.month:02}", MONTHS[month.month - 1], value))
    return rows


def _row(year: int, period: str, name: str, value: str) -> dict[str, Any]:
    return {"year": str(year), "period": period, "periodName": name, "value": value, "footnotes": [{}]}


def _refuse(words: str) -> JSONResponse:
    body = {"status": "REQUEST_NOT_PROCESSED", "responseTime": 0, "message": [words], "Results": {}}
    return JSONResponse(body)


def error_in_200(path: str) -> Response:
    """The day's requests are used up."""
    return _refuse(THRESHOLD.format(""))


SERVICE = Service(NAME, router, kinds=KINDS, error_in_200=error_in_200)
