"""The background processes of the stack: how each is started, with which settings.

Airflow is configured by environment variables alone, all of them here. The superuser's login is none of them:
it is an Airflow connection, which only a task that asks for it gets (`local.prepare`).
"""

import json
import os
import sys
from pathlib import Path

from local import preloaded
from local.ports import HOST, http_url
from local.postgres import Server
from local.processes import Component
from local.state import ADMIN, CHECKOUT, State

SANDBOX = "sandbox"
TRADEOPS = "tradeops"  # the log of the product's own events, in JSON, from all tasks
AIRFLOW = ("api-server", "dag-processor", "triggerer", "scheduler")
DAGS_VARIABLE = "TRADEOPS_DAGS"  # for tests: another folder of DAGs
OPTIONS_VARIABLE = "TRADEOPS_AIRFLOW"  # for tests: Airflow options, `{"CORE__PARALLELISM": "2"}`, over ours
HANDED_ON = ("TRADEOPS_", "AIRFLOW_CONN_", "AIRFLOW_VAR_")
PROGRAM_SECRETS = {"api_scrape": "scrape_secret", "api_cron": "cron_secret"}  # connection to the state's name
OURS = ("TRADEOPS_STACK", "TRADEOPS_PORT_", "TRADEOPS_PROCESS_OF")


def dags_folder() -> Path:
    """Where the stack's DAGs are."""
    return Path(os.environ.get(DAGS_VARIABLE) or CHECKOUT / "dags").resolve()


def describe_components(state: State, server: Server, ports: dict[str, int]) -> list[Component]:
    """Describe what should run, in the order in which it is started."""
    sandbox = Component(
        SANDBOX,
        [sys.executable, "-m", "sandbox", "--port", str(ports[SANDBOX])],
        {"PYTHONUNBUFFERED": "1"},
    )
    environment = airflow_environment(state, server, ports["airflow"])
    parts = []
    for name in AIRFLOW:
        module = "local.preloaded" if name in preloaded.MODULES else "airflow"
        command = [sys.executable, "-m", module, name]
        if name in ("scheduler", "triggerer"):
            command.append("--skip-serve-logs")  # the api-server reads the files; two fixed ports fewer
        more = program_secrets(state) if name == "api-server" else {}
        parts.append(Component(name, command, {**more, **environment}))
    return [sandbox, *parts]


def program_secrets(state: State) -> dict[str, str]:
    """What programs present to the api-server, as the connections that it reads; no task needs them."""
    secrets = state.secrets()
    return {
        f"AIRFLOW_CONN_{name.upper()}": json.dumps({"conn_type": "generic", "password": secrets[secret]})
        for name, secret in PROGRAM_SECRETS.items()
    }


def airflow_environment(state: State, server: Server, port: int) -> dict[str, str]:
    """Everything that Airflow's processes are told. Holds secrets: never log it."""
    secrets = state.secrets()
    url = http_url(port)
    metadata = server.url("airflow", "airflow")
    given = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(HANDED_ON) and not name.startswith(OURS)
    }
    settings = {
        "CORE__DAGS_FOLDER": str(dags_folder()),
        "CORE__PLUGINS_FOLDER": str(CHECKOUT / "plugins"),
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "4",  # each slot is a process of about 120 MB
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__DEFAULT_TIMEZONE": "utc",
        "CORE__FERNET_KEY": secrets["fernet_key"],
        "CORE__TEST_CONNECTION": "Enabled",  # the button in a connection's form
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(state.passwords_file),
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "DATABASE__SQL_ALCHEMY_CONN": metadata.replace("postgresql://", "postgresql+psycopg2://", 1),
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": metadata.replace("postgresql://", "postgresql+asyncpg://", 1),
        "API__HOST": HOST,
        "API__PORT": str(port),
        "API__BASE_URL": url,
        "API__WORKERS": "1",
        "API__SECRET_KEY": secrets["api_secret_key"],
        "API_AUTH__JWT_SECRET": secrets["jwt_secret"],
        # A person waits at the terminal: look for work often, notice a changed file soon. Each look costs the
        # scheduler and the database about 40 ms of a core, and a task's successor waits for the next one.
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.75",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        # A file that was changed is read at once. To read all of them takes 8 s of CPU; what could not be
        # imported for a while, as when the machine was too slow, is tried again no sooner.
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "900",
        "DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "2",
        "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "5",
        "LOGGING__COLORED_CONSOLE_LOG": "False",
        "LOGGING__UVICORN_LOGGING_LEVEL": "WARNING",
        **json.loads(os.environ.get(OPTIONS_VARIABLE, "{}")),
    }
    return {
        "TRADEOPS_SPOOL": str(state.folder / "spool"),
        "TRADEOPS_LOG_FILE": str(state.log(TRADEOPS)),
        "TRADEOPS_ARCHIVE_LOCATION": str(state.folder / "archive"),
        "TRADEOPS_REPORT_LOCATION": str(state.folder / "reports"),
        "TRADEOPS_EXPORT_LOCATIONS": json.dumps([str(state.folder / "exports")]),
        "TRADEOPS_DATABASE_VOLUME": str(state.postgres),
        "TRADEOPS_BACKUP_LOCATION": str(state.folder / "backups"),
        "TRADEOPS_BACKUP_LOG_FOLDERS": json.dumps(
            [str(state.airflow_home / "logs"), str(state.folder / "logs")]
        ),
        **given,
        **{f"AIRFLOW__{name}": value for name, value in settings.items()},
        "AIRFLOW_HOME": str(state.airflow_home),
        "PYTHONPATH": str(CHECKOUT),
        "PYTHONUNBUFFERED": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "TZ": "UTC",
    }
