"""What a web application in Airflow's api-server asks Airflow for: who is logged in, secrets, heartbeats."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from include.airflow.connections import (
    DATABASE_CONNECTION,
    SettingsMissingError,
    open_database,
    settings_text,
)
from include.database import DatabaseError
from include.settings.reader import SettingsError

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from starlette.requests import Request

    from include.probes.probe import Status

logger = logging.getLogger(__name__)

SCRAPE_CONNECTION = "api_scrape"
REGULAR_DAGS = {"sweep": "settle_trades", "rollup": "roll_up_stats"}
PARTS = ("scheduler", "dag_processor", "triggerer")  # as Airflow names them in its own health


@contextmanager
def open_known_database(*, measured: bool = False) -> "Iterator[Engine]":
    """Open the platform's database for one request.

    Raises DatabaseError also when nobody knows where it is: Airflow's own database, on the same server maybe,
    holds its connection.
    """
    with database_known(), open_database("web", measured=measured) as engine:
        yield engine


@contextmanager
def database_known() -> "Iterator[None]":
    """Raise DatabaseError where Airflow does not know the platform's database."""
    try:
        yield
    except AirflowNotFoundException as error:
        raise DatabaseError(
            f"Airflow does not know the connection {DATABASE_CONNECTION}: there is none, or Airflow's own "
            "database does not answer",
            away=True,
        ) from error


def read_settings_text() -> str:
    """Read the Variable of the settings. Raises SettingsError when it is missing or could not be fetched."""
    try:
        return settings_text()
    except SettingsMissingError as error:
        raise SettingsError(str(error)) from error


def look_at_parts() -> dict[str, "Status | None"]:
    """Ask Airflow how its parts are, by their last heartbeats; None: a part that never ran is not in use.

    An `airflow_database` that does not answer is down, and then nobody knows of the others.
    """
    from airflow.api.common.airflow_health import get_airflow_health

    found = get_airflow_health()
    known: dict[str | None, Status] = {"healthy": "healthy", "unhealthy": "down"}
    if found["metadatabase"]["status"] != "healthy":
        return {"airflow_database": "down"}
    return {name: known.get(found[name]["status"]) for name in PARTS}


def find_last_runs() -> dict[str, datetime | None]:
    """When the last sweep and rollup ended well, which only Airflow knows; None: never, or unknown."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from sqlalchemy import func, select
    from sqlalchemy.exc import SQLAlchemyError

    ended = (
        select(DagRun.dag_id, func.max(DagRun.end_date))
        .where(DagRun.dag_id.in_(REGULAR_DAGS.values()), DagRun.state == DagRunState.SUCCESS)
        .group_by(DagRun.dag_id)
    )
    try:
        with create_session() as session:
            found = dict(session.execute(ended).tuples().all())
    except SQLAlchemyError as error:
        logger.warning("Airflow's database does not say when its DAGs last ended well: %s", error)
        found = {}
    return {name: found.get(dag_id) for name, dag_id in REGULAR_DAGS.items()}


async def find_person(request: "Request") -> Any | None:
    """Find who is logged in, by Airflow's cookie or token; None when it is nobody whom Airflow knows.

    Raises DatabaseError when Airflow's own database does not answer, so that nobody can tell.
    """
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi import HTTPException
    from fastapi.security import HTTPBearer
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return await get_user(request, None, await HTTPBearer(auto_error=False)(request))
    except HTTPException as error:
        if error.status_code not in (401, 403):
            raise
        return None
    except SQLAlchemyError as error:
        raise DatabaseError("Airflow's database does not answer: no login can be checked") from error


class ProgramSecret:
    """The secret that programs present, the password of a connection.

    While Airflow's database is away the secret that was read last holds: a monitor must see what is wrong
    just then.
    """

    def __init__(self, connection_id: str, answers: Callable[[], bool] | None = None) -> None:
        """`answers` says whether Airflow's database does; None: it is asked."""
        self._connection_id = connection_id
        self._answers = answers or _airflow_database_answers
        self._last: str | None = None

    def __call__(self) -> str | None:
        """Read it; None when there is no such connection, or it has no password."""
        try:
            self._last = Connection.get(self._connection_id).password or None
        except AirflowNotFoundException:
            if self._answers():  # else nobody knows whether the connection is there
                self._last = None
        return self._last


def _airflow_database_answers() -> bool:
    from airflow.utils.session import create_session
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with create_session() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True
