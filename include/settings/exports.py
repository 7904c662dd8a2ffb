"""Settings of replays and exports."""

from pydantic import Field

from include.settings.section import Location, SettingsSection


class ExportSettings(SettingsSection):
    """Replays and exports."""

    replay_workers: int = Field(2, gt=0, le=16, description="tasks that a replay settles with at once")
    export_locations: tuple[Location, ...] = Field(
        (), description="folders or s3://bucket/prefix below which exports may go; the first is the default"
    )
    export_file_rows: int = Field(1_000_000, gt=0, description="trades in one file of an export at most")
