"""Reading the settings of people: what cannot be read stops the work, in words, and never becomes a default.

Settings come from the environment (`TRADEOPS_BATCH_SIZE=5`) and, over that, from a JSON object, which Airflow
keeps in the Variable `tradeops_settings`. A message names where the value stands, the setting, the value and
what would be right. pydantic's own text goes to the log.
"""

import json
import logging
import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError as UnreadableEnvironment

from include.settings import ENVIRONMENT_ONLY, Settings
from include.validation_messages import complaints, shown

logger = logging.getLogger(__name__)

SETTINGS_VARIABLE = "tradeops_settings"
SETTING_PREFIX = "TRADEOPS_"
# Names of the environment that begin like settings and are none: they say where things are.
OTHER_NAMES = frozenset(
    SETTING_PREFIX + name
    for name in (
        "STACK", "DAGS", "AIRFLOW", "SPOOL", "LOG_FILE", "LOG_SHARE", "DATABASE_URL", "DB_PASSWORD",
        "PROCESS_OF", "PORT_AIRFLOW", "PORT_POSTGRES", "PORT_SANDBOX",
    )
)  # fmt: skip
OTHER_FAMILIES = (SETTING_PREFIX + "SERVICE_",)

# What JSON's reader says, and what a person has done.
JSON_ERRORS = {
    "Expecting property name": (
        "here a name in double quotes should begin; a comma before a closing brace is one too many"
    ),
    "Illegal trailing comma": "a comma before a closing brace or bracket is one too many",
    "Expecting value": (
        "here a value should stand: a number, null, a list, an object, or a text in double quotes"
    ),
    "Expecting ',' delimiter": "here a comma or a closing brace or bracket is missing",
    "Expecting ':' delimiter": "here the colon between a name and its value is missing",
    "Extra data": "the object ends before this; take away what follows it",
    "Unterminated string": "the text that begins here has no closing quote",
    "Invalid control character": "a text holds a line break or a tab here; write \\n or \\t",
    "Invalid \\escape": "a backslash begins something unknown here; write \\\\ for a backslash",
}


class SettingsError(ValueError):
    """Settings cannot be read; the message says where, which, what it is and what would be right."""


def read_settings(text: str, where: str = f"Variable {SETTINGS_VARIABLE}") -> Settings:
    """Read the settings: the environment, and over it the JSON object that stands in `where`.

    Raises:
        SettingsError: any of the two cannot be read; nothing of it is in force then.
    """
    environment_settings()
    return _make(read_object(text, where), where)


def environment_settings() -> Settings:
    """Read the settings of the environment alone, over the defaults.

    Raises:
        SettingsError: a value cannot be read, or a name that begins with TRADEOPS_ is unknown.
    """
    settings = _make({}, "the environment")
    _check_names(os.environ)
    return settings


def read_object(text: str, where: str) -> dict[str, Any]:
    """Read a JSON object in which no name stands twice.

    Raises:
        SettingsError: it is empty, no JSON, or no object.
    """
    example = 'a JSON object like {"data_quality_min": 90}'
    if not text.strip():
        raise SettingsError(f"{where} is empty: write {{}} for no settings of your own, or {example}")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise SettingsError(f"{where}: {twice[0]} stands in it twice; leave one of them")
        return dict(pairs)

    def no_number(name: str) -> Any:
        raise SettingsError(f"{where}: {name} is no number of JSON; write a number, or null")

    try:
        found = json.loads(text, object_pairs_hook=once, parse_constant=no_number)
    except json.JSONDecodeError as error:
        why = next((words for said, words in JSON_ERRORS.items() if error.msg.startswith(said)), error.msg)
        raise SettingsError(
            f"{where} is no JSON: line {error.lineno}, column {error.colno}: {why}. It must be {example}"
        ) from error
    except RecursionError as error:
        raise SettingsError(f"{where} is nested too deep; it must be {example}") from error
    if not isinstance(found, dict):
        raise SettingsError(f"{where} is {shown(found)}; it must be {example}")
    return found


def suggestion(name: str, known: Iterable[str]) -> str:
    """Offer the known name that is closest, as `; did you mean …?`; nothing when none is close."""
    close = get_close_matches(name.lower(), [one.lower() for one in known], n=1, cutoff=0.7)
    by_lower = {one.lower(): one for one in known}
    return f"; did you mean {by_lower[close[0]]}?" if close else ""


def _make(chosen: dict[str, Any], where: str) -> Settings:
    for name in ENVIRONMENT_ONLY & {one.lower() for one in chosen}:
        raise SettingsError(
            f"{where}: {name} is read with the DAG's file, without Variables; set "
            f"{SETTING_PREFIX}{name.upper()} in the environment of Airflow's processes, and take it out here"
        )
    try:
        return Settings(**chosen)
    except UnreadableEnvironment as error:  # a list or an object of the environment that is no JSON
        logger.info("settings cannot be read: %s", error)
        name = next((one for one in Settings.model_fields if f'"{one}"' in str(error)), "a setting")
        variable = SETTING_PREFIX + name.upper()
        value = next((text for key, text in os.environ.items() if key.upper() == variable), "")
        right = complaints(Settings, [{"loc": (name,), "type": "unreadable", "input": value}])
        raise SettingsError(f"{variable}{right[0].words}, written as JSON") from error
    except ValidationError as error:
        logger.info("settings cannot be read: %s", error)
        said = []
        for complaint in complaints(Settings, error.errors()):
            name, _, rest = complaint.name.partition(".")
            if complaint.unknown and not rest:
                hint = suggestion(name, Settings.model_fields) or "; docs/operating.md lists them all"
                said.append(f"{where}: there is no setting {name}{hint}")
            elif name in {one.lower() for one in chosen}:  # as the environment, without regard to case
                said.append(f"{where}: {complaint.name}{complaint.words}")
            else:
                said.append(f"{SETTING_PREFIX}{name.upper()}{'.' + rest if rest else ''}{complaint.words}")
        raise SettingsError("; ".join(said)) from error


def _check_names(environment: Mapping[str, str]) -> None:
    settings = {SETTING_PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(environment):
        if not name.startswith(SETTING_PREFIX) or name.startswith(OTHER_FAMILIES):
            continue
        if name not in settings | OTHER_NAMES:
            hint = suggestion(name, settings | OTHER_NAMES) or "; docs/operating.md lists them all"
            raise SettingsError(f"the environment holds {name}, which is no setting{hint}")
