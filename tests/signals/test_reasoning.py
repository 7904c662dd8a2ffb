"""What a proposal says in words and how sure it is: held against the facts and the proposal itself."""

import json

import pytest

from include.settings import Endpoint
from include.signals.prompt import LONGEST_REASONING, SIGNAL_INSTRUCTIONS, SignalAnswer
from tests.signals.generation import Generation
from tests.support.llm_endpoint import Said, completion, endpoint
from tests.support.trades import rows


def proposal(asked, **changes):
    """A sound LONG for the facts of a request."""
    facts = json.loads(asked["messages"][1]["content"])
    price, atr = facts["market"]["current_price"], facts["indicators"]["atr_14"]
    levels = {"entry_price": price, "stop_loss": price - 2 * atr}
    levels |= {"allocation_1": 50, "allocation_2": 25, "allocation_3": 25}
    levels |= {f"take_profit_{number}": price + (number + 2) * atr for number in (1, 2, 3)}
    answer = {
        "decision": "LONG",
        "levels": levels,
        "confidence": 71,
        "market_condition": "bullish",
        "reasoning": "It rises.",
    }
    said = changes | {name: value(facts, levels) for name, value in changes.items() if callable(value)}
    return completion(json.dumps(answer | said))


@pytest.fixture
def generate(database, sandbox):
    def run(say):
        generation = Generation.on(database, sandbox)
        with endpoint(lambda asked, number: Said(say(asked, number))) as (url, requests):
            generation.endpoints["llm"] = Endpoint(url)
            return generation.all_steps(), requests

    return run


BAD = [
    {"confidence": 0.71}, {"confidence": True}, {"confidence": 1}, {"confidence": "0.5"}, {"confidence": 0},
    {"reasoning": "Details at t.me/signals."}, {"reasoning": "See vip-coins.finance"},
    {"reasoning": "<script>x</script>"}, {"reasoning": "It will reach $987,654."},
    {"reasoning": "A 93.7 % chance."}, {"reasoning": "3x leverage helps."},
    {"reasoning": "x" * (LONGEST_REASONING + 1)},
]  # fmt: skip


@pytest.mark.parametrize("changes", BAD, ids=lambda changes: str(changes)[:40])
def test_it_is_asked_again_with_the_reason_and_then_refused(generate, changes):
    attempt, requests = generate(lambda asked, number: proposal(asked, **(changes if number == 1 else {})))
    assert (attempt.outcome, attempt.asked) == ("stored", 2)
    (fault,) = json.loads(requests[1]["messages"][1]["content"])["faults_of_your_first_answer"]
    assert fault.partition(":")[0] in ("off_scale", "foreign_text", "invented_figures", "invalid")


def test_twice_is_no_signal(generate):
    attempt, _ = generate(lambda asked, _: proposal(asked, confidence=0.71))
    assert attempt.outcome == "invalid_answer"
    assert "confidence 0.71 is on a scale of 1" in attempt.reason


def test_the_reason_of_no_trade_is_looked_at_too(generate):
    no_trade = {"decision": "NO_TRADE", "levels": None, "confidence": 0}
    attempt, _ = generate(lambda asked, _: proposal(asked, **no_trade, reasoning="Ask t.me/x instead."))
    assert attempt.outcome == "invalid_answer"


def test_no_trade_may_be_told_without_any_confidence(generate):
    no_trade = {"decision": "NO_TRADE", "levels": None, "confidence": 0}
    attempt, _ = generate(lambda asked, _: proposal(asked, **no_trade, reasoning="Nothing speaks for it."))
    assert attempt.outcome == "no_trade"


SOUND = [
    "Price stands at {market[current_price]:,.2f} USD, the target at ${levels[take_profit_1]:,.2f}.",
    "RSI 14 of {indicators[rsi_14]:.1f} is below 70; the 20, 50 and 200 EMA rise.",
    "The stop is 2 ATR away, the first target 3 ATR, a reward of 1.5R; half closes there (50 %).",
    "Volume of {market[volume_24h]:,.0f} dollars; I am 71 % sure.",
    "Twenty periods trade {indicators[volume_sma_20]:.2f} BTC each; it expires after 24 hours.",
    "It changed by {market[price_change_24h]:.2f} % in 24 hours; costs are 0.4 %.",
]


@pytest.mark.parametrize("reasoning", SOUND)
def test_figures_of_the_facts_and_of_the_proposal_stand(generate, reasoning):
    def said(facts, levels):
        return reasoning.format(**facts, levels=levels)

    attempt, requests = generate(lambda asked, _: proposal(asked, reasoning=said))
    assert (attempt.outcome, len(requests)) == ("stored", 1), attempt.reason


def test_the_model_is_told_scale_and_units():
    assert "confidence is how sure you are, in percent from 0 to 100" in SIGNAL_INSTRUCTIONS
    assert "percent" in SignalAnswer.model_json_schema()["properties"]["confidence"]["description"]
    for unit in (
        "volume_24h and market_cap are US dollars",
        "volume_sma_20) are coins",
        "shares are percent",
    ):
        assert unit in SIGNAL_INSTRUCTIONS


def test_a_killed_answer_is_neither_booked_nor_counted_but_at_its_worst_case(database, generate, monkeypatch):
    """A process that died between the booking and the writing would lose a paid answer."""

    class KilledError(BaseException):
        pass

    def die(*_, **__):
        raise KilledError

    monkeypatch.setattr("include.signals.propose._write", die)
    with pytest.raises(KilledError):
        generate(lambda asked, _: proposal(asked))
    assert rows(database, "SELECT outcome FROM llm_calls") == [("under_way",)]
    assert rows(database, "SELECT asked, proposal FROM signal_attempts") == [(0, None)]
