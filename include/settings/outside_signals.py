"""Settings of the signals that come from outside, as messages."""

from datetime import timedelta
from uuid import UUID

from pydantic import Field

from include.settings.section import SettingsSection
from include.settings.signals import Timeframe


class OutsideSignalSettings(SettingsSection):
    """Signals from outside."""

    telegram_chats: tuple[str, ...] = Field(
        (), description="ids of the chats whose messages may become trades; others are stored and refused"
    )
    outside_signal_user: UUID | None = Field(
        None, description="whose trades they become, by id; none: every message is refused"
    )
    outside_signal_timeframe: Timeframe = Field("1h", description="which candles such a trade is shown on")
    outside_signal_lifetime: timedelta = Field(
        timedelta(hours=24), gt=timedelta(0), description="from its acceptance to its expiry"
    )
    outside_signal_age: timedelta = Field(
        timedelta(minutes=15), gt=timedelta(0), description="a message older than this is not acted upon"
    )
    outside_leverage_max: float = Field(
        20, ge=1, le=125, description="a message that asks for more is refused"
    )
