"""Settings of trading at the exchange."""

from datetime import timedelta

from pydantic import Field

from include.settings.section import SettingsSection


class TradingSettings(SettingsSection):
    """Trading."""

    trading_enabled: bool = Field(
        False, description="whether orders are submitted at all; the switch of trading must allow it as well"
    )
    trading_demo: bool = Field(True, description="submit to the exchange's demo trading, with play money")
    order_value_usd: float = Field(
        100.0, gt=0, description="US dollars that the orders of one signal buy or sell together"
    )
    order_leverage_max: int = Field(
        5, ge=1, le=125, description="leverage at most; a signal that names none gets 1"
    )
    order_price_deviation: float = Field(
        0.05, gt=0, lt=1, description="share of the market's price that an entry may lie away from it"
    )
    order_signal_age: timedelta = Field(
        timedelta(minutes=15),
        ge=timedelta(minutes=1),
        description="older signals, and planned orders, are not submitted any more",
    )
    order_submission_lapse: timedelta = Field(
        timedelta(minutes=2),
        ge=timedelta(minutes=1),
        description="after it, an order that is still being submitted counts as unknown",
    )
