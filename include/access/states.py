"""Who has access, as a pure function of what was required, what somebody holds, and what they had before.

    full     holds what is required
    grace    held what was required before a raise, until `grace_ends_at`
    none     a balance that was read says no
    unknown  nobody can say: no requirement, or no balance that is recent enough. It denies nothing

A raise concerns whoever had access before it: for a full grace period from then on, what sufficed before it
goes on sufficing. Each raise has its own deadline, which neither a later raise nor buying and selling moves.
What is lowered holds at once. A balance denies only if it was read when the denial already held.
Times are tz-aware UTC; amounts and requirements are tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, get_args

AccessState = Literal["full", "grace", "none", "unknown"]
STATES: tuple[AccessState, ...] = get_args(AccessState)

NO_REQUIREMENT = "no requirement is known yet"
NEVER_READ = "a balance was never read"
HOLDS = "holds what is required"
HELD = "held what was required before the raise"
TOO_FEW = "holds less than is required"
GRACE_OVER = "the grace after the raise is over"
NOT_READ_SINCE = "the balance could not be read since the grace ended"
TOO_OLD = "the balance was not verified for too long"


@dataclass(frozen=True)
class RequirementStep:
    """What is required from a moment on, until the next step.

    `grace_ends_at`: if it is a raise, until when what sufficed before goes on sufficing.
    """

    valid_from: datetime
    requirement: int
    grace_ends_at: datetime


@dataclass(frozen=True)
class Balance:
    """Tokens that somebody holds in all wallets, and when the oldest of those readings was made.

    `complete` False: a wallet was never read, so that it may be more.
    """

    tokens: Decimal
    checked_at: datetime
    complete: bool = True


@dataclass(frozen=True)
class Grant:
    """A state, and since when. `held_since`: since when access was not lost; None: there is none to lose."""

    state: AccessState
    since: datetime
    grace_ends_at: datetime | None
    held_since: datetime | None
    reason: str


def judge(
    former: Grant | None,
    steps: Sequence[RequirementStep],
    balance: Balance | None,
    at: datetime,
    *,
    patience: timedelta,
) -> Grant:
    """Give the state at a moment. Where state and deadline are as before, the former grant is given back.

    Args:
        former: the newest grant before `at`; None: there was none.
        steps: requirements in order, none after `at`: those since the first raise whose grace ended within
            the last `patience` or goes on, and the one before them.
        balance: the newest known; None: it was never read.
        at: the moment that is judged.
        patience: how old a balance may be.
    """
    found = _judge(former.held_since if former else None, steps, balance, at, patience)
    if former is not None and (former.state, former.grace_ends_at) == (found.state, found.grace_ends_at):
        return former
    return found


def _judge(
    held: datetime | None,
    steps: Sequence[RequirementStep],
    balance: Balance | None,
    at: datetime,
    patience: timedelta,
) -> Grant:
    if not steps:
        return Grant("unknown", at, None, held, NO_REQUIREMENT)
    if balance is None:
        return Grant("unknown", at, None, held, NEVER_READ)
    raised = _raise_above(balance.tokens, steps)
    concerned = raised is not None and held is not None and raised.valid_from > held
    deadline = raised.grace_ends_at if raised is not None and concerned else None
    if deadline is not None and at < deadline:
        return Grant("grace", at, deadline, held, HELD)
    if at - balance.checked_at > patience:
        return Grant("unknown", at, None, held, TOO_OLD)
    if balance.tokens >= steps[-1].requirement:
        return Grant("full", at, None, held or at, HOLDS)
    if not balance.complete:
        return Grant("unknown", at, None, held, NEVER_READ)
    if held is None:
        return Grant("none", at, None, None, TOO_FEW)
    if balance.checked_at < (deadline or steps[-1].valid_from):
        return Grant("unknown", at, None, held, NOT_READ_SINCE)
    return Grant("none", at, None, None, GRACE_OVER if deadline else TOO_FEW)


def _raise_above(tokens: Decimal, steps: Sequence[RequirementStep]) -> RequirementStep | None:
    """The step that rose above these tokens, since when it stayed there; None: it is not above them."""
    raised = None
    for step in reversed(steps):
        if step.requirement <= tokens:
            return raised
        raised = step
    return None
