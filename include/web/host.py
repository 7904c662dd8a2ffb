"""What the web applications ask of the outside: they import no Airflow, and are handed a `WebHost`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Engine
from starlette.requests import Request

from include.probes.ages import DagSchedule
from include.settings import Settings
from include.storage import Storage
from include.web.dag_forms import DagForm

MEASURE_DAG = "settle_trades"  # what Airflow lets a person do with its runs says what the person may do here


class Person(Protocol):
    """Somebody who is logged in to Airflow."""

    @property
    def name(self) -> str:
        """The login's name."""

    def may_read(self) -> bool:
        """Whether Airflow lets the person look at the runs of the platform's DAGs."""

    def may_start(self, dag_id: str) -> bool:
        """Whether Airflow lets the person start runs of this DAG."""

    def may_configure(self) -> bool:
        """Whether Airflow lets the person edit connections, which is where secrets are."""


@dataclass(frozen=True)
class RunState:
    """How a run of a DAG stands, as Airflow has it; times in UTC."""

    state: str  # queued, running, success, failed
    began: datetime | None
    ended: datetime | None


class RunNotStartedError(RuntimeError):
    """Airflow did not start a run; the message says why. `certain`: it has not, else nobody knows."""

    def __init__(self, words: str, *, certain: bool) -> None:
        super().__init__(words)
        self.certain = certain


class Runs(Protocol):
    """Starting and watching runs of DAGs."""

    def start(self, dag_id: str, run_id: str, conf: Mapping[str, Any], started_by: str) -> None:
        """Start a run under this id; does nothing if there is one of this id already.

        Raises RunNotStartedError.
        """

    def read(self, dag_id: str, run_id: str) -> RunState | None:
        """Read how a run stands; None when there is none of this id."""

    def returned(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task of a run returned; None when it has not, or nothing."""

    def find_running(self, dag_id: str) -> str | None:
        """The id of a run of this DAG that is queued or running; None when there is none."""


@dataclass(frozen=True)
class WebHost:
    """What the applications are handed.

    Attributes:
        engine: the platform's database, kept open; may be called at each request.
        settings: the settings in force, at most ten seconds old.
        person: who is logged in to Airflow, by token or cookie; None: nobody.
        cron_secret: the secret of `/api/cron`; None: none is configured.
        runs: runs of DAGs.
        at_hand: whether engine and settings are given at once just now, so that no thread is needed: nobody
            is asked for them.
    """

    engine: Callable[[], Engine]
    settings: Callable[[], Settings]
    person: Callable[[Request], Awaitable[Person | None]]
    cron_secret: Callable[[], str | None]
    runs: Runs
    at_hand: Callable[[], bool] = lambda: True


@dataclass(frozen=True)
class DeskHost:
    """What the pages are handed besides the platform's database and the login.

    Attributes:
        settings: the settings in force; raises SettingsError when they cannot be read.
        schedules: when each DAG is due, by its id; raises DatabaseError when Airflow's does not
            answer.
        storage: opens a location of files; None: the connection that it needs is not there. Raises
            StorageError.
        dag_form: reads the form of a DAG; None: there is no such DAG.
        runs: runs of DAGs.
    """

    settings: Callable[[], Settings]
    schedules: Callable[[], Mapping[str, DagSchedule]]
    storage: Callable[[str], Storage | None]
    dag_form: Callable[[str], DagForm | None]
    runs: Runs
