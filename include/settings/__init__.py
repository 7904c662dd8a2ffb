"""One settings object: what an operator may turn, with its unit and its default. A file a section.

Values come from the environment (`TRADEOPS_DATA_QUALITY_MIN=90`) or, inside Airflow, from the Variable
`tradeops_settings`, a JSON object with the same names in lower case (see `include.settings.reader`).
Secrets and addresses of services are no settings: they are Airflow connections.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydantic import ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from include.settings.access import AccessSettings, check_solana_key
from include.settings.alerts import AlertSettings
from include.settings.api import ApiSettings
from include.settings.backups import BACKUP_SCHEDULES, BackupSettings
from include.settings.candles import SANDBOX, CandleSettings, CoinNames
from include.settings.exports import ExportSettings
from include.settings.model import AnalysisSettings, ModelPrice, ModelSettings
from include.settings.operating import OperatingSettings
from include.settings.outside_signals import OutsideSignalSettings
from include.settings.portfolio import PortfolioSettings
from include.settings.probes import ProbeSettings
from include.settings.reports import ReportSettings
from include.settings.retention import RetentionSettings
from include.settings.section import SettingsSection
from include.settings.signals import SignalRequest, SignalSettings, Timeframe
from include.settings.starters import Effect, StarterSettings
from include.settings.sweep import SettlingSettings, SweepSettings
from include.settings.trading import TradingSettings
from include.settings.trading_guard import TradingGuardSettings

__all__ = [
    "BACKUP_SCHEDULES",
    "ENVIRONMENT_ONLY",
    "SANDBOX",
    "SECTIONS",
    "CoinNames",
    "Effect",
    "Endpoint",
    "ModelPrice",
    "Settings",
    "SignalRequest",
    "Timeframe",
    "check_solana_key",
]

# Read with a DAG's file, where Variables are not.
ENVIRONMENT_ONLY = frozenset({"signal_schedule", "access_schedule", "backup_schedules", "dag_starters"})


@dataclass(frozen=True)
class Endpoint:
    """Where a service answers, and the secret that opens it (an API key, a webhook's token).

    `ca_file` has the certificates that vouch for it, instead of the usual ones. `check_certificate` may be
    false for an address on one's own machine.
    """

    base_url: str
    secret: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    check_certificate: bool = True


class Settings(
    SweepSettings,
    SettlingSettings,
    CandleSettings,
    ModelSettings,
    AnalysisSettings,
    SignalSettings,
    TradingSettings,
    OutsideSignalSettings,
    TradingGuardSettings,
    AccessSettings,
    PortfolioSettings,
    ExportSettings,
    AlertSettings,
    ProbeSettings,
    ReportSettings,
    RetentionSettings,
    BackupSettings,
    StarterSettings,
    ApiSettings,
    OperatingSettings,
    BaseSettings,
):
    """Every setting of the product. Unknown names are refused, so that a typing error is not silence."""

    model_config = SettingsConfigDict(
        env_prefix="TRADEOPS_", extra="forbid", frozen=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _nothing_stands_for_something_else(cls, value: Any, info: ValidationInfo) -> Any:
        # An empty text would be the current folder to a path, and "in clear" to a key.
        field = cls.model_fields[str(info.field_name)]
        if value == "" and field.default != "":
            raise ValueError("an empty text; leave the setting out, or write its value")
        if isinstance(value, bool) and field.annotation is not bool:
            raise ValueError("this setting is not true or false")  # to pydantic they would be 1 and 0
        return value

    @field_validator("*")
    @classmethod
    def _no_time_is_negative(cls, value: Any) -> Any:
        if isinstance(value, timedelta) and value < timedelta(0):
            raise ValueError("a duration cannot be negative")
        return value


# In the order of docs/operating.md.
SECTIONS: tuple[type[SettingsSection], ...] = tuple(
    section for section in Settings.__bases__ if issubclass(section, SettingsSection)
)
