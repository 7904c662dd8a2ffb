"""What the web applications are handed in Airflow's api-server: its login, its connections, its runs."""

import functools
import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

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
AT_HAND = 9.0  # seconds for which that is certain, for whoever asks now
SECRET_KEPT = 1.0  # and the secret of /api/cron: whoever guesses makes nobody ask Airflow's database
POOL_SIZE = 10  # connections of one worker of the api-server


@functools.cache
def web_host() -> WebHost:
    """What the applications of this process share."""
    engine, settings = _OpenEngine(), _Kept(load_settings, KEPT)
    return WebHost(
        engine=engine,
        settings=settings,
        person=find_airflow_person,
        cron_secret=_Kept(ProgramSecret("api_cron"), SECRET_KEPT),
        runs=AirflowRuns(),
        at_hand=lambda: max(engine.age(), settings.age()) < AT_HAND,
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


class _Kept(Generic[Value]):
    """A value that is read again after so many seconds only; what cannot be read is raised, and not kept."""

    def __init__(self, read: Callable[[], Value], seconds: float) -> None:
        self._read = read
        self._seconds = seconds
        self._kept: tuple[float, Value] | None = None

    def __call__(self) -> Value:
        kept = self._kept
        if kept is None or time.monotonic() - kept[0] > self._seconds:
            kept = self._kept = (time.monotonic(), self._read())
        return kept[1]

    def age(self) -> float:
        """Seconds since it was read."""
        return math.inf if self._kept is None else time.monotonic() - self._kept[0]


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

    def age(self) -> float:
        """Seconds since it was looked where the connection leads."""
        return math.inf if self._engine is None else time.monotonic() - self._looked_at

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
