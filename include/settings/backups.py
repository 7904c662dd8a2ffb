"""Settings of backups and restores."""

import re
from datetime import timedelta
from typing import Literal

from croniter import croniter
from pydantic import Field, field_validator

from include.settings.section import AbsolutePath, Location, SettingsSection

RECIPIENT_PATTERN = re.compile(r"age1[0-9a-z]{58}\Z")
BACKUP_SCHEDULES = {
    "logs": "0 1 * * *",
    "database": "0 2 * * *",
    "configuration": "0 3 * * 0",
    "full": "0 4 * * 0",
}


class BackupSettings(SettingsSection):
    """Backups and restores."""

    backup_location: Location | None = Field(
        None, description="where backups go: a folder, or s3://bucket/prefix (connection `object_store`)"
    )
    backup_schedules: dict[str, str] = Field(
        BACKUP_SCHEDULES, description="cron in UTC for each kind; from the environment only"
    )
    backup_method: Literal["stream", "directory", "physical"] = Field(
        "stream", description="how databases are taken: docs/backups.md"
    )
    backup_recipient: str | None = Field(
        None, description="public age key (age1…) that backups are encrypted for; none: in clear"
    )
    backup_checksums: Literal["always", "full", "never"] = Field(
        "full", description="which backups sum up every table besides counting its rows: they cost time"
    )
    neo4j_admin: AbsolutePath | None = Field(
        None, description="the program that dumps and loads a stopped graph; none: it is exported over Bolt"
    )
    backup_size_limit_gb: float = Field(200.0, gt=0, description="GiB that one backup may take at most")
    backup_log_folders: tuple[AbsolutePath, ...] = Field(
        (), description="log folders to keep; none: Airflow's own"
    )
    backup_keep_last: int = Field(3, ge=1, description="newest backups of each kind that stay in any case")
    backup_keep_daily: int = Field(7, ge=0, description="days of which the newest backup stays")
    backup_keep_weekly: int = Field(5, ge=0, description="weeks of which the newest backup stays")
    backup_keep_monthly: int = Field(12, ge=0, description="months of which the newest backup stays")
    backup_max_age: timedelta = Field(
        timedelta(days=400), description="older ones go, but never the last verified good one"
    )
    restore_approvers: tuple[str, ...] = Field(
        (), description="ids of the users who may approve a restore; none: whoever may start one"
    )
    production_names: tuple[str, ...] = Field(
        ("prod", "live"), description="words in a host or database that ask for confirmation at a restore"
    )

    @field_validator("backup_recipient")
    @classmethod
    def _the_recipient_is_a_public_key(cls, recipient: str | None) -> str | None:
        if recipient is not None and not RECIPIENT_PATTERN.match(recipient):
            raise ValueError(
                "write the public key of a pair that age-keygen made: age1 and 58 more characters"
            )
        return recipient

    @field_validator("backup_schedules")
    @classmethod
    def _schedules_are_of_the_four_kinds(cls, schedules: dict[str, str]) -> dict[str, str]:
        unknown = set(schedules) - set(BACKUP_SCHEDULES)
        if unknown:
            raise ValueError(
                f"there is no backup of the kind {', '.join(sorted(unknown))}; there are "
                + ", ".join(BACKUP_SCHEDULES)
            )
        for kind, schedule in schedules.items():
            if not croniter.is_valid(schedule):
                raise ValueError(f"write a cron expression such as 0 2 * * * for {kind}")
        return BACKUP_SCHEDULES | schedules
