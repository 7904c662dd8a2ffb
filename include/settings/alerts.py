"""Settings of alerts: rules, channels, and when messages go out."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from include.settings.section import AbsolutePath, SettingsSection


class AlertSettings(SettingsSection):
    """Alerts."""

    alert_rules_path: AbsolutePath | None = Field(
        None, description="file of alert rules; none: include/alerts/rules.yaml"
    )
    # include.alerts.channels knows the names; include.settings_check asks it.
    alert_channels: dict[str, tuple[Literal["critical", "warning", "info"], ...]] = Field(
        {"slack:#incidents": ("critical",), "slack:#monitoring": ("warning", "info")},
        description="channels in force, and what each is notified of by itself; []: of escalations only",
    )
    alert_warning_wait: timedelta = Field(
        timedelta(minutes=10), le=timedelta(minutes=13), description="warnings are gathered for so long"
    )
    alert_digest_hour: int = Field(
        8, ge=0, le=23, description="hour (UTC) of the daily digest and of Monday's list of silences"
    )
