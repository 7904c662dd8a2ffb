"""The IBKR gateway on one's own machine: its session, and the portfolio of one account.

As the real one it answers under `/portfolio/{account}` only after `/portfolio/accounts` was asked, with 30
positions a page, and takes `/pa/performance`. The login is by hand, so here it is always done. The account
holds 37 shares and two currencies; prices move once a business day, the same in every sandbox.
"""

import functools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from sandbox.coins import Floats
from sandbox.faults import PORTFOLIO_KINDS, SESSION_KINDS
from sandbox.service import Service, state_of

NAME = "ibkr"
ACCOUNT = "DU1234567"
ROWS_A_PAGE = 30
SHARES = 37
EURO_SHARES = 5  # of them in euros
EURO_RATE = 1.08
CASH = {"USD": 25_000.0, "EUR": 4_000.0}
FIRST_DAY = date(2024, 1, 1)
DAY_DEVIATION = 0.008

router = APIRouter(prefix=f"/{NAME}/v1/api")


@router.post("/iserver/auth/status")
async def show_status(request: Request) -> JSONResponse:
    """Whether somebody is logged in, and whether another session uses the same login."""
    fault = state_of(request).faults.take(NAME, SESSION_KINDS, None, request.url.path)
    kind = request.state.fault = fault.kind if fault else None
    return JSONResponse(
        {
            "authenticated": kind not in ("logged_out", "disconnected"),
            "competing": kind == "competing",
            "connected": kind != "disconnected",
            "message": "",
            "MAC": "00:00:00:00:00:00",
            "serverInfo": {"serverName": "sandbox", "serverVersion": "sandbox"},
            "fail": "",
        }
    )


@router.get("/iserver/accounts")
async def list_trading_accounts() -> JSONResponse:
    """The accounts that may trade."""
    return JSONResponse({"accounts": [ACCOUNT], "aliases": {ACCOUNT: ACCOUNT}, "selectedAccount": ACCOUNT})


@router.get("/portfolio/accounts")
async def list_accounts(request: Request) -> JSONResponse:
    """The accounts that have a portfolio; before it no other call of `/portfolio` is answered."""
    request.app.state.ibkr_accounts_asked = True
    account = {"id": ACCOUNT, "accountId": ACCOUNT, "currency": "USD", "type": "DEMO", "desc": ACCOUNT}
    return JSONResponse([account])


@router.post("/portfolio/{account}/positions/invalidate")
async def forget_positions(account: str, request: Request) -> JSONResponse:
    """Forget what was kept of positions."""
    return _refusal(account, request) or JSONResponse({"message": "success"})


@router.get("/portfolio/{account}/ledger")
async def show_ledger(account: str, request: Request) -> JSONResponse:
    """Money by currency, and all of it as BASE."""
    if refusal := _refusal(account, request):
        return refusal
    shares = _values(1)[-1]
    rates = {"USD": 1.0, "EUR": EURO_RATE}
    held = {"EUR": float(shares[:EURO_SHARES].sum()), "USD": float(shares[EURO_SHARES:].sum())}
    lines = {
        name: {
            "cashbalance": CASH[name],
            "stockmarketvalue": held[name],
            "netliquidationvalue": CASH[name] + held[name],
            "exchangerate": rate,
            "currency": name,
            "key": "LedgerList",
        }
        for name, rate in rates.items()
    }
    together = {
        what: sum(float(str(line[what])) * rates[name] for name, line in lines.items())
        for what in ("cashbalance", "stockmarketvalue", "netliquidationvalue")
    }
    return JSONResponse({**lines, "BASE": {**together, "exchangerate": 1, "currency": "BASE"}})


@router.get("/portfolio/{account}/positions/{page}")
async def list_positions(account: str, page: int, request: Request) -> JSONResponse:
    """A page of what is held, 30 a page; a later one than the last is empty."""
    if refusal := _refusal(account, request):
        return refusal
    fault = state_of(request).faults.take(NAME, ("no_rows",), None, request.url.path)
    request.state.fault = fault.kind if fault else None
    if fault:
        return JSONResponse([])
    rows = [_position(index, float(value)) for index, value in enumerate(_values(1)[-1])]
    return JSONResponse(rows[page * ROWS_A_PAGE : (page + 1) * ROWS_A_PAGE])


