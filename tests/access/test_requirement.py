"""From prices to a requirement: what is believed, the average, the rounding, the hysteresis, the freeze."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from include.access.requirement import Look, Quote, Requirement, average_price, decide, judge_quotes, require
from include.settings import Settings

HOUR = timedelta(hours=1)
T = datetime(2026, 3, 4, 12, tzinfo=UTC)
SETTINGS = Settings.model_construct()
NAMES = ("jupiter", "geckoterminal")
prices = st.decimals("0.000001", "1000", places=8, allow_nan=False)


def quotes(*said):
    return tuple(
        Quote(name, None if one is None else Decimal(str(one)))
        for name, one in zip(NAMES, said, strict=False)
    )


def look(at, *said, refused=None):
    return Look(at, tuple(replace(one, refused=refused) for one in quotes(*said)))


def day(price, until=T, hours=24):
    return [look(until - ago * HOUR, price, price) for ago in range(hours - 1, -1, -1)]


def test_what_is_doubtful_is_refused_whole():
    good = judge_quotes(quotes("0.01", "0.0101"), Fraction("0.01"), SETTINGS)
    assert Look(T, good).price == Fraction("0.01005")
    for said, before, words in (
        (("0.01",), None, "second source"),
        (("0.01", None), None, "second source"),
        (("0.01", "1"), None, "apart"),  # wrong by 100 at one source
        (("1", "1"), "0.01", "100 times"),  # at both
        (("0.0001", "0.0001"), "0.01", "0.01 times"),
    ):
        judged = judge_quotes(quotes(*said), before and Fraction(before), SETTINGS)
        assert Look(T, judged).price is None and words in Look(T, judged).doubts
    assert Look(T, judge_quotes(quotes("1", "1"), None, SETTINGS)).price == 1  # nothing to compare with


def test_the_average_weighs_each_price_by_the_time_since_the_one_before():
    looks = [
        look(T - 3 * HOUR, 9, 9),
        look(T - 1.5 * HOUR, 1, 1),
        look(T - HOUR, 7, 7, refused="no"),
        look(T, 4, 4),
    ]
    average, covered = average_price(looks, T, 24 * HOUR)
    assert (average, covered) == (Fraction(2 * 9 + Fraction(3, 2) * 1 + Fraction(3, 2) * 4) / 5, 5 * HOUR)
    assert average_price(looks[:1], T + 30 * HOUR, 24 * HOUR) == (None, timedelta(0))


@given(prices)
def test_the_requirement_is_the_least_whole_step_that_is_worth_the_target(price):
    needed = require(Fraction(price), SETTINGS)
    assert needed % 1000 == 0 and needed >= 1000
    assert needed * Fraction(price) >= 20
    assert needed == 1000 or (needed - 1000) * Fraction(price) < 20


def test_examples_of_the_platforms_document():
    for price, needed in (("0.01", 2000), ("0.0066", 4000), ("0.02", 1000), ("0.002", 10_000), ("50", 1000)):
        assert require(Fraction(price), SETTINGS) == needed


def test_it_changes_at_five_percent_and_not_before():
    former = Requirement(2000, Decimal("0.0100"), "first", "", T - 24 * HOUR)
    for price, basis, outcome, needed in (
        ("0.0095", "0.01", "raised", 3000),  # exactly 5 %
        ("0.009501", "0.01", "kept", 2000),
        ("0.0105", "0.01", "kept", 2000),  # rounds to the same
        ("0.0201", "0.01", "lowered", 1000),
        ("0.0095", "0.0097", "kept", 2000),  # counted from the last change
    ):
        found = decide(day(price), T, former, Decimal(basis), SETTINGS)
        assert (found.outcome, found.requirement, found.valid_from) == (outcome, needed, T), price
        assert found.average_price == Decimal(price)


def test_a_price_that_is_missing_or_doubtful_freezes_and_is_never_0():
    former = Requirement(2000, Decimal("0.01"), "kept", "", T - HOUR)
    whole = day("0.001")
    for looks, words in (
        ([], "nobody asked"),
        (whole[:-1], "nobody asked"),
        ([*whole[:-1], look(T, "0.001", None, refused="no second source confirms it")], "second source"),
        (whole[-8:], "cover"),
    ):
        found = decide(looks, T, former, Decimal("0.01"), SETTINGS)
        assert (found.outcome, found.requirement) == ("frozen", 2000) and words in found.reason
    nothing = decide([], T, None, None, SETTINGS)
    assert (nothing.outcome, nothing.requirement, nothing.average_price) == ("frozen", None, None)
    assert decide(whole[-1:], T, None, None, SETTINGS).requirement == 20_000, "the first needs no whole day"


@given(
    st.lists(
        st.sampled_from(
            ["down", "one source", "zero", "wrong by 100", "both wrong by 100", "0.01", "0.0085", "0.012"]
        ),
        min_size=14,
        max_size=40,
    )
)
@settings(max_examples=40)
def test_whatever_the_sources_do_the_requirement_follows_only_believed_prices(hours):
    looks, former, basis = [], None, None
    for number, said in enumerate(hours):
        at = T + number * HOUR
        offered = {
            "down": (None, None), "one source": ("0.01",), "zero": (None, "0.01"),
            "wrong by 100": ("0.01", "1"),
            "both wrong by 100": ("1", "1"),
        }.get(said, (said, said))  # fmt: skip
        before = next((one.price for one in reversed(looks) if one.price and one.at > at - 24 * HOUR), None)
        looks.append(Look(at, judge_quotes(quotes(*offered), before, SETTINGS)))
        window = [one for one in looks if one.at > at - 25 * HOUR]
        found = decide(window, at, former, basis, SETTINGS)
        assert found == decide(window, at, former, basis, SETTINGS)
        assert found.requirement != 0
        if looks[-1].price is None:
            assert found.outcome == "frozen"
            assert found.requirement == (former and former.requirement)
        if found.outcome in ("first", "raised", "lowered"):
            basis = found.average_price
        if "both wrong by 100" not in hours:  # within what was believed, whatever else was said
            assert found.requirement in (None, 2000, 3000)
        former = found
