"""Settings of the rules by which trading freezes by itself."""

from datetime import timedelta

from pydantic import Field

from include.settings.section import SettingsSection


class TradingGuardSettings(SettingsSection):
    """When trading freezes by itself."""

    freeze_on_drawdown: float | None = Field(
        None, gt=0, le=100, description="percent of the highest balance since trading was let on; none: never"
    )
    freeze_on_day_loss: float | None = Field(
        None, gt=0, description="US dollars that the balance lost today (UTC); none: never"
    )
    freeze_on_discrepancy: float | None = Field(
        None, gt=0, description="US dollars by which balance and fills disagree; none: never"
    )
    freeze_on_exchange_down: timedelta | None = Field(
        None, description="for so long no comparison with the exchange went well; none: never"
    )
