"""Portfolios of Interactive Brokers, read from the Client Portal gateway.

The order of calls is the gateway's: the session, `/iserver/accounts`, then `/portfolio/accounts`, without
which the other calls of `/portfolio` fail. Positions come in pages of 100, of older gateways 30, so pages are
asked for until one has fewer than 30. A session may say that it is authenticated and be none: what then comes
is a refusal, or no positions where the ledger counts some; neither is an empty portfolio.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from include.database import storable
from include.http.client import Client
from include.portfolio.snapshot import PortfolioError, Position, Snapshot, read_decimal
from include.services.ibkr import session_fault

PREFIX = "/v1/api"
SHORTEST_FULL_PAGE = 30
MOST_PAGES = 200
LARGEST_GROWTH = 1e9  # of a year
HELD_BY_LEDGER = ("stockmarketvalue", "optionmarketvalue", "futuremarketvalue", "corporatebondsmarketvalue")


@dataclass(frozen=True)
class DayOfPerformance:
    """What IBKR reports of a day: the value at its end, and the time-weighted return (None: of the first)."""

    day: date
    value: Decimal
    daily_return: float | None


def read_accounts(client: Client) -> dict[str, str]:
    """Ask for the session and the accounts behind it; give their currencies by their ids.

    Raises:
        PortfolioError: there is no session, or an answer of another shape.
        ServiceError: the gateway does not answer, or refuses.
    """
    if fault := session_fault(client.post_json(f"{PREFIX}/iserver/auth/status", {}, idempotent=True)):
        raise PortfolioError(fault)
    client.get_json(f"{PREFIX}/iserver/accounts")
    answer = client.get_json(f"{PREFIX}/portfolio/accounts")
    if not isinstance(answer, list) or not answer:
        raise PortfolioError("the gateway names no account")
    return {
        _text(account, "accountId", "accounts"): _text(account, "currency", "accounts") for account in answer
    }


def read_snapshot(client: Client, account: str, currency: str, *, now: datetime | None = None) -> Snapshot:
    """Read all that an account holds, cash of each currency included. Raises as `read_accounts`."""
    client.post_json(f"{PREFIX}/portfolio/{account}/positions/invalidate", {}, idempotent=True)
    ledger = client.get_json(f"{PREFIX}/portfolio/{account}/ledger")
    if not isinstance(ledger, dict) or not isinstance(ledger.get("BASE"), dict):
        raise PortfolioError(f"the ledger of {account} has no BASE")
    rates = {
        name: read_decimal(line.get("exchangerate"), f"the rate of {name}")
        for name, line in ledger.items()
        if name != "BASE" and isinstance(line, dict)
    }
    assets = [_read_position(row, rates) for row in _read_pages(client, account)]
    held = [name for name in HELD_BY_LEDGER if read_decimal(ledger["BASE"].get(name, 0), name)]
    if held and not assets:
        raise PortfolioError(f"no position of {account} came, and its ledger has {', '.join(held)}")
    cash = [
        Position(name, name, "cash", name, rate, amount, Decimal(1), amount)
        for name, rate in rates.items()
        if (amount := read_decimal(ledger[name].get("cashbalance"), f"the cash in {name}"))
    ]
    return Snapshot(f"ibkr:{account}", "ibkr", now or datetime.now(UTC), currency, [*assets, *cash])


def read_performance(client: Client, account: str) -> list[DayOfPerformance]:
    """Read a year's values and time-weighted returns, a day each. Raises as `read_accounts`."""
    asked = {"acctIds": [account], "period": "1Y"}
    answer = client.post_json(f"{PREFIX}/pa/performance", asked, idempotent=True)
    try:
        values, returns = (
            dict(zip(answer[part]["dates"], answer[part]["data"][0][name], strict=True))
            for part, name in (("nav", "navs"), ("cps", "returns"))
        )
        days = sorted(values)
        dates = {day: datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).date() for day in days}
        grown = {day: 1 + float(read_decimal(returns[day], f"the return of {day}")) for day in days}
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise PortfolioError(f"the performance of {account} has another shape than documented") from error
    if not all(0 < factor < LARGEST_GROWTH for factor in grown.values()):
        raise PortfolioError(f"the performance of {account} has lost all and gone on, or grown beyond belief")
    before = [None, *days[:-1]]
    return [
        DayOfPerformance(
            dates[day],
            read_decimal(values[day], f"the value of {day}"),
            None if former is None else grown[day] / grown[former] - 1,
        )
        for former, day in zip(before, days, strict=True)
    ]


def _read_pages(client: Client, account: str) -> Iterator[dict[str, Any]]:
    for page in range(MOST_PAGES):
        rows = client.get_json(f"{PREFIX}/portfolio/{account}/positions/{page}")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise PortfolioError(f"page {page} of the positions of {account} is no list of positions")
        yield from rows
        if len(rows) < SHORTEST_FULL_PAGE:
            return
    raise PortfolioError(f"the positions of {account} have more than {MOST_PAGES} pages")


def _read_position(row: dict[str, Any], rates: dict[str, Decimal]) -> Position:
    conid, currency = _text(row, "conid", "a position"), _text(row, "currency", "a position")
    if currency not in rates:
        raise PortfolioError(f"the ledger has no exchange rate of {currency}, which {conid} is in")
    quantity, price, value = (
        read_decimal(row.get(name), f"{name} of {conid}") for name in ("position", "mktPrice", "mktValue")
    )
    multiplier = read_decimal(row.get("multiplier") or 1, f"the multiplier of {conid}") or Decimal(1)
    name = storable(str(row.get("contractDesc") or conid))
    return Position(conid, name, "asset", currency, rates[currency], quantity, price, value, multiplier)


def _text(row: Any, name: str, where: str) -> str:
    value = row.get(name) if isinstance(row, dict) else None
    if value is None or value == "":
        raise PortfolioError(f"{where}: there is no {name}")
    return storable(str(value))
