"""Settings of the generation of signals."""

from datetime import timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from include.settings.section import Cron, SettingsSection

Timeframe = Literal["15m", "1h", "4h", "1d", "1w"]


class SignalRequest(BaseModel):
    """One signal that is asked for: for whom, of what, on which candles."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user_id: UUID
    symbol: str
    timeframe: Timeframe


class SignalSettings(SettingsSection):
    """Signals."""

    signal_schedule: Cron | None = Field(
        None, description="cron of `generate_signals`, from the environment only; none: by hand"
    )
    signal_requests: tuple[SignalRequest, ...] = Field(
        (), description="what a scheduled run generates: `user_id`, `symbol`, `timeframe`; one a user and run"
    )
    signal_model: str = Field("sandbox-trader", description="model name at the `llm` connection")
    signal_timeout: timedelta = Field(timedelta(seconds=30), description="one request to the model, hard")
    price_sources: tuple[str, ...] = Field(
        ("coinmarketcap", "coingecko"),
        min_length=1,
        description="where a signal's price is asked for, in order",
    )
    signal_entry_atr: float = Field(1.5, gt=0, description="entry this many ATR from the price at most")
    signal_stop_atr_min: float = Field(0.5, gt=0, description="stop this many ATR from the entry at least")
    signal_stop_atr_max: float = Field(5.0, gt=0, description="stop this many ATR from the entry at most")
    signal_target_atr_max: float = Field(
        15.0, gt=0, description="targets this many ATR from the entry at most"
    )
    signal_risk_reward_min: float = Field(
        1.2, gt=0, description="reward over risk, as we compute it, at least"
    )
