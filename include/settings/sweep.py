"""Settings of the sweep: what it claims, how it judges and settles."""

from datetime import timedelta

from pydantic import Field

from include.settings.section import SettingsSection


class SweepSettings(SettingsSection):
    """The sweep."""

    claim_limit: int = Field(100_000, gt=0, description="trades one sweep claims at most")
    batch_size: int = Field(50_000, gt=0, description="trades in one mapped batch")
    lease: timedelta = Field(timedelta(minutes=15), description="how long a claim holds without renewal")
    data_quality_min: float = Field(90.0, ge=0, le=100, description="score below which a trade waits")
    data_quality_patience: timedelta = Field(
        timedelta(hours=24), description="after expiry, how long a trade waits for better data"
    )
    tail_patience: timedelta = Field(
        timedelta(hours=2),
        ge=timedelta(0),
        description="after expiry, how long an open trade waits for the last candles of its window",
    )


class SettlingSettings(SettingsSection):
    """Settling."""

    fee_rate: float = Field(0.001, ge=0, lt=1, description="share of the traded value, on each side")
    slippage_rate: float = Field(0.001, ge=0, lt=1, description="share of the traded value, on each side")
    trade_size_usd: float = Field(1000.0, gt=0, description="US dollars put into each trade")
