"""Back-tests of forecasts: values that others have published, to the digits they print."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from include.portfolio.risk_tests import acerbi_szekely, christoffersen, kupiec, traffic_light

# Kupiec 1995, table 2: share of failures: days: numbers between which it is not rejected at 5 %, exclusive
KUPIEC_REGIONS = {
    0.01: {255: (None, 7), 510: (1, 11), 1000: (4, 17)},
    0.025: {255: (2, 12), 510: (6, 21), 1000: (15, 36)},
    0.05: {255: (6, 21), 510: (16, 36), 1000: (37, 65)},
    0.075: {255: (11, 28), 510: (27, 51), 1000: (59, 92)},
    0.10: {255: (16, 36), 510: (38, 65), 1000: (81, 120)},
}
# Basel Committee 1996, table 2: cumulative probability in percent, plus factor
BASEL = [
    (8.11, 0), (28.58, 0), (54.32, 0), (75.81, 0), (89.22, 0),
    (95.88, 0.40), (98.63, 0.50), (99.60, 0.65), (99.89, 0.75), (99.97, 0.85), (99.99, 1.00),
]  # fmt: skip


def test_kupiecs_regions():
    """Of 255 days at 1 % he prints no lower bound; the ratio of none at all is 5.13, which is rejected."""
    for share, regions in KUPIEC_REGIONS.items():
        for days, (above, below) in regions.items():
            kept = [x for x in range(1, days // 4) if kupiec(x, days, 1 - share).p_value > 0.05]
            assert kept == list(range((above or 0) + 1, below)), (share, days)


def test_the_documented_example_of_another_implementation():
    """MathWorks, varbacktest: 57 failures in 1,043 days at 95 %."""
    light = traffic_light(57, 1043, 0.95)
    assert (light.zone, light.increase) == ("green", 0)
    assert (round(light.cumulative_probability, 5), round(light.type_1_probability, 5)) == (0.77913, 0.26396)
    statistic, p_value = kupiec(57, 1043, 0.95)
    assert (round(statistic, 5), round(p_value, 5)) == (0.46147, 0.49694)


def test_the_table_of_the_basel_committee():
    for exceptions, (probability, increase) in enumerate(BASEL):
        light = traffic_light(exceptions, 250, 0.99)
        assert round(100 * light.cumulative_probability, 2) == probability
        assert light.increase == increase
        assert light.zone == ("green" if exceptions < 5 else "yellow" if exceptions < 10 else "red")
    longer = [traffic_light(exceptions, 500, 0.99) for exceptions in range(20)]
    increases = [light.increase for light in longer]
    assert increases == sorted(increases) and 0 < increases[10] < 1
    assert increases[9] == pytest.approx(3 * (stats.norm.ppf(0.99) / stats.norm.ppf(1 - 9 / 500) - 1))


def test_no_exception_and_nothing_but_exceptions_are_finite():
    for exceptions in (0, 250):
        assert all(map(math.isfinite, kupiec(exceptions, 250, 0.99)))
    assert kupiec(0, 250, 0.99).statistic == pytest.approx(-2 * 250 * math.log(0.99))
    for hits in (np.zeros(250, int), np.ones(250, int)):
        assert christoffersen(hits, 0.99).independence == (0, 1)


def chain_likelihood(days, shares):
    """Logarithm of the likelihood, day by day; `shares`: of an exception, by the day before."""
    return sum(math.log(shares[before] if after else 1 - shares[before]) for before, after in pairwise(days))


@settings(max_examples=40)
@given(st.lists(st.integers(0, 1), min_size=20, max_size=80))
def test_christoffersen_is_the_ratio_of_likelihoods_day_by_day(days):
    pairs = list(pairwise(days))
    of = {i: [after for before, after in pairs if before == i] for i in (0, 1)}
    shares = {i: (sum(of[i]) / len(of[i])) if of[i] else 0.5 for i in (0, 1)}
    after_any = sum(days[1:]) / len(pairs)
    safe = {i: min(max(p, 1e-300), 1 - 1e-16) for i, p in shares.items()}
    one = min(max(after_any, 1e-300), 1 - 1e-16)
    expected = 2 * (chain_likelihood(days, safe) - chain_likelihood(days, {0: one, 1: one}))
    found = christoffersen(days, 0.9)
    assert found.independence.statistic == pytest.approx(expected, abs=1e-9)
    both = found.independence.statistic + kupiec(sum(days), len(days), 0.9).statistic
    assert found.conditional_coverage.statistic == pytest.approx(both)
    assert found.conditional_coverage.p_value == pytest.approx(stats.chi2.sf(both, 2))


def test_exceptions_in_clusters_are_not_independent():
    apart = np.zeros(500, int)
    apart[::50] = 1
    together = np.zeros(500, int)
    together[100:110] = 1
    assert christoffersen(apart).independence.p_value > 0.3
    assert christoffersen(together).independence.p_value < 1e-6


def z2(exceeding, days, confidence, var, es):
    """Returns that give the wanted Z2 under a constant forecast."""
    returns = np.full(days, 0.0)
    returns[: len(exceeding)] = exceeding
    return acerbi_szekely(returns, var, es, confidence)


def test_acerbi_szekely_by_hand_and_its_critical_values():
    """Of 250 days at 97.5 % the 5 % value is -0.70 (normal) and -0.82 (t of 3), as their paper prints."""
    found = z2([-3.0, -4.0, -1.0], 100, 0.95, 2.0, 2.5)
    assert found.statistic == pytest.approx(1 - (3 + 4) / 2.5 / 5)
    var, es = 1.959964, 2.337803
    for degrees, critical in ((None, -0.706), (3, -0.815)):
        for value, at_least, at_most in ((critical - 0.02, 0, 0.05), (critical + 0.02, 0.05, 0.06)):
            total = (1 - value) * 250 * 0.025 * es  # what the losses beyond the VaR must add up to
            returns = np.zeros(250)
            returns[:4] = -total / 4
            found = acerbi_szekely(returns, var, es, 0.975, degrees_of_freedom=degrees)
            assert found.statistic == pytest.approx(value)
            assert at_least < found.p_value < at_most
    # MathWorks prints -0.34639 and -0.42986 as the 1 % values of 1,966 days at 97.5 %
    for degrees, inside, outside in ((None, -0.32, -0.37), (3, -0.40, -0.46)):
        for value, rejected in ((inside, False), (outside, True)):
            returns = np.zeros(1966)
            returns[:10] = -(1 - value) * 1966 * 0.025 * es / 10
            found = acerbi_szekely(returns, var, es, 0.975, degrees_of_freedom=degrees)
            assert (found.p_value < 0.01) is rejected, (degrees, value, found)


def test_forecasts_that_are_right_pass_and_those_that_are_too_small_fail():
    returns = np.random.default_rng(11).normal(size=2000)
    right = acerbi_szekely(returns, 1.959964, 2.337803, 0.975)
    small = acerbi_szekely(returns, 1.4, 1.7, 0.975)
    assert right.p_value > 0.05 > small.p_value and abs(right.statistic) < 0.35 and small.statistic < -1
    days = np.full(2000, 1.959964), np.full(2000, 2.337803)
    assert acerbi_szekely(returns, *days, 0.975) == right


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: kupiec(5, 0, 0.99), "cannot be"),
        (lambda: kupiec(-1, 250, 0.99), "cannot be"),
        (lambda: traffic_light(251, 250, 0.99), "cannot be"),
        (lambda: kupiec(1, 250, 1.5), "between"),
        (lambda: christoffersen([0, 2, 1]), "0 or 1"),
        (lambda: christoffersen([0, float("nan")]), "0 or 1"),
        (lambda: christoffersen([0]), "two"),
        (lambda: acerbi_szekely([0.1, float("nan")], 1, 2, 0.99), "finite"),
        (lambda: acerbi_szekely([0.1, 0.2], [1, 2, 3], 2, 0.99), "one"),
        (lambda: acerbi_szekely([0.1, 0.2], 1, 0, 0.99), "above 0"),
        (lambda: acerbi_szekely([], 1, 2, 0.99), "at least one"),
        (lambda: acerbi_szekely([0.1], 1, 2, 0.99, degrees_of_freedom=1), "above 1"),
    ],
)
def test_wrong_input_is_refused_in_words(call, word):
    with pytest.raises(ValueError, match=word):
        call()
