"""What all sections of the settings share: a section, and the types that stand in several of them."""

import re
from pathlib import Path
from typing import Annotated

from croniter import croniter
from pydantic import AfterValidator, BaseModel, ConfigDict

LOCATION_PATTERN = re.compile(r"/|file://(localhost)?/|s3://[^/]")  # how it begins; include.storage reads it


class SettingsSection(BaseModel):
    """Some settings that belong together. The docstring of a section is its title in docs/operating.md."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _check_location(location: str) -> str:
    if location and not LOCATION_PATTERN.match(location):
        raise ValueError("write /abs/path, file:///abs/path or s3://bucket/prefix")
    return location


def _check_path(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("write the whole path, from / on: each process runs in a folder of its own")
    return path


def _check_cron(schedule: str) -> str:
    if not croniter.is_valid(schedule):
        raise ValueError("write a cron expression such as */15 * * * *")
    return schedule


# Neither a location nor a path depends on where a process runs.
Location = Annotated[str, AfterValidator(_check_location)]
AbsolutePath = Annotated[Path, AfterValidator(_check_path)]
Cron = Annotated[str, AfterValidator(_check_cron)]
