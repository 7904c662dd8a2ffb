"""What `adjust_token_requirement` does: looks at the price, and decides what is required from then on.

A run stands for one moment, that of its schedule. Only a run that is on time asks for prices; a later one,
such as a backfill, decides by those that are stored for its moment, and so comes to what was decided then.
Prices and the decision are one transaction: a raise is never much older than the moment of its decision.
"""

import itertools
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from include.access.notices import note
from include.access.prices import ask_prices
from include.access.requirement import Look, Quote, Requirement, decide, judge_quotes
from include.database import sql, storable
from include.settings import Endpoint, Settings

LATEST_LOOK = timedelta(minutes=15)  # after its moment; prices that are asked for later are those of another


def adjust_requirement(
    engine: Engine, settings: Settings, at: datetime, endpoint_of: Callable[[str], Endpoint | None]
) -> Requirement | None:
    """Ask for the price if it is time to, decide, and keep both; None: no token is set.

    Args:
        engine: the platform's database.
        settings: the token, its sources, and the rules.
        at: the moment that the run stands for, tz-aware UTC.
        endpoint_of: where the service of a connection answers; None: there is no such connection.

    Twice, or by two runs at once, it changes nothing more: the first decision of a moment stands.
    """
    mint = settings.access_mint
    if mint is None:
        return None
    window = settings.access_average_window
    quotes: list[Quote] = []
    with engine.connect() as connection:
        looks = read_looks(connection, at, window)
        now = connection.execute(text("SELECT now()")).scalar_one()
    on_time = at <= now <= at + LATEST_LOOK
    if on_time and not (looks and looks[-1].at == at):
        quotes = ask_prices(engine, settings, mint, endpoint_of)
    with engine.begin() as connection:
        if quotes:
            known = read_looks(connection, at, window)
            before = next((one.price for one in reversed(known) if one.at > at - window and one.price), None)
            _store(connection, at, judge_quotes(quotes, before, settings))
        former, basis = _read_former(connection, at)
        found = decide(read_looks(connection, at, window), at, former, basis, settings)
        stored = connection.execute(
            sql("access/store_requirement"),
            {
                "valid_from": at,
                "requirement": found.requirement,
                "average_price": found.average_price,
                "outcome": found.outcome,
                "reason": storable(found.reason),
            },
        ).scalar()
        if stored is not None and on_time:
            _notify(connection, found, former)
    return found


def read_looks(connection: Connection, at: datetime, window: timedelta) -> list[Look]:
    """Read the looks of the window that ends at a moment, in order, and the one before it."""
    rows = connection.execute(sql("access/read_looks"), {"at": at, "window": window})
    return [
        Look(moment, tuple(Quote(row.source, row.price, row.refused) for row in group))
        for moment, group in itertools.groupby(rows, key=lambda row: row.taken_at)
    ]


def _store(connection: Connection, at: datetime, quotes: tuple[Quote, ...]) -> None:
    rows = [
        {
            "source": one.source,
            "price": None if one.price is None else str(one.price),
            "refused": one.refused and storable(one.refused),
        }
        for one in quotes
    ]
    connection.execute(sql("access/store_quotes"), {"at": at, "quotes": json.dumps(rows)})


def _read_former(connection: Connection, at: datetime) -> tuple[Requirement | None, Decimal | None]:
    row = connection.execute(sql("access/read_former_requirement"), {"at": at}).one_or_none()
    return (None, None) if row is None else (read_requirement(row), row.basis)


def read_requirement(row: Row[Any]) -> Requirement:
    """A row of token_requirements."""
    needed = None if row.requirement is None else int(row.requirement)
    return Requirement(needed, row.average_price, row.outcome, row.reason, row.valid_from)


def _notify(connection: Connection, found: Requirement, former: Requirement | None) -> None:
    """Say that the requirement has changed, or cannot; of a freeze once, not each hour."""
    if found.outcome == "frozen" and (former is None or former.outcome != "frozen"):
        title = "The token requirement is frozen: no price is believed"
        note(connection, f"requirement frozen {found.valid_from.isoformat()}", "warning", title, found.reason)
    elif found.outcome in ("raised", "lowered") and former is not None:
        change = f"{found.outcome} from {former.requirement} to {found.requirement} tokens"
        title = f"The token requirement was {change}"
        note(connection, f"requirement {found.valid_from.isoformat()}", "info", title, found.reason)
