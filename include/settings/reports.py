"""Settings of reports: where they are stored, and who gets which."""

from typing import Literal

from pydantic import Field

from include.settings.section import Location, SettingsSection


class ReportSettings(SettingsSection):
    """Reports."""

    report_location: Location | None = Field(
        None, description="folder or s3://bucket/prefix of the reports' files"
    )
    report_channels: dict[Literal["daily", "weekly", "monthly"], tuple[Literal["mail", "slack"], ...]] = (
        Field({}, description="by which channels each kind of report is sent; none: it is only stored")
    )
