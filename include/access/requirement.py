"""How many tokens are required: prices, believed or refused, their average by time, rounded up, hysteresis.

A look asks every source at one moment. Its price is the median of what is believed, and at least two sources
must be believed. Everything is exact: prices are Decimals, averages are fractions, requirements are integers.
Times are tz-aware UTC.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Context, Decimal
from fractions import Fraction
from typing import Literal

from include.humanize import age_text
from include.settings import Settings

Outcome = Literal["first", "raised", "lowered", "kept", "frozen"]
CHANGES: tuple[Outcome, ...] = ("first", "raised", "lowered")
NEEDED_SOURCES = 2
DIGITS = Context(prec=18)  # of a stored average
HELD_PART = 12  # a price counts for this part of the window at most, whatever the time since the look before
COVERED_PART = 2  # so much of the window must have prices


@dataclass(frozen=True)
class Quote:
    """What a source said: US dollars for one token; `refused` says why it does not count."""

    source: str
    price: Decimal | None
    refused: str | None = None


@dataclass(frozen=True)
class Look:
    """What all sources said at one moment. `stored_at`: when that was known; None: at the moment itself."""

    at: datetime
    quotes: tuple[Quote, ...]
    stored_at: datetime | None = None

    @property
    def price(self) -> Fraction | None:
        """The median of the prices that are believed; None: fewer than two are."""
        believed = [Fraction(one.price) for one in self.quotes if one.price is not None and not one.refused]
        return statistics.median(believed) if len(believed) >= NEEDED_SOURCES else None

    @property
    def doubts(self) -> str:
        """Why it has no price, in words."""
        said = [f"{one.source}: {one.refused}" for one in self.quotes if one.refused]
        return "; ".join(said) or f"{len(self.quotes)} of {NEEDED_SOURCES} sources said a price"


@dataclass(frozen=True)
class Requirement:
    """What is required from `valid_from` on, in whole tokens. `requirement` None: none was ever known.

    `average_price` is None where no average could be made. `grace_ends_at`: until when what sufficed before a
    raise goes on sufficing.
    """

    requirement: int | None
    average_price: Decimal | None
    outcome: Outcome
    reason: str
    valid_from: datetime
    grace_ends_at: datetime | None = None


def judge_quotes(quotes: Sequence[Quote], before: Fraction | None, settings: Settings) -> tuple[Quote, ...]:
    """Refuse what is doubtful: a price alone, prices that differ, and a jump away from the price before.

    `before` is the newest price that was believed within the window; None: there is none, and any will do.
    """
    usable = [one.price for one in quotes if one.price is not None and not one.refused]
    doubt = None
    if len(usable) < NEEDED_SOURCES:
        doubt = "no second source confirms it"
    elif (apart := Fraction(max(usable)) / Fraction(min(usable)) - 1) > Fraction(settings.access_price_apart):
        doubt = f"the sources are {float(apart) * 100:.4g} % apart"
    elif before is not None:
        factor = statistics.median(Fraction(price) for price in usable) / before
        if max(factor, 1 / factor) > Fraction(settings.access_price_jump):
            doubt = f"it is {float(factor):.4g} times the price before"
    if doubt is None:
        return tuple(quotes)
    return tuple(replace(one, refused=one.refused or doubt) for one in quotes)


def average_price(
    looks: Sequence[Look], at: datetime, window: timedelta
) -> tuple[Fraction | None, timedelta]:
    """Average the prices of the window that ends at `at`, each by the time for which it speaks.

    A price speaks for the time since the look with a price before it, a twelfth of the window at most. Looks
    are in order; one before the window only bounds the first one's time. Gives the average, None without a
    price, and how much of the window is covered.
    """
    longest, start = window / HELD_PART, at - window
    total, covered = Fraction(0), timedelta(0)
    before = None
    for look in looks:
        if look.price is None or look.at > at:
            continue
        if look.at > start:
            since = start if before is None else max(before, start)
            speaks = min(look.at - since, longest)
            total += look.price * (speaks // timedelta(microseconds=1))
            covered += speaks
        before = look.at
    return (total / (covered // timedelta(microseconds=1)) if covered else None), covered


def require(average: Fraction, settings: Settings) -> int:
    """The least whole number of steps of tokens that is worth the target at this price, in tokens."""
    steps = Fraction(settings.access_target_usd) / average / settings.access_step
    return max(1, -(-steps.numerator // steps.denominator)) * settings.access_step


def decide(
    looks: Sequence[Look],
    at: datetime,
    former: Requirement | None,
    basis: Decimal | None,
    settings: Settings,
) -> Requirement:
    """Decide what is required from `at` on.

    Args:
        looks: those of the window, in order, and the one before it, if there is one.
        at: when; the newest look must be of this moment, or nothing is changed.
        former: what was decided before; None: nothing.
        basis: the average at the last change; None: there was none.
        settings: target, step, window, change, grace.

    A missing or doubtful price changes nothing (`frozen`): the requirement is never 0, and never a guess. The
    grace of a raise is counted from when its price was stored, which is when it was decided.
    """
    held = former.requirement if former else None
    window = settings.access_average_window
    newest = looks[-1] if looks and looks[-1].at == at else None
    average, covered = average_price(looks, at, window)
    shown = (
        None if average is None else DIGITS.divide(Decimal(average.numerator), Decimal(average.denominator))
    )

    def settle(requirement: int | None, outcome: Outcome, reason: str) -> Requirement:
        return Requirement(requirement, shown, outcome, reason, at)

    if newest is None:
        return settle(held, "frozen", "nobody asked for the price at this time")
    if newest.price is None or average is None:
        return settle(held, "frozen", newest.doubts)
    if held is None:
        return settle(require(average, settings), "first", "the first price")
    if covered * COVERED_PART < window:
        known = f"{age_text(covered)} of {age_text(window)}"
        return settle(held, "frozen", f"prices cover {known} only")
    moved = abs(average / Fraction(basis) - 1) if basis else None
    if moved is not None and moved < Fraction(settings.access_change):
        return settle(held, "kept", f"the average moved by {float(moved) * 100:.4g} %")
    needed = require(average, settings)
    if needed == held:
        return settle(held, "kept", "the average rounds to the same requirement")
    by = "" if moved is None else f"the average moved by {float(moved) * 100:.4g} %"
    reason = by or "nothing is known of the last change"
    if needed < held:
        return settle(needed, "lowered", reason)
    ends = (newest.stored_at or at) + settings.access_grace
    return replace(settle(needed, "raised", reason), grace_ends_at=ends)
