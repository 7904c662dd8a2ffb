"""Every connection that the docs name opens, saves and tests in Airflow's UI: the providers are installed."""

import json
import re

import pytest
from airflow.sdk.module_loading import import_string

from include.airflow.settings_file import read_settings_file
from include.alerts.channels import CHANNELS, find_channel
from include.backups.files.configuration import MORE_CONNECTIONS, OPTIONAL_CONNECTIONS
from local.state import CHECKOUT

FILE = CHECKOUT / "airflow_settings.yaml"
WITHOUT_TEST = {"slackwebhook", "generic"}


def documented():
    """Connection to type, as the table of docs/operating.md has them."""
    table = (CHECKOUT / "docs" / "operating.md").read_text().split("| connection | type |", 1)[1]
    types = {}
    for line in table.splitlines()[2:]:
        if not line.startswith("| `"):
            break
        names, kind = line.split(" | ")[:2]
        types |= dict.fromkeys(re.findall(r"`([^`]+)`", names), kind)
    return types


@pytest.fixture(scope="module")
def forms():
    """What Airflow's UI asks its server for: type to form."""
    from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService

    return {form.connection_type: form for form in HookMetaService.hook_meta_data()}


def test_every_documented_type_has_a_form_and_a_test(forms):
    for name, kind in documented().items():
        assert kind in forms, f"{name}: Airflow has no form for connections of type {kind}"
        hook = forms[kind].hook_class_name
        assert kind in WITHOUT_TEST or hasattr(import_string(hook), "test_connection"), name


def test_every_connection_that_is_read_is_documented_with_its_type(forms):
    types = documented()
    for entry in read_settings_file(FILE).connections:
        assert types[entry.conn_id] == entry.conn_type
    assert {
        *MORE_CONNECTIONS,
        *OPTIONAL_CONNECTIONS,
        *(find_channel(name).connection for name in CHANNELS),
        "backup_identity",
    } <= types.keys()


def test_the_sandbox_answers_the_forms_test_at_every_address_of_the_stacks_own(sandbox, monkeypatch):
    from airflow.providers.http.hooks.http import HttpHook

    for entry in read_settings_file(FILE).connections:
        if entry.conn_type != "http":
            continue
        host = entry.conn_host.replace("http://sandbox:8090", sandbox.url)
        monkeypatch.setenv("AIRFLOW_CONN_TRIED", json.dumps({"conn_type": "http", "host": host}))
        assert HttpHook(http_conn_id="tried").test_connection()[0], entry.conn_id
