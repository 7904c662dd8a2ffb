"""Value at risk and expected shortfall: closed forms, references, and what holds for any returns."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from include.portfolio.value_at_risk import (
    DECAY,
    METHODS,
    forecast_volatility,
    in_cornish_fisher_domain,
    needed_observations,
    value_at_risk,
    value_at_risks,
)

# confidence: VaR and ES of the standard normal, and of Student's t of 4 degrees of freedom
CLOSED_FORMS = {
    0.95: ((1.644854, 2.062713), (2.131847, 3.202870)),
    0.975: ((1.959964, 2.337803), (2.776445, 3.993557)),
    0.99: ((2.326348, 2.665214), (3.746947, 5.220584)),
}
DRAWN = np.random.default_rng(7).standard_t(5, 500) * 0.01
RETURNS = st.lists(st.integers(-1000, 1000), min_size=100, max_size=160).map(lambda r: np.array(r) / 10_000)
# Two days lose 267 more than once here, each time by another sum, and so by another last digit.
LOSSES = [-163, -5, -99, -167, -60, *[0] * 41, -267, 0, -267, 0, 0, -227, 0, -38, -457, 0, 0, -494, -266, -1]
NEARLY_ALIKE = np.array([*[0] * 37, *LOSSES, 0, 0, 0]) / 10_000


def quantiles(distribution, count=200_001):
    """A sample that is as even as can be: the quantiles at the middles of equal shares."""
    return distribution.ppf((np.arange(count) + 0.5) / count)


@pytest.mark.parametrize("confidence", CLOSED_FORMS)
def test_closed_forms_to_the_digits_printed(confidence):
    normal, heavy = CLOSED_FORMS[confidence]
    two = np.sqrt(0.5) * np.array([1.0, -1.0])  # mean 0, standard deviation (n - 1) 1 with n = 2
    sample = np.tile(two, 100)
    sample = sample / sample.std(ddof=1)
    found = value_at_risk(sample, confidence=confidence, method="normal")
    assert (round(found.var, 6), round(found.es, 6)) == normal
    even = value_at_risk(quantiles(stats.t(4)), confidence=confidence)
    assert even.var == pytest.approx(heavy[0], abs=2e-3) and even.es == pytest.approx(heavy[1], abs=2e-2)


def test_historical_takes_the_inverted_distribution():
    """Of 100 losses 1, 2, ... 100 the 99th at 99 %; with numpy's rule beside."""
    losses = np.random.default_rng(1).permutation(np.arange(1, 101) / 1000)
    found = value_at_risk(-losses, confidence=0.99)
    assert (found.var, found.es) == (0.099, pytest.approx(0.0995))
    assert (found.observations, found.horizon, found.note) == (100, 1, None)
    for count in (100, 250, 333, 500, 1000):
        for confidence in (0.9, 0.95, 0.975, 0.99):
            sample = np.random.default_rng(count).normal(size=count)
            found = value_at_risk(sample, confidence=confidence)
            assert found.var == np.quantile(-sample, confidence, method="inverted_cdf")
            assert found.es == pytest.approx(-sample[-sample >= found.var].mean())


def test_cornish_fisher_is_the_integral_of_its_quantiles_within_its_domain():
    assert not in_cornish_fisher_domain(-2, 8)
    assert in_cornish_fisher_domain(-0.3, 1.5)
    s, k = stats.skew(DRAWN), stats.kurtosis(DRAWN)
    assert in_cornish_fisher_domain(s, k)

    def quantile(share):
        z = stats.norm.ppf(share)
        corrected = z + (z**2 - 1) * s / 6 + (z**3 - 3 * z) * k / 24 - (2 * z**3 - 5 * z) * s**2 / 36
        return DRAWN.mean() + DRAWN.std(ddof=1) * corrected

    for confidence in CLOSED_FORMS:
        found = value_at_risk(DRAWN, confidence=confidence, method="cornish_fisher")
        assert found.var == pytest.approx(-quantile(1 - confidence), rel=1e-9) and found.note is None
        mean, _ = integrate.quad(quantile, 0, 1 - confidence)
        assert found.es == pytest.approx(-mean / (1 - confidence), rel=1e-5)


def test_cornish_fisher_outside_its_domain_is_historical_and_says_so():
    crash = np.append(np.full(199, 0.001), -0.5) + np.linspace(0, 0.001, 200)
    found = value_at_risk(crash, method="cornish_fisher")
    plain = value_at_risk(crash)
    assert (found.var, found.es, found.method) == (plain.var, plain.es, "cornish_fisher")
    assert "historical" in found.note and "domain" in found.note


def test_filtered_historical_against_the_loop_of_its_source():
    """Each return over the volatility known before its day, times that of tomorrow."""
    mean = DRAWN.mean()
    variance = ((DRAWN - mean) ** 2).mean()
    volatilities = [variance**0.5]
    for one in DRAWN:
        variance = DECAY * variance + (1 - DECAY) * (one - mean) ** 2
        volatilities.append(variance**0.5)
    assert forecast_volatility(DRAWN) == pytest.approx(volatilities)
    rescaled = [
        mean + (one - mean) / v * volatilities[-1] for one, v in zip(DRAWN, volatilities, strict=False)
    ]
    for confidence in CLOSED_FORMS:
        found = value_at_risk(DRAWN, confidence=confidence, method="filtered_historical")
        assert found.var == pytest.approx(-np.quantile(rescaled, 1 - confidence, method="inverted_cdf"))
    calm = np.concatenate([DRAWN, np.tile([0.0001, -0.0001], 100)])
    assert value_at_risk(calm, method="filtered_historical").var < 0.2 * value_at_risk(calm).var


