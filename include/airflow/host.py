"""What the web applications are handed in Airflow's api-server: its login, its connections, its runs."""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from include.airflow.connections import SettingsMissingError, database_url, load_settings
from include.airflow.people import find_airflow_person
from include.airflow.runs import AirflowRuns
from include.airflow.server import ProgramSecret, database_known
from include.settings import Settings
from include.settings.reader import SettingsError
from include.web import WebHost

if TYPE_CHECKING:
    from sqlalchemy import Engine

Value = TypeVar("Value")

KEPT = 10.0  # seconds for which settings and the database's address are not read again
SECRET_KEPT = 1.0  # and the secret of /api/cron: whoever guesses makes nobody ask Airflow's database
POOL_SIZE = 10  # connections of one worker of the api-server


@functools.cache
def web_host() -> WebHost:
    """What the applications of this process share."""
    return WebHost(
        engine=_OpenEngine(),
        settings=_kept(load_settings, KEPT),
        person=find_airflow_person,
        cron_secret=_kept(ProgramSecret("api_cron"), SECRET_KEPT),
        runs=AirflowRuns(),
    )


@contextmanager
def open_kept_database() -> "Iterator[Engine]":
    """The platform's database as this process keeps it open: for what is asked at every request.

    Raises DatabaseError also when Airflow does not know where it is.
    """
    with database_known():
        yield web_host().engine()


def read_kept_settings() -> Settings:
    """Give the settings in force, at most ten seconds old. Raises SettingsError when they cannot be read."""
    try:
        return web_host().settings()
    except SettingsMissingError as error:
        raise SettingsError(str(error)) from error


def _kept(read: Callable[[], Value], seconds: float) -> Callable[[], Value]:
    """Let a value be read again after so many seconds only. What cannot be read is raised, and read again."""
    kept: list[tuple[float, Value]] = []

    def value() -> Value:
        if not kept or time.monotonic() - kept[0][0] > seconds:
            kept[:] = [(time.monotonic(), read())]
        return kept[0][1]

    return value


class _OpenEngine:
    """The engine of this process: opened at first use, and anew when the connection leads elsewhere."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._opened = ExitStack()
        self._engine: Engine | None = None
        self._url = ""
        self._looked_at = 0.0

    def __call__(self) -> Any:
        if self._engine is None or time.monotonic() - self._looked_at > KEPT:
            with self._lock:
                self._look()
        return self._engine

    def _look(self) -> None:
        from include.database import connect
        from include.telemetry import writing_to

        if self._engine is not None and time.monotonic() - self._looked_at <= KEPT:
            return  # another thread has just looked
        url = database_url()
        if url != self._url:
            self._opened.close()
            engine = connect(url, application="tradeops:api", platform=True, pool_size=POOL_SIZE)
            self._opened.callback(engine.dispose)
            self._opened.enter_context(writing_to(engine))
            self._engine, self._url = engine, url
        self._looked_at = time.monotonic()
