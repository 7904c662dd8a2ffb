"""What `adjust_token_requirement` does: looks at the price, and decides what is required from then on.

A run stands for one moment, that of its schedule. Only a run that is on time asks for prices; a later one,
such as a backfill, decides by those that are stored for its moment. Prices and the decision are one
transaction: a raise is never older than its price. A decision builds on those before it, so a run decides by
every look before its own that has no decision yet: in which order runs come makes no difference.
"""

import itertools
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, Row

from include.access.notices import note
from include.access.prices import ask_prices
from include.access.requirement import Look, Quote, Requirement, decide, judge_quotes
from include.database import sql, storable
from include.settings import Endpoint, Settings
from include.turns import await_turn

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
    quotes: list[Quote] = []
    with engine.connect() as connection:
        looks = read_looks(connection, at, settings)
        on_time = _may_look(connection, at)
    if on_time and not (looks and looks[-1].at == at):
        quotes = ask_prices(engine, settings, mint, endpoint_of)
    with engine.begin() as connection:
        decide_looks(connection, settings, at)
        if quotes and _may_look(connection, at):
            since = at - settings.access_average_window
            known = read_looks(connection, at, settings)
            before = next((one.price for one in reversed(known) if one.at > since and one.price), None)
            _store(connection, at, judge_quotes(quotes, before, settings))
        found, former, stored = _decide(connection, settings, at)
        if stored and on_time:
            _notify(connection, found, former)
    return found


def decide_looks(connection: Connection, settings: Settings, until: datetime) -> None:
    """Decide by each look before a moment that nobody has decided by, in order. Others wait meanwhile."""
    await_turn(connection, "token requirement")
    for at in connection.execute(sql("access/list_undecided"), {"at": until}).scalars().all():
        _decide(connection, settings, at)


def _decide(
    connection: Connection, settings: Settings, at: datetime
) -> tuple[Requirement, Requirement | None, bool]:
    """Decide for a moment and keep it; give it, the decision before, and whether it is new."""
    former, basis = _read_former(connection, at)
    found = decide(read_looks(connection, at, settings), at, former, basis, settings)
    stored = connection.execute(
        sql("access/store_requirement"),
        {
            "valid_from": at,
            "requirement": found.requirement,
            "average_price": found.average_price,
            "outcome": found.outcome,
            "reason": storable(found.reason),
            "grace_ends_at": found.grace_ends_at,
        },
    ).scalar()
    return found, former, stored is not None


def _may_look(connection: Connection, at: datetime) -> bool:
    asked = {"at": at, "latest": LATEST_LOOK}
    return bool(connection.execute(sql("access/may_look"), asked).scalar_one())


def read_looks(connection: Connection, at: datetime, settings: Settings) -> list[Look]:
    """Read the looks of the window that ends at a moment, in order, and the one before it."""
    asked = {"at": at, "window": settings.access_average_window, "latest": LATEST_LOOK}
    rows = connection.execute(sql("access/read_looks"), asked)
    return [
        Look(moment, tuple(Quote(row.source, row.price, row.refused) for row in group), stored_at)
        for (moment, stored_at), group in itertools.groupby(
            rows, key=lambda row: (row.taken_at, row.stored_at)
        )
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
    return Requirement(needed, row.average_price, row.outcome, row.reason, row.valid_from, row.grace_ends_at)


def _notify(connection: Connection, found: Requirement, former: Requirement | None) -> None:
    """Say that the requirement has changed, or cannot; of a freeze once, not each hour."""
    if found.outcome == "frozen" and (former is None or former.outcome != "frozen"):
        title = "The token requirement is frozen: no price is believed"
        note(connection, f"requirement frozen {found.valid_from.isoformat()}", "warning", title, found.reason)
    elif found.outcome in ("raised", "lowered") and former is not None:
        change = f"{found.outcome} from {former.requirement} to {found.requirement} tokens"
        title = f"The token requirement was {change}"
        note(connection, f"requirement {found.valid_from.isoformat()}", "info", title, found.reason)