def test_monte_carlo_draws_students_t_of_the_same_kurtosis():
    degrees = 4 + 6 / stats.kurtosis(DRAWN)
    exact = stats.t(degrees, DRAWN.mean(), DRAWN.std(ddof=1) * np.sqrt((degrees - 2) / degrees))
    found = value_at_risk(DRAWN, method="monte_carlo_t", seed=3)
    assert found == value_at_risk(DRAWN, method="monte_carlo_t", seed=3)
    error = float(found.note.rsplit(" ", 1)[1])
    assert 0 < error < 0.02 * found.var
    assert abs(found.var + exact.ppf(0.01)) < 4 * error  # the seed is fixed
    flat = DRAWN.mean() + np.tile([0.01, -0.01], 100)  # tails lighter than normal
    light = value_at_risk(flat, method="monte_carlo_t", seed=3)
    assert light.var == pytest.approx(value_at_risk(flat, method="normal").var, rel=0.02)


def test_over_several_days_the_mean_grows_with_them_and_the_deviation_with_their_root():
    shifted = DRAWN + 0.004
    one, ten = (value_at_risk(shifted, method="normal", horizon=days) for days in (1, 10))
    mean, deviation = shifted.mean(), shifted.std(ddof=1)
    assert ten.var == pytest.approx(2.326347874 * deviation * np.sqrt(10) - 10 * mean)
    assert ten.var != pytest.approx(one.var * np.sqrt(10), rel=0.05)
    windows = [shifted[at : at + 10].sum() for at in range(491)]
    plain = value_at_risk(shifted, horizon=10)
    assert plain.var == pytest.approx(np.quantile(-np.array(windows), 0.99, method="inverted_cdf"))
    assert "overlap" in plain.note
    drawn = value_at_risk(shifted, method="monte_carlo_t", horizon=10, seed=1)
    assert drawn.var == pytest.approx(ten.var, rel=0.1)


@settings(deadline=None, max_examples=25)
@given(RETURNS, st.sampled_from(METHODS), st.integers(1, 3), st.integers(-50, 50), st.integers(1, 20))
@example(NEARLY_ALIKE, "historical", 2, 0, 13)
def test_what_holds_for_any_returns(returns, method, horizon, shift, scale):
    """ES >= VaR; both grow with the confidence, shift with the returns and scale with them."""
    about = {"confidences": (0.75, 0.9, 0.95), "methods": [method], "horizon": horizon, "seed": 5}
    found = value_at_risks(returns, **about)
    tight = 1e-9
    for risk in found:
        assert risk.es >= risk.var - tight
    for lower, higher in pairwise(found):
        assert higher.var >= lower.var - tight and higher.es >= lower.es - tight
    for before, after in zip(found, value_at_risks(returns * scale, **about), strict=True):
        assert after.var == pytest.approx(before.var * scale, rel=1e-6, abs=1e-8)
        assert after.es == pytest.approx(before.es * scale, rel=1e-6, abs=1e-8)
    moved = value_at_risks(returns + shift / 1000, **about)
    for before, after in zip(found, moved, strict=True):
        assert after.var == pytest.approx(before.var - horizon * shift / 1000, abs=1e-6)
        assert after.es == pytest.approx(before.es - horizon * shift / 1000, abs=1e-6)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.sampled_from([0.95, 0.975, 0.99]))
def test_expected_shortfall_of_two_is_at_most_that_of_each(seed, confidence):
    """On samples whose tail is a whole number of losses, where the mean beyond the VaR is subadditive."""
    generator = np.random.default_rng(seed)
    first, second = generator.standard_t(3, (2, 399))  # 399 * c is none; ceil leaves the same tail for all
    total, *parts = (value_at_risk(one, confidence=confidence).es for one in (first + second, first, second))
    assert total <= sum(parts) + 1e-12


@pytest.mark.parametrize(
    ("returns", "more", "word"),
    [
        (np.append(DRAWN, np.nan), {}, "finite"),
        (np.append(DRAWN, np.inf), {}, "finite"),
        (DRAWN.reshape(2, -1), {}, "dimension"),
        (DRAWN[:99], {}, "100"),
        (DRAWN[:108], {"horizon": 10}, "109"),
        (np.array([]), {"confidence": 0.95}, "20"),
        (DRAWN, {"confidence": 0.5}, "between"),
        (DRAWN, {"confidence": 1.0}, "between"),
        (DRAWN, {"confidence": float("nan")}, "between"),
        (DRAWN, {"method": "magic"}, "magic"),
        (DRAWN, {"horizon": 0}, "horizon"),
    ],
)
def test_wrong_input_is_refused_in_words(returns, more, word):
    with pytest.raises(ValueError, match=word):
        value_at_risk(returns, **more)


def test_enough_is_what_is_needed_and_returns_that_never_change_are_no_risk():
    assert [needed_observations(c) for c in (0.95, 0.975, 0.99)] == [20, 40, 100]
    for method in METHODS:
        found = value_at_risk(np.full(100, 0.01), method=method, seed=1)
        assert (found.var, found.es) == (pytest.approx(-0.01), pytest.approx(-0.01))
        assert dataclasses.asdict(value_at_risk(DRAWN[:100], method=method, seed=1))["observations"] == 100
