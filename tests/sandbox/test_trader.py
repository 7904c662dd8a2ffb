"""What the imitated model proposes, and how its proposals can be spoilt."""

import pytest

from sandbox.trader import propose

FACTS = {
    "market": {"current_price": 100.0},
    "indicators": {"atr_14": 2.0, "ema_50": 90.0},
    "limits": {"risk_reward_min": 1.2},
}


def test_a_ladder_from_price_and_atr():
    assert propose(FACTS) == {
        "decision": "LONG",
        "confidence": 64.0,
        "entry_price": 100.0,
        "stop_loss": 97.0,
        "take_profit_1": 103.0,
        "take_profit_2": 106.0,
        "take_profit_3": 109.0,
        "allocation_1": 40.0,
        "allocation_2": 30.0,
        "allocation_3": 30.0,
    }


def test_below_its_mean_the_market_is_sold():
    down = propose({**FACTS, "indicators": {"atr_14": 2.0, "ema_50": 110.0}})
    assert down["decision"] == "SHORT"
    assert down["take_profit_3"] < down["take_profit_1"] < down["entry_price"] < down["stop_loss"]


def test_a_calm_market_still_earns_its_costs():
    assert propose({**FACTS, "indicators": {"atr_14": 0.01}})["take_profit_1"] == pytest.approx(100.6)


@pytest.mark.parametrize("facts", [{}, {"symbol": "BTC"}, {**FACTS, "limits": None} | {"market": {}}])
def test_where_no_trade_is_asked_for_there_is_none(facts):
    assert propose(facts) == {}


def test_the_faults():
    assert propose(FACTS, "no_trade")["decision"] == "NO_TRADE"
    assert propose(FACTS, "wrong_side")["stop_loss"] == 102.0
    assert propose(FACTS, "absurd_levels")["entry_price"] == 1000.0
