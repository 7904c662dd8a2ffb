"""Reads and checks `airflow_settings.yaml`: connections, pools and variables, in the Astro CLI's format."""

import logging
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from include.settings.reader import SETTINGS_VARIABLE, SettingsError
from include.settings_check import read_checked_settings
from include.validation_messages import complaints
from include.yaml_lines import line_of

logger = logging.getLogger(__name__)

Name = Annotated[str, Field(min_length=1)]


class SettingsFileError(ValueError):
    """The settings file cannot be used; the message gives file, line and reason."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ConnectionEntry(_Entry):
    """One connection, in the Astro CLI's names."""

    conn_id: Name
    conn_type: Name
    conn_host: str | None = None
    conn_schema: str | None = None
    conn_login: str | None = None
    conn_password: str | None = None
    conn_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    conn_extra: dict[str, Any] | None = None


class PoolEntry(_Entry):
    """One pool."""

    pool_name: Name
    pool_slot: Annotated[int, Field(ge=1)]
    pool_description: str = ""


class VariableEntry(_Entry):
    """One variable; a JSON value is a string that holds JSON."""

    variable_name: Name
    variable_value: str


class Objects(_Entry):
    """What the file may hold."""

    connections: list[ConnectionEntry] = []
    pools: list[PoolEntry] = []
    variables: list[VariableEntry] = []


class _Document(_Entry):
    airflow: Objects


def read_settings_file(path: Path) -> Objects:
    """Read and check the file.

    Raises:
        SettingsFileError: it is not there, no YAML, or not of the expected form.
    """
    try:
        root = yaml.compose(path.read_text(), Loader=yaml.SafeLoader)
        content = yaml.safe_load(path.read_text())
        _refuse_repeated_names(path, root)
    except OSError as error:
        raise SettingsFileError(f"{path}: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsFileError(f"{path}, line {line}: {error.problem}") from error
    try:
        objects = _Document.model_validate(content).airflow
    except ValidationError as error:
        logger.info("%s: %s", path, error)
        first = error.errors()[0]
        line = line_of(root, first["loc"])
        (complaint,) = complaints(_Document, [first])
        raise SettingsFileError(f"{path}, line {line}: {complaint.sentence}") from error
    for kind, key, entries in (
        ("connections", "conn_id", objects.connections),
        ("pools", "pool_name", objects.pools),
        ("variables", "variable_name", objects.variables),
    ):
        seen: set[str] = set()
        for number, entry in enumerate(entries):
            name = getattr(entry, key)
            if name in seen:
                line = line_of(root, ("airflow", kind, number, key))
                raise SettingsFileError(f"{path}, line {line}: {key} {name} is there twice")
            seen.add(name)
    _check_settings(path, root, objects)
    return objects


def _refuse_repeated_names(path: Path, node: yaml.Node | None) -> None:
    """Refuse a name that stands twice in one object: YAML's reader keeps the last and says nothing."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                line = key.start_mark.line + 1
                raise SettingsFileError(f"{path}, line {line}: {key.value} is there twice")
            seen.add(key.value)
            _refuse_repeated_names(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeated_names(path, value)


def _check_settings(path: Path, root: yaml.Node | None, objects: Objects) -> None:
    for number, entry in enumerate(objects.variables):
        if entry.variable_name == SETTINGS_VARIABLE:
            try:
                read_checked_settings(entry.variable_value)
            except SettingsError as error:
                line = line_of(root, ("airflow", "variables", number, "variable_value"))
                raise SettingsFileError(f"{path}, line {line}: {error}") from error
