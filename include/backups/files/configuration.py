"""The configuration as a backup: an explicit list of files and Airflow objects.

Encrypted, it is complete: the secrets are what one needs most after a loss. Without a recipient, secrets are
left out: passwords become null, files that may hold some stay away whole, the rest goes through the
redaction, and the manifest says so.
"""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from include.backups.engine import Surroundings
from include.backups.tar import tar_files
from include.settings import Settings
from include.telemetry import redact

# What this checkout is configured by, relative to it. Code is in git, not here.
CONFIGURATION_FILES = (
    "airflow_settings.yaml",
    "docker-compose.yaml",
    "Dockerfile",
    "requirements.txt",
    "pyproject.toml",
    "include/alerts/rules.yaml",
)
# Connections that airflow_settings.yaml does not hold, and that an installation may have besides.
MORE_CONNECTIONS = ("airflow_db", "object_store", "postgres_replication", "postgres_admin", "smtp_alerts")
OPTIONAL_CONNECTIONS = ("graph_db", "graph_scratch")  # a platform without a graph database lacks nothing
# They say what people write into them, passwords too, and YAML and shell have more ways to write one than a
# redaction by lines can see (blocks, anchors, tags, words with spaces): without encryption they are left out
# whole. What they set up is in airflow/connections.json and airflow/variables.json besides.
MAY_HOLD_SECRETS = ("airflow_settings.yaml", "docker-compose.yaml", "Dockerfile")
# They are nothing but secret: likewise.
ONLY_SECRET = ("environment.json", "keys.json")


@dataclass(frozen=True)
class Configuration:
    """What to keep.

    Attributes:
        folder: the checkout that CONFIGURATION_FILES lie in.
        connections: Airflow's connections by id, with the fields of the Astro CLI's names.
        variables: Airflow's Variables by key.
        environment: environment variables that configure Airflow and us.
        keys: secrets without which other backups cannot be used, such as Airflow's Fernet key.
        absent: what was looked for and is not there, in words.
    """

    folder: Path
    connections: Mapping[str, Mapping[str, Any]] = field(repr=False)
    variables: Mapping[str, Any] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)
    keys: Mapping[str, str] = field(repr=False)
    absent: tuple[str, ...] = ()


def find_configuration(settings: Settings, surroundings: Surroundings) -> Configuration:
    """Look up what this installation is configured by."""
    markets = [f"market_{name}" for name in settings.candle_sources]
    wanted = dict.fromkeys(
        (*surroundings.declared_connections(), *markets, *MORE_CONNECTIONS, *OPTIONAL_CONNECTIONS)
    )
    found = {name: surroundings.connection(name) for name in wanted}
    return Configuration(
        folder=surroundings.checkout,
        connections={name: fields for name, fields in found.items() if fields is not None},
        variables=surroundings.variables(),
        environment=surroundings.environment(),
        keys=surroundings.keys(),
        absent=tuple(
            f"the connection {name}, which does not exist"
            for name, fields in found.items()
            if fields is None and name not in OPTIONAL_CONNECTIONS
        ),
    )


class ConfigurationFiles:
    """The configuration as a tar; `left_out` names what is not in it."""

    def __init__(self, configuration: Configuration, *, encrypted: bool) -> None:
        self._configuration = configuration
        self._encrypted = encrypted
        self.left_out = [f"configuration: {what}" for what in configuration.absent]
        if not encrypted:
            self.left_out += [
                "configuration: passwords and whatever looks like a secret, since no backup_recipient is set",
                *(f"configuration: {name}, which is secret throughout" for name in ONLY_SECRET),
            ]

    def tar(self) -> Iterator[bytes]:
        """The tar, in chunks."""
        yield from tar_files(self._files())

    def _files(self) -> Iterator[tuple[str, IO[bytes]]]:
        given = self._configuration
        for name in CONFIGURATION_FILES:
            path = given.folder / name
            if not path.is_file():
                self.left_out.append(f"configuration: {name}, which does not exist")
            elif not self._encrypted and name in MAY_HOLD_SECRETS:
                self.left_out.append(f"configuration: {name}, which may hold secrets")
            else:
                text = path.read_text(encoding="utf-8", errors="replace")
                yield name, _file(text if self._encrypted else redact(text))
        yield (
            "airflow/connections.json",
            self._json({name: self._connection(fields) for name, fields in given.connections.items()}),
        )
        yield "airflow/variables.json", self._json(given.variables)
        if self._encrypted:
            yield "environment.json", self._json(given.environment)
            yield "keys.json", self._json(given.keys)

    def _connection(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        if self._encrypted:
            return dict(fields)
        # Any value of `extra` may be a secret under a name that nobody knows: only its names are kept.
        extra = dict.fromkeys(fields.get("conn_extra") or {})
        return {**redact(fields), "conn_password": None, "conn_extra": extra}

    def _json(self, content: object) -> IO[bytes]:
        cleaned = content if self._encrypted else redact(content)
        return _file(json.dumps(cleaned, indent=2, sort_keys=True, default=str))


def _file(text: str) -> IO[bytes]:
    return io.BytesIO(text.encode())
