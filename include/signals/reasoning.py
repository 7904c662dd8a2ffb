"""What a proposal says in words, held against the facts that the model was given and the proposal itself."""

from collections.abc import Mapping
from typing import Any

from include.analysis import check_texts
from include.llm import UnusableAnswerError
from include.signals.prompt import LONGEST_REASONING, SignalAnswer
from include.signals.validate import ALLOCATION_FIELDS, PRICE_FIELDS, TARGET_FIELDS, Market, risk_reward

# The names that say no unit; what else has none is an index, a score or a count.
_DOLLARS = ("current_price", "market_cap", "macd", "ema", "bb", "atr")
_PERCENT = ("price_change", "social_dominance", "sentiment")
_LONG_NAMES = {"bb": "bollinger", "stoch": "stochastic"}  # as people say them
# What everybody compares these indicators with.
_CONVENTIONS = {"rsi_levels": [30, 50, 70], "stochastic_levels": [20, 50, 80]}


def check_confidence(answer: SignalAnswer) -> None:
    """Refuse a confidence on a scale of one.

    Raises UnusableAnswerError, `off_scale`.
    """
    sure = answer.confidence
    if sure <= 1 and (sure > 0 or answer.decision != "NO_TRADE"):
        message = f"confidence {sure:g} is on a scale of 1, or none: give percent, 72 for 72 percent"
        raise UnusableAnswerError("off_scale", message)


def check_reasoning(answer: SignalAnswer, facts: Mapping[str, Any], market: Market) -> None:
    """Refuse reasoning that holds a link or markup, or a figure of neither the facts nor the proposal.

    Raises UnusableAnswerError: see `check_texts`.
    """
    said = {**_with_units(facts), "conventions": _CONVENTIONS, "proposal": _of_proposal(answer, market)}
    check_texts([answer.reasoning], said, longest=LONGEST_REASONING)


def _with_units(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts under names that say their units, as those of a post-mortem do."""
    limits = facts["limits"]
    columns = ("at", "open_usd", "high_usd", "low_usd", "close_usd", "volume")
    return {
        "symbol": facts["symbol"],
        "timeframe": facts["timeframe"],
        "now_at": facts["now"],
        "market": {_named(name, volume="volume_24h_usd"): value for name, value in facts["market"].items()},
        "indicators": {_named(name, volume="volume"): value for name, value in facts["indicators"].items()},
        "candles": [dict(zip(columns, row, strict=True)) for row in facts["recent_candles"]["rows"] or ()],
        "limits": {
            **{f"{name}_atr": value for name, value in limits.items() if "_atr_" in name},
            "risk_reward_min_ratio": limits["risk_reward_min"],
            "cost_percent": limits["cost_of_a_round_trip_percent"],
        },
        "expires_in_hours": facts["expires_in_hours"],
    }


def _named(name: str, *, volume: str) -> str:
    if name == "volume_24h":
        return volume
    first, _, rest = name.partition("_")
    long = f"{_LONG_NAMES[first]}_{rest}" if first in _LONG_NAMES else name
    if name.startswith(_DOLLARS):
        return f"{long}_usd"
    return f"{long}_percent" if name.startswith(_PERCENT) else long


def _of_proposal(answer: SignalAnswer, market: Market) -> dict[str, Any]:
    """What the proposal says itself, and how far its levels are from its entry."""
    levels = answer.levels
    said: dict[str, Any] = {"confidence_percent": answer.confidence}
    if levels is None:
        return said
    entry = levels.entry_price
    for name in PRICE_FIELDS:
        level = getattr(levels, name)
        said[f"{name}_usd"] = level
        said[f"{name}_distance_usd"] = level - entry
        said[f"{name}_distance_atr"] = abs(level - entry) / market.atr
        if entry:
            said[f"{name}_distance_percent"] = 100 * (level - entry) / entry
        if name in TARGET_FIELDS and entry != levels.stop_loss:
            said[f"{name}_ratio"] = abs(level - entry) / abs(entry - levels.stop_loss)
    said |= {f"{name}_percent": getattr(levels, name) for name in ALLOCATION_FIELDS}
    if entry != levels.stop_loss:
        said["risk_reward_ratio"] = risk_reward(levels)
    return said
