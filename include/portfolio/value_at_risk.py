"""Value at risk and expected shortfall of a portfolio, by five methods.

Losses are positive, in shares of the portfolio's value: a VaR of 0.02 is a loss of 2 %. Returns over several
days add up, as those of a position that is kept constant in money do: the mean grows with the horizon, the
standard deviation with its root.

historical: VaR is the smallest loss that at least `confidence` of the losses do not exceed (the inverted
  empirical distribution; of n losses the ceil(n * confidence)-th), ES the mean of the losses at or beyond it.
normal: mean and standard deviation (n - 1) of the returns; VaR = z * s - m, ES = phi(z) / (1 - c) * s - m.
cornish_fisher: the normal quantile corrected by skewness S and excess kurtosis K, z + (z^2 - 1) S / 6
  + (z^3 - 3 z) K / 24 - (2 z^3 - 5 z) S^2 / 36; ES is the mean of that function over the tail. Maillard, A
  User's Guide to the Cornish Fisher Expansion (2012), from where the domain of S and K comes, too.
filtered_historical: returns divided by the volatility that was forecast for their day and multiplied by
  today's, then historical: Hull and White, Incorporating volatility updating into the historical simulation
  method for value at risk (1998). The volatility is the weighted average of RiskMetrics, Technical Document
  (1996), 5.2.1: v' = 0.94 v + 0.06 r^2, begun with the variance of all returns.
monte_carlo_t: draws of Student's t whose kurtosis, 6 / (v - 4), is that of the returns (the normal one where
  they have no heavier tails), each drawn with its mirror image; then historical. Degrees of freedom are never
  4 or fewer by this fit. `note` has the standard error of the VaR.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, get_args

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri  # scipy.stats takes seconds to import

Method = Literal["historical", "normal", "cornish_fisher", "filtered_historical", "monte_carlo_t"]
METHODS: tuple[Method, ...] = get_args(Method)
CONFIDENCES = (0.95, 0.975, 0.99)
DECAY = 0.94  # of RiskMetrics, for daily returns
PATHS = 50_000  # with their mirror images
BATCHES = 20  # of paths, from whose spread the standard error follows
ROUNDING = 1e-12  # share of the largest number; what differs by less is taken for equal

Floats = NDArray[np.float64]
Tail = tuple[float, float, str | None]  # VaR, ES, note


@dataclass(frozen=True)
class Risk:
    """What one method says.

    Attributes:
        var, es: value at risk and expected shortfall in shares of the value; positive: a loss.
        horizon: in days.
        observations: returns that were used.
        note: what a reader should know of this very figure; None: nothing.
    """

    var: float
    es: float
    method: Method
    confidence: float
    horizon: int
    observations: int
    note: str | None = None


def value_at_risk(
    returns: ArrayLike,
    *,
    confidence: float = 0.99,
    method: Method = "historical",
    horizon: int = 1,
    seed: int | None = None,
) -> Risk:
    """Measure what is lost at most with a confidence, and on average beyond that.

    Args:
        returns: simple returns of the portfolio a day, oldest first, one dimension, finite.
        confidence: between 0.5 and 1.
        method: see the module.
        horizon: days.
        seed: of the draws of `monte_carlo_t`; None: others each time.

    Raises ValueError, in words, for wrong input and for fewer observations than `needed_observations`.
    """
    return value_at_risks(returns, confidences=[confidence], methods=[method], horizon=horizon, seed=seed)[0]


def value_at_risks(
    returns: ArrayLike,
    *,
    confidences: Sequence[float] = CONFIDENCES,
    methods: Sequence[Method] = METHODS,
    horizon: int = 1,
    seed: int | None = None,
) -> list[Risk]:
    """As `value_at_risk`, for each method by each confidence; paths are drawn once for all confidences."""
    values = _check(returns, horizon)
    for confidence in confidences:
        needed = needed_observations(confidence, horizon)
        if len(values) < needed:
            raise ValueError(
                f"{len(values)} returns are too few for a confidence of {confidence:g} over {horizon} days: "
                f"{needed} are needed"
            )
    unknown = [method for method in methods if method not in METHODS]
    if unknown:
        raise ValueError(f"method {unknown[0]!r} is none of {', '.join(METHODS)}")
    return [
        Risk(var, es, method, confidence, horizon, len(values), note)
        for method in methods
        for confidence, (var, es, note) in zip(
            confidences, _TAILS[method](values, confidences, horizon, seed), strict=True
        )
    ]


def needed_observations(confidence: float, horizon: int = 1) -> int:
    """Returns that are needed, so that one loss in the sample is expected beyond the VaR: 100 for 99 %.

    Windows of several days overlap, and each further day takes one more. Raises ValueError for a confidence
    outside 0.5 to 1.
    """
    if not 0.5 < confidence < 1:
        raise ValueError(f"confidence is {confidence:g}; it must lie between 0.5 and 1")
    return math.ceil(round(1 / (1 - confidence), 6)) + horizon - 1


def _check(returns: ArrayLike, horizon: int) -> Floats:
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"returns have {values.ndim} dimensions; they must have one")
    if not np.isfinite(values).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(values))} of the returns are no finite numbers")
    if isinstance(horizon, bool) or not isinstance(horizon, int) or horizon < 1:
        raise ValueError(f"horizon is {horizon!r}; it must be a whole number of days, at least 1")
    return values


def _over(returns: Floats, horizon: int) -> Floats:
    """Sums of each `horizon` days in a row."""
    return returns if horizon == 1 else sliding_window_view(returns, horizon).sum(axis=1)


def _empirical(losses: Floats, confidence: float) -> tuple[float, float]:
    """VaR and ES of a sample; `losses` ascend. The product is rounded: 0.99 * 100 is no hair above 99.

    Losses that differ from the VaR by rounding alone, as sums of several days do, are at it: else the ES
    would leap with the unit of the returns.
    """
    var = losses[math.ceil(round(len(losses) * confidence, 6)) - 1]
    hair = ROUNDING * max(abs(losses[0]), abs(losses[-1]))
    return float(var), max(float(var), float(losses[np.searchsorted(losses, var - hair) :].mean()))


def _historical(returns: Floats, confidences: Sequence[float], horizon: int, _seed: int | None) -> list[Tail]:
    losses = np.sort(-_over(returns, horizon))
    note = f"windows of {horizon} days overlap" if horizon > 1 else None
    return [(*_empirical(losses, confidence), note) for confidence in confidences]


def _normal(returns: Floats, confidences: Sequence[float], horizon: int, _seed: int | None) -> list[Tail]:
    mean, deviation = returns.mean() * horizon, returns.std(ddof=1) * math.sqrt(horizon)
    tails: list[Tail] = []
    for confidence in confidences:
        z = float(ndtri(confidence))
        beyond = _density(z) / (1 - confidence)
        tails.append((float(z * deviation - mean), float(beyond * deviation - mean), None))
    return tails


def in_cornish_fisher_domain(skewness: float, excess_kurtosis: float) -> bool:
    """Whether the expansion may be used: it is a quantile function, it grows with the confidence everywhere.

    Its derivative has no root where S^2 / 9 - 4 (K / 8 - S^2 / 6) (1 - K / 8 + 5 S^2 / 36) <= 0. With
    - 5 S^2 / 36, as the condition is often printed, it is narrower; both must hold, and K / 8 >= S^2 / 6.
    """
    s, k = skewness, excess_kurtosis
    leading = k / 8 - s**2 / 6
    return leading >= 0 and all(
        s**2 / 9 - 4 * leading * (1 - k / 8 + sign * 5 * s**2 / 36) <= 0 for sign in (1, -1)
    )


def _cornish_fisher(
    returns: Floats, confidences: Sequence[float], horizon: int, seed: int | None
) -> list[Tail]:
    if _is_flat(returns):
        return _normal(returns, confidences, horizon, seed)
    s, k = _standardised(returns, 3) / math.sqrt(horizon), (_standardised(returns, 4) - 3) / horizon
    if not in_cornish_fisher_domain(s, k):
        why = f"historical: skewness {s:.3g} and excess kurtosis {k:.3g} are outside the domain"
        return [(var, es, why) for var, es, _ in _historical(returns, confidences, horizon, seed)]
    mean, deviation = returns.mean() * horizon, returns.std(ddof=1) * math.sqrt(horizon)
    tails: list[Tail] = []
    for confidence in confidences:
        z = -float(ndtri(confidence))
        density = _density(z) / (1 - confidence)
        # powers of a standard normal variable below z, on average
        below = (-density, 1 - z * density, -(z**2 + 2) * density)
        var, es = (
            float(-(mean + deviation * (x + (xx - 1) * s / 6 + (xxx - 3 * x) * k / 24
                                        - (2 * xxx - 5 * x) * s**2 / 36)))
            for x, xx, xxx in ((z, z**2, z**3), below)
        )  # fmt: skip
        tails.append((var, es, None))
    return tails


def _filtered_historical(
    returns: Floats, confidences: Sequence[float], horizon: int, seed: int | None
) -> list[Tail]:
    if _is_flat(returns):
        return _historical(returns, confidences, horizon, seed)
    volatility = forecast_volatility(returns)
    mean = returns.mean()
    rescaled = mean + (returns - mean) / volatility[:-1] * volatility[-1]
    return _historical(rescaled, confidences, horizon, seed)


def forecast_volatility(returns: Floats) -> Floats:
    """The standard deviation that RiskMetrics' average forecasts for each day and the one after the last.

    Each is of returns before its day, but for the first, which is the sample's.
    """
    squares = (returns - returns.mean()) ** 2
    begun = float(squares.mean())
    smallest = float(np.finfo(np.float64).tiny)  # so long ago that nothing is left of any return
    variances = accumulate(
        squares.tolist(),
        lambda before, square: max(smallest, DECAY * before + (1 - DECAY) * square),
        initial=begun,
    )
    volatility: Floats = np.sqrt(np.fromiter(variances, np.float64))
    return volatility


def _monte_carlo_t(
    returns: Floats, confidences: Sequence[float], horizon: int, seed: int | None
) -> list[Tail]:
    if _is_flat(returns):
        return _normal(returns, confidences, horizon, seed)
    kurtosis = _standardised(returns, 4) - 3
    generator = np.random.default_rng(seed)
    shape = (horizon, BATCHES, PATHS // BATCHES // 2)
    if kurtosis > 1e-6:
        degrees = 4 + 6 / kurtosis
        draws = generator.standard_t(degrees, shape) * math.sqrt((degrees - 2) / degrees)
    else:
        draws = generator.standard_normal(shape)
    half = draws.sum(axis=0) * returns.std(ddof=1)
    batches = np.sort(np.concatenate([half, -half], axis=1) - returns.mean() * horizon, axis=1)
    losses = np.sort(batches, axis=None)
    tails: list[Tail] = []
    for confidence in confidences:
        spread = np.std([_empirical(batch, confidence)[0] for batch in batches], ddof=1)
        note = f"standard error of the VaR {spread / math.sqrt(BATCHES):.2g}"
        tails.append((*_empirical(losses, confidence), note))
    return tails


def _density(z: float) -> float:
    """Of the standard normal distribution."""
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _standardised(returns: Floats, power: int) -> float:
    """The central moment of that power, divided by that power of the standard deviation (n)."""
    return float((((returns - returns.mean()) / returns.std()) ** power).mean())


def _is_flat(returns: Floats) -> bool:
    """Whether the returns differ by no more than rounding."""
    return bool(np.ptp(returns) <= ROUNDING * np.abs(returns).max())


_TAILS: dict[Method, Callable[[Floats, Sequence[float], int, int | None], list[Tail]]] = {
    "historical": _historical,
    "normal": _normal,
    "cornish_fisher": _cornish_fisher,
    "filtered_historical": _filtered_historical,
    "monte_carlo_t": _monte_carlo_t,
}
