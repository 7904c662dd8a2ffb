"""What the back-tests say of one row of forecasts."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from include.portfolio.risk_tests import Outcome, acerbi_szekely, christoffersen, kupiec, traffic_light
from include.portfolio.value_at_risk import needed_observations

SIGNIFICANCE = 0.05  # a p-value below it fails a test
TESTS = ("traffic_light", "kupiec", "independence", "conditional_coverage", "acerbi_szekely")


def judge_forecasts(
    losses: Sequence[float],
    vars_: Sequence[float],
    shortfalls: Sequence[float],
    hits: Sequence[int],
    confidence: float,
) -> Iterator[dict[str, Any]]:
    """Give each test with its verdict: days oldest first, losses positive, in shares of the value.

    With fewer outcomes than a forecast of this confidence needs returns, the verdict is `insufficient data`,
    and `missing` how many more it takes. Days whose expected shortfall is no loss are left out of its test.
    """
    observations, exceptions = len(hits), int(sum(hits))
    missing = needed_observations(confidence) - observations
    about: dict[str, int | None] = {"observations": observations, "exceptions": exceptions}
    if missing > 0:
        yield from ({**about, **_lacking(test, missing)} for test in TESTS)
        return
    light = traffic_light(exceptions, observations, confidence)
    coverage = christoffersen(np.asarray(hits), confidence)
    found = {
        "kupiec": kupiec(exceptions, observations, confidence),
        "independence": coverage.independence,
        "conditional_coverage": coverage.conditional_coverage,
    }
    about = {**about, "missing": None}
    yield {
        **about,
        "test": "traffic_light",
        "statistic": light.increase,
        "p_value": light.type_1_probability,
        "verdict": light.zone,
    }
    for test, outcome in found.items():
        yield {**about, **_verdict(test, outcome)}
    es = np.asarray(shortfalls)
    some = es > 0
    missing = needed_observations(confidence) - int(some.sum())
    if missing > 0:
        yield {**about, **_lacking("acerbi_szekely", missing)}
        return
    returns, var = -np.asarray(losses)[some], np.asarray(vars_)[some]
    yield {**about, **_verdict("acerbi_szekely", acerbi_szekely(returns, var, es[some], confidence))}


def _lacking(test: str, missing: int) -> dict[str, Any]:
    nothing = {"statistic": None, "p_value": None, "verdict": "insufficient data"}
    return {"test": test, **nothing, "missing": missing}


def _verdict(test: str, outcome: Outcome) -> dict[str, Any]:
    verdict = "passed" if outcome.p_value >= SIGNIFICANCE else "failed"
    return {"test": test, "statistic": outcome.statistic, "p_value": outcome.p_value, "verdict": verdict}
