"""Settings of the HTTP API."""

from pydantic import Field

from include.settings.section import SettingsSection


class ApiSettings(SettingsSection):
    """HTTP API."""

    api_requests_per_minute: int = Field(
        1200, gt=0, le=1_000_000, description="requests of one key or person in a minute, over all workers"
    )
    api_export_rows: int = Field(
        1_000_000, gt=0, description="trades that an export streams at most; more are written by a run"
    )
    api_signals_per_day: int = Field(
        20, ge=0, le=1440, description="signals that the API starts for one user in 24 hours; one a minute"
    )
