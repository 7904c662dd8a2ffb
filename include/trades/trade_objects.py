"""A trade as programs are shown it: objects with camelCase names, which the database writes as JSON.

The models list each column once: statements are made of them (include/json_rows.py), and so is the API's
description. A test compares them with the catalogue.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from include.json_rows import Number, ShownRow


class ShownSignal(ShownRow):
    """A trade as it was proposed."""

    id: UUID
    user_id: UUID
    symbol: str
    direction: str
    timeframe: str
    entry_price: Number | None
    stop_loss: Number | None
    take_profit_1: Number | None
    take_profit_2: Number | None
    take_profit_3: Number | None
    allocation_1: Number | None
    allocation_2: Number | None
    allocation_3: Number | None
    confidence_score: Number | None
    risk_reward_ratio: Number | None
    market_condition: str | None
    ai_reasoning: str | None
    ai_model: str | None
    status: str
    status_reason: str | None
    generated_at: datetime | None
    expires_at: datetime | None
    completed_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None


class ShownResult(ShownRow):
    """What became of a trade."""

    tp1_hit: bool
    tp1_hit_at: datetime | None
    tp1_hit_price: Number | None
    tp2_hit: bool
    tp2_hit_at: datetime | None
    tp2_hit_price: Number | None
    tp3_hit: bool
    tp3_hit_at: datetime | None
    tp3_hit_price: Number | None
    sl_hit: bool
    sl_hit_at: datetime | None
    sl_hit_price: Number | None
    entry_at: datetime | None
    actual_entry_price: Number | None
    exit_at: datetime | None
    actual_exit_price: Number | None
    exit_reason: str | None
    trade_size_usd: Number | None
    gross_profit_loss: Number | None
    fees_paid: Number | None
    slippage_cost: Number | None
    net_profit_loss: Number | None
    profit_loss_percentage: Number | None
    time_to_completion_minutes: int | None
    max_favorable_excursion: Number | None
    max_adverse_excursion: Number | None
    data_source: str | None
    data_resolution: str | None
    data_quality_score: Number | None
    unseen_candles: int | None
    ai_analysis: str | None
    ai_analysis_detail: Any | None
    ai_analysis_generated_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None


class ShownIndicators(ShownRow):
    """The indicators that a trade was proposed on; the newest row counts."""

    rsi_14: Number | None
    macd_line: Number | None
    macd_signal: Number | None
    macd_histogram: Number | None
    ema_20: Number | None
    ema_50: Number | None
    ema_200: Number | None
    bb_upper: Number | None
    bb_middle: Number | None
    bb_lower: Number | None
    atr_14: Number | None
    stoch_k: Number | None
    stoch_d: Number | None
    volume_24h: Number | None
    volume_sma_20: Number | None
    timeframe: str | None
    data_source: str | None
    candle_count: int | None
    calculated_at: datetime | None


class ShownSnapshot(ShownRow):
    """The market when a trade was proposed; the newest row counts."""

    current_price: Number | None
    price_change_24h: Number | None
    price_change_7d: Number | None
    market_cap: Number | None
    volume_24h: Number | None
    circulating_supply: Number | None
    fear_greed_index: Number | None
    social_sentiment_score: Number | None
    galaxy_score: Number | None
    alt_rank: Number | None
    social_dominance: Number | None
    sentiment_positive: Number | None
    sentiment_negative: Number | None
    sentiment_neutral: Number | None
    social_volume_24h: Number | None
    social_posts_24h: Number | None
    social_interactions_24h: Number | None
    social_contributors_24h: Number | None
    correlation_score: Number | None
    whale_transactions_24h: Number | None
    exchange_inflow_24h: Number | None
    exchange_outflow_24h: Number | None
    data_quality_score: Number | None
    data_sources: Any | None
    snapshot_at: datetime | None


class ShownTrade(ShownSignal):
    """A trade with its result, indicators and snapshot; each is null where there is none."""

    result: ShownResult | None
    indicators: ShownIndicators | None
    snapshot: ShownSnapshot | None


class ShownFormerResult(ShownRow):
    """A result that a replay replaced, with who did it and why; `result` is the row as it was."""

    replay_id: str
    replaced_at: datetime | None
    replaced_by: str
    reason: str
    run_url: str
    status: str
    status_reason: str | None
    completed_at: datetime | None
    net_profit_loss: Number | None


class ShownError(ShownRow):
    """A failure that names a trade."""

    id: UUID
    timestamp: datetime | None
    error_type: str
    severity: str
    error_message: str


class ShownNotice(ShownRow):
    """What people were told that names a trade."""

    id: UUID
    created_at: datetime | None
    source: str
    kind: str
    severity: str
    title: str
    handled_at: datetime | None


class ShownChange(ShownRow):
    """A change of a trade, as the audit trail has it; `before` and `after` name columns as the API does."""

    changed_at: datetime | None
    table_name: str
    operation: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    actor_kind: str
    actor: str
    run_id: str | None
    asked_by: str | None
