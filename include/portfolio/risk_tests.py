"""Back-tests of value at risk and expected shortfall: was as much lost, and as often, as was forecast?

An exception is a day whose loss was above the VaR of that day. Of all p-values: small is bad.
"""

import functools
import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, bdtrc, chdtrc, ndtri, stdtrit, xlogy  # scipy.stats takes seconds to import

Zone = Literal["green", "yellow", "red"]
# Basel Committee, Supervisory framework for the use of "backtesting" (1996), table 2: 250 days, 99 %.
BASEL_CASE = (250, 0.99)
BASEL_INCREASES = (0.0, 0.0, 0.0, 0.0, 0.0, 0.40, 0.50, 0.65, 0.75, 0.85)
YELLOW_FROM, RED_FROM = 0.95, 0.9999  # cumulative probabilities
SIMULATIONS = 20_000


class Outcome(NamedTuple):
    """A test statistic and the probability of one at least as bad if the forecasts are right."""

    statistic: float
    p_value: float


class Coverage(NamedTuple):
    """Christoffersen's two tests."""

    independence: Outcome
    conditional_coverage: Outcome


class TrafficLight(NamedTuple):
    """The Basel Committee's zones.

    Attributes:
        zone: green below a cumulative probability of 95 %, red from 99.99 % on.
        cumulative_probability: of so many exceptions or fewer, if the VaR is right.
        type_1_probability: of so many exceptions or more, if the VaR is right.
        increase: what is added to the multiplier of 3.
    """

    zone: Zone
    cumulative_probability: float
    type_1_probability: float
    increase: float


def kupiec(exceptions: int, observations: int, confidence: float) -> Outcome:
    """Test whether the share of exceptions is 1 - confidence (proportion of failures, chi-squared of 1).

    Kupiec, Techniques for verifying the accuracy of risk measurement models (1995). Raises ValueError for
    counts that cannot be, and a confidence outside 0.5 to 1.
    """
    _check(exceptions, observations, confidence)
    p, share, regular = 1 - confidence, exceptions / observations, observations - exceptions
    expected = xlogy(regular, 1 - p) + xlogy(exceptions, p)
    seen = xlogy(regular, 1 - share) + xlogy(exceptions, share)
    return _of_ratio(float(2 * (seen - expected)), degrees=1)


def christoffersen(hits: Sequence[int] | NDArray[np.int_], confidence: float = 0.99) -> Coverage:
    """Test whether exceptions come independently of the day before, and also as often as they should.

    Christoffersen, Evaluating interval forecasts (1998): a Markov chain of two states against none
    (chi-squared of 1); with `kupiec` added, conditional coverage (chi-squared of 2), for which alone
    `confidence` is. `hits` are 0 and 1, oldest first. Raises ValueError for others, or fewer than two.
    """
    days = np.asarray(hits)
    if days.ndim != 1 or len(days) < 2:
        raise ValueError("hits must be at least two days in a row")
    if not np.isin(days, (0, 1)).all():
        raise ValueError("hits must be 0 or 1")
    days = days.astype(bool)
    before, after = days[:-1], days[1:]
    counts = [[int(np.sum((before == i) & (after == j))) for j in (False, True)] for i in (False, True)]
    together = [counts[0][j] + counts[1][j] for j in (0, 1)]
    statistic = 2 * (_likelihood(*counts[0]) + _likelihood(*counts[1]) - _likelihood(*together))
    independence = _of_ratio(statistic, degrees=1)
    coverage = kupiec(int(days.sum()), len(days), confidence)
    return Coverage(independence, _of_ratio(independence.statistic + coverage.statistic, degrees=2))


def traffic_light(exceptions: int, observations: int, confidence: float) -> TrafficLight:
    """Judge the number of exceptions by the Basel Committee's three zones (1996).

    The increase is that of its table for 250 days at 99 %; elsewhere the reasoning behind the table is used:
    by how much the VaR of a normal distribution had to be larger to have so many exceptions, at most 1.
    Raises ValueError as `kupiec` does.
    """
    _check(exceptions, observations, confidence)
    p = 1 - confidence
    probability = float(bdtr(exceptions, observations, p))
    type_1 = 1.0 if exceptions == 0 else float(bdtrc(exceptions - 1, observations, p))
    if probability < YELLOW_FROM:
        return TrafficLight("green", probability, type_1, 0.0)
    if probability >= RED_FROM:
        return TrafficLight("red", probability, type_1, 1.0)
    if (observations, confidence) == BASEL_CASE:
        return TrafficLight("yellow", probability, type_1, BASEL_INCREASES[exceptions])
    covered = ndtri(1 - exceptions / observations)
    increase = 3 * (ndtri(confidence) / covered - 1) if covered > 0 else 1.0
    return TrafficLight("yellow", probability, type_1, float(np.clip(increase, 0, 1)))


