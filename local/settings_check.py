"""What a person has set and nobody can read: said at `make up`, before a task stumbles over it."""

import os
from collections.abc import Mapping

from include.settings.reader import SETTINGS_VARIABLE, SettingsError
from include.settings_check import checked_environment_settings, read_checked_settings
from local.airflow_api import AirflowApi, ApiError
from local.health import import_errors
from local.in_force import read_connection, settings_text
from local.postgres import Server
from local.state import CHECKOUT, StackError, State

SETTINGS_FILE = CHECKOUT / "airflow_settings.yaml"
CONNECTION = "AIRFLOW_CONN_"


def check_environment(environment: Mapping[str, str] = os.environ) -> None:
    """Refuse an environment whose values cannot be read. Raises StackError with exit code 2."""
    try:
        checked_environment_settings()
        for name in sorted(environment):
            if name.startswith(CONNECTION) and environment[name]:
                read_connection(environment[name], name)
        given = environment.get(f"AIRFLOW_VAR_{SETTINGS_VARIABLE.upper()}")
        if given is not None:
            read_checked_settings(given, f"AIRFLOW_VAR_{SETTINGS_VARIABLE.upper()}")
    except SettingsError as error:
        raise StackError(f"{error}. Nothing was started.", 2) from error


def find_troubles(state: State, server: Server, api: AirflowApi) -> list[str]:
    """Say what of Airflow's objects will fail tasks: DAG files, the settings, pools."""
    troubles = [
        f"the DAG file {file} cannot be imported: {reason}"
        for file, (_, reason) in import_errors(api).items()
    ]
    text, where = settings_text(state, server, SETTINGS_VARIABLE)
    if text is None:
        troubles.append(
            f"{where} is missing: make it in Admin > Variables; {{}} leaves every setting as it is"
        )
    else:
        try:
            read_checked_settings(text, where)
        except SettingsError as error:
            troubles.append(str(error))
    for pool in _pools():
        try:
            slots = api("GET", f"/pools/{pool}")["slots"]
        except ApiError as error:
            if error.status != 404:
                raise
            troubles.append(f"the pool {pool} is missing: its tasks never start; make it in Admin > Pools")
            continue
        if slots == 0:
            troubles.append(
                f"the pool {pool} has no slot: its tasks never start; give it some in Admin > Pools"
            )
    return troubles


def _pools() -> list[str]:
    import yaml

    listed = yaml.safe_load(SETTINGS_FILE.read_text())["airflow"]["pools"]
    return [str(entry["pool_name"]) for entry in listed]
