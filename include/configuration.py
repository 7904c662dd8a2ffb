"""What is configured: every setting with its source, and which connections are there.

It is shown to people and programs, so secrets are masked, also where somebody wrote one into a setting.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

from include.alerts.channels import CHANNELS, find_channel, own_connection
from include.candles.sources import find_entry
from include.services import SERVICES
from include.settings import SECTIONS, Settings
from include.settings.reader import SETTING_PREFIX, read_object
from include.settings_check import read_checked_settings
from include.telemetry import redact

Source = Literal["default", "environment", "Variable"]
# What no registry knows: databases, the store, keys, and the secrets that programs present.
MORE_CONNECTIONS = (
    "tradeops_db",
    "airflow_db",
    "postgres_admin",
    "postgres_replication",
    "object_store",
    "backup_identity",
    "report_mail",
    "report_slack",
    "api_scrape",
    "api_cron",
)


def describe_settings(text: str) -> list[dict[str, Any]]:
    """Describe every setting in force: name, section, value, source, default, and what it is.

    A value is as JSON has it, a duration as in ISO 8601; what looks like a secret is masked. `text` is the
    Variable as it is written. Raises SettingsError when the settings cannot be read.
    """
    settings = read_checked_settings(text)
    written = {name.lower() for name in read_object(text, "the Variable")}
    given = {name.upper() for name in os.environ}

    def source_of(name: str) -> Source:
        if name in written:
            return "Variable"
        return "environment" if f"{SETTING_PREFIX}{name.upper()}" in given else "default"

    values, defaults = _shown(settings), _shown(Settings.model_construct())
    return [
        {
            "name": name,
            "section": (section.__doc__ or "").rstrip("."),
            "value": values[name],
            "source": source_of(name),
            "default": defaults[name],
            "description": field.description,
        }
        for section in SECTIONS
        for name, field in section.model_fields.items()
    ]


def describe_connections(text: str, is_there: Callable[[str], bool]) -> list[dict[str, Any]]:
    """Name every connection that the product may ask for, and whether it is there. Raises SettingsError."""
    settings = read_checked_settings(text)
    names = {service.connection_id for service in SERVICES.values()}
    names |= {find_channel(channel).connection for channel in CHANNELS}
    names |= {own for channel in settings.alert_channels if (own := own_connection(channel))}
    names |= {found for source in settings.candle_sources if (found := find_entry(source).connection)}
    return [{"name": name, "present": is_there(name)} for name in sorted(names.union(MORE_CONNECTIONS))]


def _shown(settings: Settings) -> dict[str, Any]:
    shown = settings.model_dump(mode="json")
    for name in shown:
        value = getattr(settings, name)
        if isinstance(value, timedelta):  # pydantic writes years, of 365 days
            shown[name] = f"P{value.days}D" if value.seconds == 0 else f"PT{value.total_seconds():g}S"
    cleaned: dict[str, Any] = redact(shown)
    return cleaned
