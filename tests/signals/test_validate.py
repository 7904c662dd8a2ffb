"""What is stored fits the market, and nothing that fits is refused: examples, then properties."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.settings import Settings
from include.signals.prompt import Levels, SignalAnswer
from include.signals.validate import ALLOCATION_FIELDS, PRICE_FIELDS, Market, find_faults, risk_reward, tidy
from include.trades.backtest import evaluate

SETTINGS = Settings()
FREE = Settings(fee_rate=0, slippage_rate=0)
MARKET = Market(price=100.0, atr=2.0)
LONG = {
    "entry_price": 100.0,
    "stop_loss": 97.0,
    "take_profit_1": 103.0,
    "take_profit_2": 106.0,
    "take_profit_3": 109.0,
    "allocation_1": 40.0,
    "allocation_2": 30.0,
    "allocation_3": 30.0,
}
SHORT = LONG | {name: 200.0 - LONG[name] for name in PRICE_FIELDS}


def answer(direction: str = "LONG", **changes: float) -> SignalAnswer:
    levels = (LONG if direction == "LONG" else SHORT) | changes
    return SignalAnswer(
        decision=direction,
        levels=Levels(**levels),
        confidence=60,
        market_condition="bullish",
        reasoning="because",
    )


@pytest.mark.parametrize("direction", ["LONG", "SHORT"])
def test_a_sound_proposal_has_no_fault(direction):
    assert find_faults(answer(direction), MARKET, SETTINGS) == []
    assert risk_reward(answer(direction).levels) == pytest.approx((0.4 * 3 + 0.3 * 6 + 0.3 * 9) / 3)


@pytest.mark.parametrize(
    ("direction", "changes", "said"),
    [
        ("LONG", {"stop_loss": 101}, "stop_loss 101 is not below entry_price 100"),
        ("SHORT", {"stop_loss": 99}, "stop_loss 99 is not above entry_price 100"),
        ("LONG", {"stop_loss": 100}, "not below entry_price"),
        ("LONG", {"entry_price": 102.5, "stop_loss": 100.5}, "stop_loss 100.5 is not below the price 100"),
        ("LONG", {"entry_price": 97.5, "stop_loss": 94, "take_profit_1": 99.9}, "not above the price 100"),
        ("LONG", {"take_profit_1": 99}, "take_profit_1 99 is not above entry_price"),
        ("LONG", {"take_profit_2": 103}, "take_profit_2 is not above take_profit_1"),
        ("SHORT", {"take_profit_3": 95}, "take_profit_3 is not below take_profit_2"),
        ("LONG", {"entry_price": 96.9, "stop_loss": 94}, "from the price 100, 1.55 ATR away, at most 1.5"),
        ("LONG", {"stop_loss": 99.5}, "from the entry, 0.25 ATR away, at least 0.5"),
        ("LONG", {"stop_loss": 89}, "from the entry, 5.5 ATR away, at most 5"),
        ("LONG", {"take_profit_3": 131}, "take_profit_3 is, from the entry, 15.5 ATR away, at most 15"),
        ("LONG", {"take_profit_1": 100.3}, "take_profit_1 does not earn the 0.4006 that fees"),
        ("LONG", {"stop_loss": 94}, "risk/reward is 0.95, at least 1.2"),
        ("LONG", {"allocation_1": 50}, "the allocations add up to 110"),
        ("LONG", {"allocation_1": -20, "allocation_2": 90}, "allocation_1 -20 is not between 0 and 100"),
        ("LONG", {"entry_price": math.nan}, "entry_price nan is no positive finite price"),
        ("LONG", {"take_profit_3": math.inf}, "take_profit_3 inf is no positive finite price"),
        ("LONG", {"stop_loss": -5}, "stop_loss -5 is no positive finite price"),
        ("LONG", {"allocation_2": math.nan}, "allocation_2 nan is not between"),
        ("LONG", {name: LONG[name] * 1000 for name in PRICE_FIELDS}, "not below the price 100"),
        ("LONG", {name: LONG[name] / 1000 for name in PRICE_FIELDS}, "not above the price 100"),
    ],
)
def test_each_fault_is_named(direction, changes, said):
    faults = find_faults(answer(direction, **changes), MARKET, SETTINGS)
    assert said in "; ".join(faults)


def test_a_decision_without_levels_is_a_fault():
    empty = answer().model_copy(update={"levels": None})
    assert find_faults(empty, MARKET, SETTINGS) == ["decision is LONG, but levels is null"]


def test_a_level_exactly_on_its_bound_passes():
    bounds = {"entry_price": 97.0, "stop_loss": 87.0, "take_profit_1": 110, "take_profit_2": 120}
    assert find_faults(answer(**bounds, take_profit_3=127.0), MARKET, SETTINGS) == []


def test_the_bounds_come_from_the_settings():
    tight = Settings(signal_stop_atr_max=1.0, signal_risk_reward_min=3)
    assert len(find_faults(answer(), MARKET, tight)) == 2


def test_what_is_stored_is_what_was_checked():
    rounded = tidy(Levels(**LONG | {"entry_price": 99.999999999, "allocation_1": 39.99999}))
    assert (rounded.entry_price, rounded.allocation_1) == (100.0, 40.0)
    assert tidy(Levels(**LONG | {"entry_price": 0.0000123456789})).entry_price == 0.000012345679


PRICE = st.floats(1e-5, 1e6)
SHARES = st.tuples(st.floats(0, 60), st.floats(0, 40)).map(lambda pair: (*pair, 100 - sum(pair)))
ANYTHING = st.one_of(st.floats(), st.floats(90, 110), st.sampled_from([0.0, 100.0, -1.0]))


@st.composite
def sound(draw):
    """A LONG within the default bounds, in a market of any price; then perhaps its mirror image."""
    price = draw(PRICE)
    atr = price * draw(st.floats(0.01, 0.04))
    entry = price + atr * draw(st.floats(-1.4, 1.4))
    stop = min(entry, price) - atr * draw(st.floats(0.6, 1.2))
    first = max(entry, price) + atr * draw(st.floats(3.4, 4.0))
    steps = [atr * draw(st.floats(0.1, 2.0)) for _ in range(2)]
    levels = dict(zip(PRICE_FIELDS, (entry, stop, first, first + steps[0], first + sum(steps)), strict=True))
    direction = draw(st.sampled_from(["LONG", "SHORT"]))
    if direction == "SHORT":
        levels = {name: 2 * price - level for name, level in levels.items()}
    return direction, levels | dict(zip(ALLOCATION_FIELDS, draw(SHARES), strict=True)), Market(price, atr)


@given(sound())
def test_what_keeps_the_bounds_is_never_refused(proposal):
    direction, levels, market = proposal
    assert find_faults(answer(direction, **levels), market, SETTINGS) == []


@given(sound())
def test_what_is_accepted_can_be_settled(proposal):
    direction, levels, market = proposal
    given_at = pd.Timestamp("2026-01-05", tz="UTC")
    trade = {
        **tidy(Levels(**levels)).model_dump(),
        "id": "1",
        "symbol": "BTC",
        "direction": direction,
        "generated_at": given_at,
        "expires_at": given_at + pd.Timedelta(hours=4),
    }
    candle = dict.fromkeys(("open", "high", "low", "close"), market.price)
    candles = pd.DataFrame([{"symbol": "BTC", "timestamp": given_at, **candle, "volume": 1.0}])
    settled = evaluate(pd.DataFrame([trade]), candles, interval="1min")
    assert not settled["exit_reason"].iloc[0].startswith("invalid")


@given(st.tuples(*[ANYTHING] * 8), st.sampled_from(["LONG", "SHORT"]))
def test_whatever_passes_keeps_the_promises(numbers, direction):
    """Whatever a model invents: it is refused in words, or it is a sound ladder near the market."""
    levels = Levels(**dict(zip((*PRICE_FIELDS, *ALLOCATION_FIELDS), numbers, strict=True)))
    said = answer(direction).model_copy(update={"levels": levels})
    faults = find_faults(said, MARKET, FREE)
    if faults:
        assert all(faults)
        return
    sign = 1 if direction == "LONG" else -1
    ladder = [
        levels.stop_loss,
        levels.entry_price,
        *(getattr(levels, f"take_profit_{at}") for at in (1, 2, 3)),
    ]
    assert ladder == sorted(ladder, key=lambda level: sign * level)
    assert len(set(ladder)) == 5
    assert abs(levels.entry_price - MARKET.price) <= 3.0 * (1 + 1e-6)
    assert risk_reward(levels) >= 1.2 * (1 - 1e-6)
    assert sum(getattr(levels, name) for name in ALLOCATION_FIELDS) == pytest.approx(100, abs=0.011)


@given(sound(), st.floats(1e-3, 1e3))
def test_the_unit_of_the_price_does_not_matter(proposal, factor):
    direction, levels, market = proposal
    scaled = levels | {name: levels[name] * factor for name in PRICE_FIELDS}
    assert not find_faults(
        answer(direction, **scaled), Market(market.price * factor, market.atr * factor), SETTINGS
    )
