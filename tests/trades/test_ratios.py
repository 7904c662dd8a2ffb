"""Figures of a run of results, against what scipy and pandas say."""

import math
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from include.trades.ratios import annual_sharpe, below_highest, running_sums, wilson_interval


@given(st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_is_that_of_scipy(counts):
    wins, trades = counts
    known = binomtest(wins, trades).proportion_ci(0.95, "wilson")
    assert wilson_interval(wins, trades) == pytest.approx((100 * known.low, 100 * known.high), abs=1e-9)


def test_without_a_trade_there_is_no_interval():
    assert wilson_interval(0, 0) is None


@given(st.lists(st.decimals(-1000, 1000, places=2), max_size=30))
def test_underwater_is_what_pandas_says(results):
    sums = pd.Series([0.0, *(float(one) for one in results)]).cumsum()
    expected = (sums - sums.cummax()).tolist()[1:]
    assert [float(one) for one in below_highest(running_sums(results))] == pytest.approx(expected, abs=1e-6)


def test_from_a_result_that_is_no_number_on_nothing_is_known():
    sums = running_sums([Decimal(5), Decimal("NaN"), Decimal(1)])
    assert sums[0] == 5 and all(one.is_nan() for one in sums[1:])
    assert [one.is_nan() for one in below_highest(sums)] == [False, True, True]


def test_days_without_a_trade_count_as_nothing_in_the_sharpe_ratio():
    first = date(2026, 1, 1)
    found = annual_sharpe({first: Decimal(1), first + timedelta(3): Decimal("-0.5")})
    daily = pd.Series([1, 0, 0, -0.5])
    assert found == pytest.approx(daily.mean() / daily.std(ddof=1) * math.sqrt(365))
    assert annual_sharpe({first: Decimal(1)}) is None
    assert annual_sharpe({first: Decimal(1), first + timedelta(1): Decimal(1)}) is None
    assert annual_sharpe({first: Decimal(1), first + timedelta(1): Decimal("NaN")}) is None
