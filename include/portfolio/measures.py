"""Drawdown, volatility and beta of a portfolio, from its daily returns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

FEWEST_RETURNS = 20


@dataclass(frozen=True)
class RiskMeasure:
    """A figure; `value` None: it is not known, and `note` says why. Shares, 0.1 is 10 %."""

    measure: str
    value: float | None
    note: str | None = None


def measure_portfolio(
    returns: Mapping[date, float], benchmark: Mapping[date, float] | None, benchmark_name: str | None
) -> Iterator[RiskMeasure]:
    """Give the three measures, each with why it is not known if it is not.

    drawdown: how far the compounded value fell at most below its highest so far. volatility: standard
    deviation (n - 1) of daily returns, not annualised. beta: covariance with the benchmark over its variance,
    over the days that both have.
    """
    values = np.array([returns[day] for day in sorted(returns)])
    if len(values) < FEWEST_RETURNS:
        lacking = f"Insufficient data: {FEWEST_RETURNS - len(values)} more returns are needed"
        yield from (RiskMeasure(name, None, lacking) for name in ("drawdown", "volatility"))
    else:
        grown = np.concatenate([[1.0], np.cumprod(1 + values)])
        yield RiskMeasure("drawdown", float(1 - (grown / np.maximum.accumulate(grown)).min()))
        yield RiskMeasure("volatility", float(values.std(ddof=1)))
    if benchmark is None:
        yield RiskMeasure("beta", None, "no benchmark is set: risk_benchmark")
        return
    days = sorted(returns.keys() & benchmark.keys())
    if len(days) < FEWEST_RETURNS:
        lacking = f"{FEWEST_RETURNS - len(days)} more days with {benchmark_name} are needed"
        yield RiskMeasure("beta", None, f"Insufficient data: {lacking}")
        return
    own, others = (np.array([of[day] for day in days]) for of in (returns, benchmark))
    variance = others.var(ddof=1)
    if variance == 0:
        yield RiskMeasure("beta", None, f"{benchmark_name} never changes")
        return
    covariance = np.cov(own, others, ddof=1)[0, 1]
    yield RiskMeasure("beta", float(covariance / variance), f"against {benchmark_name}, {len(days)} days")
