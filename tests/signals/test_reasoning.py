"""What a proposal says in words and how sure it is: held against the facts and the proposal itself."""

import json

import pytest

from include.settings import Endpoint
from include.signals.prompt import INSTRUCTIONS, LONGEST_REASONING, SignalAnswer
from tests.llm.endpoint import Said, completion, endpoint
from tests.signals.generation import Generation


def proposal(asked, **changes):
    """A sound LONG for the facts of a request."""
    facts = json.loads(asked["messages"][1]["content"])
    price, atr = facts["market"]["current_price"], facts["indicators"]["atr_14"]
    levels = {
        "entry_price": price,
        "stop_loss": price - 2 * atr,
        "allocation_1": 50,
        "allocation_2": 25,
        "allocation_3": 25,
    }
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
    {"reasoning": "Details at t.me/signals."}, {"reasoning": "See vip-coins.finance"}, {"reasoning": "<script>x</script>"},
    {"reasoning": "It will reach $987,654."}, {"reasoning": "A 93.7 % chance."}, {"reasoning": "3x leverage helps."},
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
    lambda facts, levels: f"Price stands at {facts['market']['current_price']:,.2f} USD, the target at ${levels['take_profit_1']:,.2f}.",
    lambda facts, levels: f"RSI 14 of {facts['indicators']['rsi_14']:.1f} is below 70; the 20, 50 and 200 EMA rise.",
    lambda facts, levels: "The stop is 2 ATR away, the first target 3 ATR, a reward of 1.5R; half closes there (50 %).",
    lambda facts, levels: f"Volume of {facts['market']['volume_24h'] / 1e9:.2f} billion dollars; I am 71 % sure.",
    lambda facts, levels: f"Twenty periods trade {facts['indicators']['volume_sma_20']:.2f} BTC each; it expires after 24 hours.",
    lambda facts, levels: f"It changed by {facts['market']['price_change_24h']:.2f} % in 24 hours; costs are 0.4 %.",
]  # fmt: skip


@pytest.mark.parametrize("reasoning", SOUND)
def test_figures_of_the_facts_and_of_the_proposal_stand(generate, reasoning):
    attempt, requests = generate(lambda asked, _: proposal(asked, reasoning=reasoning))
    assert (attempt.outcome, len(requests)) == ("stored", 1), attempt.reason


def test_the_model_is_told_scale_and_units():
    assert "confidence is how sure you are, in percent from 0 to 100" in INSTRUCTIONS
    assert "percent" in SignalAnswer.model_json_schema()["properties"]["confidence"]["description"]
    for unit in (
        "volume_24h and market_cap are US dollars",
        "volumes (volume_24h,\nvolume_sma_20) are coins",
        "changes,\n",
    ):
        assert unit in INSTRUCTIONS


def test_a_proposal_is_written_with_its_booking(generate, monkeypatch):
    """A process that dies between the two would lose a paid answer."""

    class Killed(BaseException):
        pass

    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("include.signals.propose._write", die)
        generate(lambda asked, _: proposal(asked))


def test_nothing_of_a_killed_answer_is_booked_but_its_worst_case(database, generate, monkeypatch):
    test_a_proposal_is_written_with_its_booking(generate, monkeypatch)
    with database.connect() as connection:
        calls = connection.exec_driver_sql("SELECT outcome FROM llm_calls").all()
        asked = connection.exec_driver_sql("SELECT asked, proposal FROM signal_attempts").all()
    assert calls == [("under_way",)]
    assert asked == [(0, None)]
