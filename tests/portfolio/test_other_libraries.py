"""Our risk beside what other libraries say of the same numbers: vartests and empyrical.

The second (empyrical-reloaded) is not in the lock, for one of what it needs has no wheel: install it by hand.
"""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from include.portfolio.measures import measure_portfolio
from include.portfolio.risk_tests import kupiec
from include.portfolio.value_at_risk import CONFIDENCES, value_at_risk


def test_kupiec_is_that_of_vartests():
    from vartests import kupiec_test

    for days in (60, 250, 1_000):
        for confidence in CONFIDENCES:
            for exceptions in (0, 1, 3, 10, 40, days):
                theirs = kupiec_test(None, confidence, x=exceptions, n=days)
                ours = kupiec(exceptions, days, confidence)
                assert ours.statistic == pytest.approx(theirs["statistic"], abs=1e-9)
                assert ours.p_value == pytest.approx(theirs["p-value"], abs=1e-12)


def test_measures_and_the_historical_value_at_risk_are_those_of_empyrical():
    """Of 401 days its percentiles are days as they are, and need not be put between two."""
    empyrical = pytest.importorskip("empyrical", reason="empyrical-reloaded is not installed")
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(401)]
    random = np.random.default_rng(7)
    market = pd.Series(random.standard_t(4, len(days)) / 100, index=pd.DatetimeIndex(days))
    own = 0.7 * market + random.normal(0, 0.01, len(days))
    of_day = [dict(zip(days, returns, strict=True)) for returns in (own, market)]
    found = {one.measure: one.value for one in measure_portfolio(*of_day, "market")}
    assert found["drawdown"] == pytest.approx(-empyrical.max_drawdown(own))
    assert found["volatility"] == pytest.approx(empyrical.annual_volatility(own) / np.sqrt(252))
    assert found["beta"] == pytest.approx(empyrical.beta(own, market))
    for confidence in CONFIDENCES:
        ours = value_at_risk(own, confidence=confidence)
        assert ours.var == pytest.approx(-empyrical.value_at_risk(own, 1 - confidence))
        assert ours.es == pytest.approx(-empyrical.conditional_value_at_risk(own, 1 - confidence))
