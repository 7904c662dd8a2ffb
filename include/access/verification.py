"""What `verify_balances` does: reads what all wallets hold, and judges who has access.

A run stands for one moment, that of its schedule. Only a run that is on time asks the node; a later one, such
as a backfill, judges by the balances that were known at its moment. A state builds on the one before it, so a
run first judges the moments before its own that nobody has judged, one transaction each and one run at a
time: in which order runs come, and how many at once, makes no difference.
"""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine, Row, text

from include.access.adjustment import decide_looks
from include.access.balances import MOST_WALLETS, BalanceReading, read_balances, read_decimals
from include.access.grace_notices import note_graces
from include.access.states import STATES, AccessState, Balance, Grant, RequirementStep, judge
from include.database import sql, storable
from include.http.client import Client
from include.settings import Settings
from include.turns import await_turn

LATEST_CHECK = timedelta(minutes=30)  # after its moment; later, balances would be those of another
LATEST_NOTICE = timedelta(days=1)
LEASE = timedelta(minutes=10)  # of a check, renewed with each page
PAGE = 1000  # users that are judged at a time
FIRST_USER = UUID(int=0)
TURN = "token access"


class LostClaimError(RuntimeError):
    """Another run has taken the check over; nothing more is written under this claim."""


@dataclass(frozen=True)
class BalanceCheck:
    """How a check ended: wallets that were read, and those that could not be."""

    wallets: int
    unreadable: int


def check_balances(
    engine: Engine, client: Client, settings: Settings, at: datetime, *, run_id: str
) -> BalanceCheck | None:
    """Read what every wallet holds, 100 in a call, and keep what has changed.

    None: nothing was read, for no token is set, the run is late, its moment is judged already, the check is
    done, or another run makes one.
    A run that takes up its own check goes on behind the last page that is kept.

    Raises:
        ServiceError: the node is down, behind, or wants a pause; what was read is kept.
        LostClaimError: see there.
    """
    mint = settings.access_mint
    if mint is None:
        return None
    claim = uuid4()
    about = {"at": at, "claim": claim, "lease": LEASE}
    with engine.begin() as connection:
        if not at <= connection.execute(text("SELECT now()")).scalar_one() <= at + LATEST_CHECK:
            return None
        await_turn(connection, TURN)
        begun = connection.execute(sql("access/begin_check"), {**about, "run_id": run_id}).one_or_none()
    if begun is None:
        return None
    decimals = read_decimals(client, mint)
    after, floor = begun.read_to, begun.slot
    while wallets := _list_wallets(engine, after):
        readings = read_balances(client, wallets, mint=mint, decimals=decimals, since_slot=floor)
        _store_readings(engine, readings, {**about, "decimals": decimals})
        after = wallets[-1]
    with engine.begin() as connection:
        ended = connection.execute(sql("access/finish_check"), {"at": at, "claim": claim}).one_or_none()
    if ended is None:
        raise LostClaimError(f"another run has taken over the check of {at}")
    return BalanceCheck(ended.wallets, ended.unreadable)


def _list_wallets(engine: Engine, after: str) -> list[str]:
    with engine.connect() as connection:
        rows = connection.execute(sql("access/list_wallets"), {"after": after, "wallets": MOST_WALLETS})
        return list(rows.scalars())


def _store_readings(engine: Engine, readings: list[BalanceReading], about: dict[str, object]) -> None:
    rows = [
        {
            "wallet": one.wallet,
            "amount": one.amount,
            "slot": one.slot,
            "reason": one.reason and storable(one.reason),
        }
        for one in readings
    ]
    asked = {
        **about,
        "readings": json.dumps(rows),
        "read_to": readings[-1].wallet,
        "wallets": len(readings),
        "unreadable": sum(one.amount is None for one in readings),
        "slot": max((one.slot for one in readings if one.slot is not None), default=0),
    }
    with engine.begin() as connection:
        if connection.execute(sql("access/store_readings"), asked).scalar_one() == 0:
            raise LostClaimError(f"another run has taken over the check of {about['at']}")


def judge_access(engine: Engine, settings: Settings, at: datetime) -> dict[AccessState, int]:
    """Judge every holder as of a moment, and before it of those that are due; count holders by state.

    What changes is kept, and people are notified of graces. Twice it changes nothing more. While another run
    reads balances, moments from that check on are left to it, and the newest judgement before is counted.
    """
    while True:
        with engine.begin() as connection:
            await_turn(connection, TURN)
            decide_looks(connection, settings, at)
            asked = {"at": at, "patience": settings.access_balance_patience}
            moment = connection.execute(sql("access/find_due_moment"), asked).scalar()
            if moment is None:
                counted = connection.execute(sql("access/read_counts"), {"at": at}).one_or_none()
                return dict(zip(STATES, counted or [0] * len(STATES), strict=True))
            _judge_moment(connection, settings, moment)


def _judge_moment(connection: Connection, settings: Settings, at: datetime) -> None:
    patience = settings.access_balance_patience
    asked = {
        "at": at,
        "grace": settings.access_grace,
        "since": at - settings.access_grace - patience,
        "ended": at - patience,
    }
    steps = [
        RequirementStep(row.valid_from, int(row.requirement), row.grace_ends_at)
        for row in connection.execute(sql("access/read_steps"), asked)
    ]
    counts: Counter[AccessState] = Counter()
    after = FIRST_USER
    while True:
        page = connection.execute(sql("access/read_holders"), {"at": at, "after": after, "users": PAGE}).all()
        judged = [
            (row.user_id, former, judge(former, steps, _balance(row, at), at, patience=patience))
            for row, former in ((row, _former(row)) for row in page)
        ]
        _store_grants(connection, [(user, now) for user, former, now in judged if now is not former])
        counts.update(now.state for _, _, now in judged)
        if len(page) < PAGE:
            break
        after = page[-1].user_id
    counted = {str(state): counts[state] for state in STATES}
    connection.execute(sql("access/store_counts"), {"at": at, **counted})
    if connection.execute(text("SELECT now()")).scalar_one() - at <= LATEST_NOTICE:
        note_graces(connection, at)


def _former(row: Row[Any]) -> Grant | None:
    if row.state is None:
        return None
    return Grant(row.state, row.since, row.grace_ends_at, row.held_since, row.reason)


def _balance(row: Row[Any], at: datetime) -> Balance | None:
    """What the user holds; who has no wallet holds nothing, which needs no reading."""
    if row.wallets == 0:
        return Balance(Decimal(0), at)
    return Balance(row.tokens, row.checked_at, row.read == row.wallets) if row.read else None


def _store_grants(connection: Connection, grants: list[tuple[UUID, Grant]]) -> None:
    if not grants:
        return
    rows = [
        {
            "user_id": str(user),
            "state": grant.state,
            "since": grant.since.isoformat(),
            "grace_ends_at": grant.grace_ends_at and grant.grace_ends_at.isoformat(),
            "held_since": grant.held_since and grant.held_since.isoformat(),
            "reason": grant.reason,
        }
        for user, grant in grants
    ]
    connection.execute(sql("access/store_grants"), {"grants": json.dumps(rows)})
