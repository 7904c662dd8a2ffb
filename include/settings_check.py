"""Settings, checked for names that registries above them hold: candle and price sources, channels, coins.

`include.settings` is the ground and knows only the shape of such a name. Whoever takes settings from a person
reads them here, so that an unknown name is refused at once; where it is used it is refused as well.
"""

from collections.abc import Callable

from include.alerts.channels import check_channel_names
from include.candles.sources import check_source_names
from include.settings import Settings
from include.settings.reader import (
    SETTING_PREFIX,
    SETTINGS_VARIABLE,
    SettingsError,
    environment_settings,
    read_object,
    read_settings,
)
from include.signals.sources import find_price_source
from include.symbols import add_coins


def read_checked_settings(text: str, where: str = f"Variable {SETTINGS_VARIABLE}") -> Settings:
    """Read the settings, as `include.settings.reader.read_settings` does, and check the names in them.

    The coins of the settings are in the table of symbols from then on. Raises SettingsError.
    """
    settings = read_settings(text, where)
    _check_names(settings, {name.lower() for name in read_object(text, where)}, where)
    return settings


def checked_environment_settings() -> Settings:
    """Read the settings of the environment alone, and check the names in them. Raises SettingsError."""
    settings = environment_settings()
    _check_names(settings, set(), "the environment")
    return settings


def _check_names(settings: Settings, chosen: set[str], where: str) -> None:
    for setting, check in CHECKS.items():
        try:
            check(settings)
        except ValueError as error:
            place = f"{where}: {setting}" if setting in chosen else f"{SETTING_PREFIX}{setting.upper()}"
            raise SettingsError(f"{place}: {str(error).removeprefix(f'{setting}: ')}") from None


def _check_price_sources(settings: Settings) -> None:
    for name in settings.price_sources:
        find_price_source(name)


CHECKS: dict[str, Callable[[Settings], None]] = {
    "candle_sources": lambda settings: check_source_names(settings.candle_sources),
    "price_sources": _check_price_sources,
    "alert_channels": lambda settings: check_channel_names(settings.alert_channels),
    "coins": lambda settings: add_coins(settings.coins),
}