@router.post("/pa/performance")
async def show_performance(request: Request) -> JSONResponse:
    """The value at the end of each business day of a year, and the time-weighted return up to it."""
    asked = await request.json()
    if asked.get("acctIds") != [ACCOUNT]:
        return JSONResponse({"error": "Bad Request: acctIds"}, 400)
    days = _business_days()[-262:]
    values = _values(len(days))
    rates = np.where(np.arange(SHARES) < EURO_SHARES, EURO_RATE, 1.0)
    worth = values @ rates + CASH["USD"] + CASH["EUR"] * EURO_RATE
    dates = [day.strftime("%Y%m%d") for day in days]
    about = {"idType": "acctid", "id": ACCOUNT, "baseCurrency": "USD", "start": dates[0], "end": dates[-1]}
    return JSONResponse(
        {
            "currencyType": "base",
            "rc": 0,
            "nav": {"data": [{**about, "navs": worth.tolist()}], "freq": "D", "dates": dates},
            "cps": {
                "data": [{**about, "returns": (worth / worth[0] - 1).tolist()}],
                "freq": "D",
                "dates": dates,
            },
            "nd": len(dates),
            "pm": "TWR",
            "included": [ACCOUNT],
            "id": "getPerformanceData",
        }
    )


def _refusal(account: str, request: Request) -> JSONResponse | None:
    """The session is none after all, the order of calls is wrong, or there is no such account."""
    fault = state_of(request).faults.take(NAME, PORTFOLIO_KINDS, None, request.url.path)
    request.state.fault = fault.kind if fault else None
    if fault:
        return JSONResponse({"error": "not authenticated"}, 401)
    if not getattr(request.app.state, "ibkr_accounts_asked", False):
        return JSONResponse({"error": "Please query /accounts first", "statusCode": 500}, 500)
    if account != ACCOUNT:
        return JSONResponse({"error": "Invalid account"}, 400)
    return None


def _position(index: int, value: float) -> dict[str, Any]:
    quantity = 10.0 * (1 + index % 7)
    return {
        "acctId": ACCOUNT,
        "conid": 265_000 + index,
        "contractDesc": f"SHARE{index:02d}",
        "position": quantity,
        "mktPrice": value / quantity,
        "mktValue": value,
        "currency": "EUR" if index < EURO_SHARES else "USD",
        "avgCost": 100.0,
        "assetClass": "STK",
        "multiplier": None,
    }


def _business_days() -> list[date]:
    today = datetime.now(UTC).date()
    days = (FIRST_DAY + timedelta(days=number) for number in range((today - FIRST_DAY).days + 1))
    return [day for day in days if day.weekday() < 5]


def _values(last: int) -> Floats:
    """What each share was worth at the end of the last business days, in its currency; a row a day."""
    return _history(len(_business_days()))[-last:]


@functools.lru_cache(maxsize=2)
def _history(days: int) -> Floats:
    """What each share was worth at the end of each business day since the first: drawn once a day.

    What was drawn for a day does not depend on how many follow it.
    """
    drawn = np.random.default_rng(37).standard_t(5, (days, SHARES + 1)) * DAY_DEVIATION
    steps = drawn[:, :1] + drawn[:, 1:] - DAY_DEVIATION**2
    quantities = 10.0 * (1 + np.arange(SHARES) % 7)
    values = 100.0 * quantities * np.exp(np.cumsum(steps, axis=0))
    return np.asarray(values, dtype=np.float64)


def fail(path: str, status: int) -> Response:
    """The gateway's answer with a failing status."""
    return JSONResponse({"error": f"sandbox: status {status}", "statusCode": status}, status)


SERVICE = Service(NAME, router, kinds=(*SESSION_KINDS, *PORTFOLIO_KINDS, "no_rows"), fail=fail)
