"""Figures of a run of results: how sure a hit rate is, drawdown, Sharpe ratio."""

import math
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

Z_95 = 1.959963984540054  # of the normal distribution: 95 % lie within so many standard deviations
DAYS_A_YEAR = 365  # the market never closes


def wilson_interval(wins: int, trades: int) -> tuple[float, float] | None:
    """The interval, in percent, that holds the true hit rate with 95 % confidence; None without a trade.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference", without a
    correction for continuity. It presumes that trades win or lose independently of each other.
    """
    if not trades:
        return None
    rate, part = wins / trades, Z_95 * Z_95 / trades
    middle = (rate + part / 2) / (1 + part)
    half = Z_95 / (1 + part) * math.sqrt(rate * (1 - rate) / trades + part / (4 * trades))
    return 100 * max(0.0, middle - half), 100 * min(1.0, middle + half)


def profit_factor(profit: Decimal, loss: Decimal) -> Decimal | None:
    """Won by lost money, both positive; None without a loss, NaN where one of them is no number."""
    if not (profit.is_finite() and loss.is_finite()):
        return Decimal("NaN")
    return profit / loss if loss else None


def running_sums(results: Iterable[Decimal]) -> list[Decimal]:
    """Each result with all before it; from a result that is no number on, none is."""
    total, sums = Decimal(0), []
    for result in results:
        total = total + result if total.is_finite() and result.is_finite() else Decimal("NaN")
        sums.append(total)
    return sums


def below_highest(sums: Iterable[Decimal]) -> list[Decimal]:
    """How far each running sum lies below the highest one so far, which starts at 0: 0 or negative.

    The lowest of them is the drawdown.
    """
    highest, falls = Decimal(0), []
    for total in sums:
        if total.is_finite():
            highest = max(highest, total)
        falls.append(total - highest if total.is_finite() else Decimal("NaN"))
    return falls


def annual_sharpe(percent_by_day: Mapping[date, Decimal]) -> float | None:
    """Mean / sample standard deviation of the days' percents, times the square root of 365; no free rate.

    Every day from the first to the last counts, one that is missing as 0, as in `atge_performance_cache`
    (`sharpe_ratio_annualised`). None below two days, without variation, or if a day is no number.
    """
    if len(percent_by_day) < 2 or not all(percent.is_finite() for percent in percent_by_day.values()):
        return None
    days = (max(percent_by_day) - min(percent_by_day)).days + 1
    total = sum(percent_by_day.values(), Decimal(0))
    squares = sum((percent * percent for percent in percent_by_day.values()), Decimal(0))
    variance = (squares - total * total / days) / (days - 1)
    if variance <= 0:
        return None
    return float(total / days / variance.sqrt()) * math.sqrt(DAYS_A_YEAR)