def acerbi_szekely(
    returns: ArrayLike,
    var: ArrayLike,
    es: ArrayLike,
    confidence: float,
    *,
    degrees_of_freedom: float | None = None,
    seed: int = 0,
) -> Outcome:
    """Test the expected shortfall: Z2 of Acerbi and Szekely, Backtesting expected shortfall (2014).

    Z2 is the sum of the returns below -VaR, each divided by its ES, over the number of them that is expected,
    plus 1: 0 when all is right, negative when more is lost. The p-value is the share of simulated samples
    with a lower Z2, where returns are normal, or Student's t with `degrees_of_freedom` (more than 1).

    Args:
        returns: one dimension, oldest first, as shares of the value.
        var, es: the forecast of each day, or one for all; losses are positive.

    Raises ValueError for input that is not finite, of different lengths, or an ES that is not positive.
    """
    _check_confidence(confidence)
    x = np.asarray(returns, dtype=np.float64)
    if x.ndim != 1 or not len(x):
        raise ValueError("returns must be a list of at least one number")
    try:
        limit, shortfall = (np.broadcast_to(np.asarray(a, dtype=np.float64), x.shape) for a in (var, es))
    except ValueError:
        raise ValueError("var and es must be one number each, or one a return") from None
    if not (np.isfinite(x).all() and np.isfinite(limit).all() and np.isfinite(shortfall).all()):
        raise ValueError("returns, var and es must be finite numbers")
    if (shortfall <= 0).any():
        raise ValueError("es must be above 0: the statistic divides by it")
    if degrees_of_freedom is not None and degrees_of_freedom <= 1:
        raise ValueError("degrees_of_freedom must be above 1, or there is no expected shortfall")
    beyond = x < -limit
    statistic = float((x[beyond] / shortfall[beyond]).sum() / (len(x) * (1 - confidence)) + 1)
    simulated = _simulate_z2(len(x), confidence, degrees_of_freedom, seed)
    lower = int(np.searchsorted(simulated, statistic, side="right"))
    return Outcome(statistic, (lower + 1) / (len(simulated) + 1))


@functools.lru_cache(maxsize=64)
def _simulate_z2(
    observations: int, confidence: float, degrees: float | None, seed: int
) -> NDArray[np.float64]:
    """Z2 of samples under forecasts that are right, ascending: only their tails are drawn."""
    generator = np.random.default_rng(seed)
    tail = 1 - confidence
    exceptions = generator.binomial(observations, tail, SIMULATIONS)
    ranks = generator.uniform(0, tail, int(exceptions.sum()))
    if degrees is None:
        drawn, q = ndtri(ranks), float(ndtri(tail))
        shortfall = math.exp(-(q**2) / 2) / math.sqrt(2 * math.pi) / tail
    else:
        drawn, q = stdtrit(degrees, ranks), float(stdtrit(degrees, tail))
        gammas = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)
        density = (
            math.exp(gammas) / math.sqrt(degrees * math.pi) * (1 + q**2 / degrees) ** (-(degrees + 1) / 2)
        )
        shortfall = density / tail * (degrees + q**2) / (degrees - 1)
    sums = np.concatenate([[0.0], np.cumsum(drawn)])
    ends = np.cumsum(exceptions)
    z2: NDArray[np.float64] = np.sort(
        (sums[ends] - sums[ends - exceptions]) / (observations * tail * shortfall) + 1
    )
    return z2


def _likelihood(no: int, yes: int) -> float:
    """The largest logarithm of the likelihood of so many of each."""
    share = yes / (no + yes) if yes else 0.0
    return float(xlogy(no, 1 - share) + xlogy(yes, share))


def _of_ratio(statistic: float, *, degrees: int) -> Outcome:
    """A likelihood ratio; it is never negative, but by rounding."""
    statistic = max(0.0, statistic)
    return Outcome(statistic, float(chdtrc(degrees, statistic)))


def _check(exceptions: int, observations: int, confidence: float) -> None:
    _check_confidence(confidence)
    if observations < 1 or math.isnan(exceptions) or not 0 <= exceptions <= observations:
        raise ValueError(f"{exceptions} exceptions of {observations} observations cannot be")


def _check_confidence(confidence: float) -> None:
    if not 0.5 < confidence < 1:
        raise ValueError(f"confidence is {confidence:g}; it must lie between 0.5 and 1")
