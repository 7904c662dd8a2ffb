"""The facts of a trade as its page lists them, each as people read it."""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from include.humanize import duration_text, figure_text, money_text, number_text, price_text
from include.strange_times import StrangeTime

MOST_WHOLE = 10**18  # US dollars that are written out

# What stands under each heading: the word for it, the column, and how it is written.
FACTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Proposal": (
        ("Timeframe", "timeframe", ""),
        ("Entry", "entry_price", "price"),
        ("Stop", "stop_loss", "price"),
        ("Target 1", "take_profit_1", "price"),
        ("Target 2", "take_profit_2", "price"),
        ("Target 3", "take_profit_3", "price"),
        ("Closed at target 1", "allocation_1", "%"),
        ("Closed at target 2", "allocation_2", "%"),
        ("Closed at target 3", "allocation_3", "%"),
        ("Reward to risk", "risk_reward_ratio", "number"),
        ("Confidence", "confidence_score", "%"),
        ("Model", "ai_model", ""),
        ("Market", "market_condition", ""),
        ("Proposed", "generated_at", ""),
        ("Expires", "expires_at", ""),
    ),
    "Result": (
        ("Settled", "completed_at", ""),
        ("Reason", "status_reason", "words"),
        ("Entered", "entry_at", ""),
        ("Fill", "actual_entry_price", "price"),
        ("Exit", "exit_at", ""),
        ("Average exit", "actual_exit_price", "price"),
        ("Net", "net_profit_loss", "money"),
        ("Net of the position", "profit_loss_percentage", "%"),
        ("Best moment", "max_favorable_excursion", "%"),
        ("Worst moment", "max_adverse_excursion", "%"),
        ("Took", "time_to_completion_minutes", "minutes"),
        ("Candles from", "data_source", ""),
        ("Resolution", "data_resolution", ""),
        ("Data quality", "data_quality_score", "%"),
        ("Unseen candles", "unseen_candles", ""),
    ),
    "Indicators at the proposal": (
        ("RSI 14", "rsi_14", "number"),
        ("MACD", "macd_line", "number"),
        ("MACD signal", "macd_signal", "number"),
        ("MACD histogram", "macd_histogram", "number"),
        ("EMA 20", "ema_20", "price"),
        ("EMA 50", "ema_50", "price"),
        ("EMA 200", "ema_200", "price"),
        ("Bollinger, upper", "bb_upper", "price"),
        ("Bollinger, middle", "bb_middle", "price"),
        ("Bollinger, lower", "bb_lower", "price"),
        ("ATR 14", "atr_14", "price"),
        ("Stochastic %K", "stoch_k", "number"),
        ("Stochastic %D", "stoch_d", "number"),
        ("From candles of", "indicators_timeframe", ""),
        ("Candles", "candle_count", ""),
        ("Source", "indicators_data_source", ""),
        ("Calculated", "calculated_at", ""),
    ),
    "Market at the proposal": (
        ("Price", "current_price", "price"),
        ("24 h", "price_change_24h", "%"),
        ("7 days", "price_change_7d", "%"),
        ("Market value", "market_cap", "whole"),
        ("Volume, 24 h", "volume_24h", "whole"),
        ("Fear and greed", "fear_greed_index", "number"),
        ("Galaxy score", "galaxy_score", "number"),
        ("Alt rank", "alt_rank", "number"),
        ("Social dominance", "social_dominance", "%"),
        ("Posts, 24 h", "social_posts_24h", "number"),
        ("Interactions, 24 h", "social_interactions_24h", "number"),
        ("Whale transactions, 24 h", "whale_transactions_24h", "number"),
        ("Data quality", "snapshot_data_quality_score", "%"),
        ("Seen", "snapshot_at", ""),
    ),
}


def read_facts(trade: Mapping[str, Any]) -> dict[str, list[tuple[str, str, str]]]:
    """The facts that are known, by heading: a word, a value as people read it, and the whole value."""
    return {
        heading: [
            (word, _fact_text(trade[column], kind), str(trade[column]) if kind else "")
            for word, column, kind in listed
            if trade[column] is not None
        ]
        for heading, listed in FACTS.items()
    }


def _fact_text(value: Any, kind: str) -> str:
    if kind == "words":
        return str(value).replace("_", " ")
    if not isinstance(value, Decimal | int) or not kind or (isinstance(value, Decimal) and value.is_nan()):
        return value_text(value)
    if kind == "price":
        return f"{price_text(value)} USD"
    if kind == "minutes":
        return duration_text(60 * float(value))
    if kind == "money":
        return money_text(value)
    if kind == "whole" and -MOST_WHOLE < value < MOST_WHOLE:
        return f"{number_text(round(value))} USD"
    return figure_text(float(value), "%" if kind == "%" else "")


def value_text(value: Any) -> str:
    """A value as people read it; nothing is `none`."""
    if value is None:
        return "none"
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, Decimal) and value.is_finite():
        return f"{round(value, 8):f}".rstrip("0").rstrip(".") if value % 1 else f"{value:f}".split(".")[0]
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def moment_text(moment: datetime) -> str:
    """A time to the second, in UTC; one of no calendar as PostgreSQL writes it."""
    return moment.text if isinstance(moment, StrangeTime) else moment.strftime("%Y-%m-%d %H:%M:%S")


def tone_of(amount: Decimal | None) -> str:
    """The class of a sum of money: gained, lost, or neither."""
    if amount is None or not amount.is_finite() or amount == 0:
        return ""
    return "met" if amount > 0 else "critical"
