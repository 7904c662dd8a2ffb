"""The web applications as Airflow's api-server serves them, by the plugin's names."""

from typing import TYPE_CHECKING

from include import web
from include.airflow.connections import has_connection, open_storage_if_any
from include.airflow.dag_forms import read_dag_form
from include.airflow.ended_runs import find_ended_runs
from include.airflow.host import open_kept_database, read_kept_settings, web_host
from include.airflow.people import find_airflow_person
from include.airflow.runs import AirflowRuns
from include.airflow.schedules import find_schedules
from include.airflow.server import (
    SCRAPE_CONNECTION,
    ProgramSecret,
    find_last_runs,
    find_person,
    look_at_parts,
    open_known_database,
    read_settings_text,
)
from include.web.root import build_root

if TYPE_CHECKING:
    from fastapi import FastAPI


def pages() -> "FastAPI":
    """The pages at `/tradeops`, guarded as a whole: Airflow lets anybody into a plugin's application."""
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi import Depends

    host = web.DeskHost(
        settings=read_kept_settings,
        schedules=find_schedules,
        storage=open_storage_if_any,
        dag_form=read_dag_form,
        runs=AirflowRuns(),
    )
    return web.build_app(
        lambda: open_known_database(measured=True),
        [Depends(get_user)],
        find_airflow_person,
        host,
        open_kept=open_kept_database,
    )


def api() -> "FastAPI":
    """The API at `/api/atge`, which has a guard of its own."""
    return web.build_api(web_host())


def access() -> "FastAPI":
    """What is at `/api/access`, behind the guard of the API."""
    return web.build_api(web_host(), "/api/access")


def cron() -> "FastAPI":
    """What is at `/api/cron`; its guard asks for the cron secret."""
    return web.build_cron(web_host())


def debug() -> "FastAPI":
    """What is at `/debug`, behind the guard of the API."""
    return web.build_api(web_host(), "/debug")


def risk() -> "FastAPI":
    """What is at `/api/risk`, behind the guard of the API."""
    return web.build_api(web_host(), "/api/risk")


def root() -> "FastAPI":
    """The paths at the root. Each but `/health` asks for the scrape secret or a login."""
    return build_root(
        open_known_database,
        look_at_parts,
        find_last_runs,
        read_settings_text,
        has_connection,
        find_ended_runs,
        find_person,
        ProgramSecret(SCRAPE_CONNECTION),
    )
