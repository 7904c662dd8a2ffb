"""Census: `/census/data/<year>/acs/acs1?get=NAME,…&for=state:*&key=`, a list of lists with the header first.

Without a key it redirects to a page that says so under status 200; so it does for keys that begin with
`invalid`. The survey of a year is out on 12 September of the next.
"""

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse

from sandbox.published import KINDS, begin
from sandbox.service import Service

NAME = "census"
STATES = ("Alabama", "Alaska", *(f"Sandbox State {number}" for number in range(3, 52)), "Puerto Rico")
LARGEST_ROW = 50  # variables of one call
FIRST_YEAR = 2005
PAGES = {
    "missing_key": ("Missing Key", "A valid <em>key</em> must be included with each data API request."),
    "invalid_key": ("Invalid Key", "A valid <em>key</em> must be included with each data API request."),
}

router = APIRouter(prefix=f"/{NAME}/data")


@router.get("/{name}.html")
async def show_page(name: str) -> HTMLResponse:
    """What those see who follow the redirect."""
    title, words = PAGES.get(name, ("Not Found", "sandbox: no such page"))
    text = f"<html><head><title>{title}</title></head><body><p>{words}</p></body></html>"
    return HTMLResponse(text, 200 if name in PAGES else 404)


@router.get("/{year}/acs/acs1")
async def list_states(request: Request, year: int) -> Response:
    """The asked variables for each state, as text."""
    query = request.query_params
    key = query.get("key", "")
    if not key or key.startswith("invalid"):
        page = "invalid_key" if key else "missing_key"
        return RedirectResponse(f"{request.base_url}{NAME}/data/{page}.html", 302)
    moment = begin(request, NAME)
    if year < FIRST_YEAR or moment.now < datetime(year + 1, 9, 12, 4, 0, tzinfo=UTC):
        return fail(request.url.path, 404)
    variables = query.get("get", "").split(",")
    if len(variables) > LARGEST_ROW or query.get("for") != "state:*":
        return PlainTextResponse("error: unknown variable, or too many of them (sandbox)", 400)
    if moment.fault == "wrong_schema":
        return JSONResponse({"sandbox": "an answer of another shape"})
    rows = [
        [name if variable == "NAME" else str(100_000 * number + year) for variable in variables]
        + [f"{number:02}"]
        for number, name in enumerate(STATES, 1)
    ]
    return JSONResponse([[*variables, "state"], *([] if moment.fault == "no_rows" else rows)])


def fail(path: str, status: int) -> Response:
    """Census's answer with a failing status."""
    return HTMLResponse(f"<html><body><h1>HTTP Status {status}</h1></body></html>", status)


SERVICE = Service(NAME, router, kinds=KINDS, fail=fail)
