"""The DAGs of backups: their schedules, and their tasks' own functions over a real database."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.context import set_current_context

from include.airflow.backup_tasks import apply_retention, create_backup, verify_backup
from include.airflow.backups import (
    AirflowSurroundings,
    open_backup_storage,
)
from include.airflow.connections import load_settings
from include.airflow.forms import CriticalError, FormRefusedError
from include.airflow.forms import backup_id as backup_id_field
from include.backups.catalogue import list_backups
from include.backups.manifest import BACKUP_ID_PATTERN
from include.backups.postgres.engine import PostgresEngine
from include.backups.read import open_backup, read_part
from include.settings import BACKUP_SCHEDULES, Settings
from tests.support.dag_files import load_dag

ROOT = Path(__file__).parents[2]
RUN = ("back_up_database", "manual__1")


@pytest.fixture
def airflow(database, database_url, monkeypatch, tmp_path):
    """Connections and settings in the environment, as Airflow takes them."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "task.log").write_text("done\n")
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_DB", database_url)
    monkeypatch.setenv("AIRFLOW_CONN_LLM", json.dumps({"conn_type": "http", "password": "sk-verysecret"}))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow:8080/")

    def configure(**settings):
        chosen = {
            "backup_location": str(tmp_path / "store"),
            "backup_log_folders": [str(tmp_path / "logs")],
            **settings,
        }
        monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", json.dumps(chosen))

    configure()
    return configure


def test_the_schedules_come_from_one_table(monkeypatch):
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("TRADEOPS_BACKUP_SCHEDULES", '{"logs": "30 6 * * *"}')
    bag = DagBag(dag_folder=str(ROOT / "dags"), load_op_links=False)
    found = {kind: bag.dags[f"back_up_{kind}"].schedule.expression for kind in BACKUP_SCHEDULES}
    assert found == BACKUP_SCHEDULES | {"logs": "30 6 * * *"}
    assert [task.task_id for task in bag.dags["back_up_full"].topological_sort()] == [
        "create_backup",
        "verify_backup",
        "apply_retention",
    ]


def test_a_kind_that_there_is_not_is_refused_by_name():
    with pytest.raises(ValueError, match="no backup of the kind databse"):
        Settings(backup_schedules={"databse": "0 2 * * *"})


def test_both_databases_are_backed_up_verified_and_kept(airflow, database):
    backup_id = create_backup.function("database", *RUN)
    assert verify_backup.function(backup_id) == "decoded"
    assert apply_retention.function() == {}
    manifest = open_backup(open_backup_storage(load_settings()), backup_id)
    assert [part.of for part in manifest.parts] == ["platform", "airflow"]
    assert set(manifest.databases) == {"platform", "airflow"}
    (listed,) = list_backups(database, open_backup_storage(load_settings()).location)
    assert listed.run_url == "http://airflow:8080/dags/back_up_database/runs/manual__1"


def test_what_is_missing_is_said_in_the_manifest(airflow, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_AIRFLOW_DB")
    engine = PostgresEngine.find(load_settings(), AirflowSurroundings())
    assert list(engine.databases) == ["platform"]
    assert engine.absent == ("Airflow's own database: there is no connection airflow_db",)


def test_a_full_backup_holds_the_configuration_of_this_airflow(airflow, identity):
    import pyrage

    airflow(backup_recipient=str(pyrage.x25519.Identity.from_str(identity).to_public()))
    backup_id = create_backup.function("full", *RUN)
    storage = open_backup_storage(load_settings())
    manifest = open_backup(storage, backup_id)
    raw = b"".join(read_part(storage, manifest, manifest.part("configuration.tar.zst.age"), identity))
    for expected in (b"sk-verysecret", b"tradeops_settings", b"fernet_key", b"pool_name: backups"):
        assert expected in raw
    assert any("the connection object_store, which does not exist" in words for words in manifest.left_out)
    assert verify_backup.function(backup_id).startswith(
        "hashed: hashed only, for there is no private key here"
    )


@pytest.fixture
def identity() -> str:
    import pyrage

    return str(pyrage.x25519.Identity.generate())


def test_the_private_key_comes_from_its_connection(airflow, identity, monkeypatch):
    import pyrage

    airflow(backup_recipient=str(pyrage.x25519.Identity.from_str(identity).to_public()))
    monkeypatch.setenv(
        "AIRFLOW_CONN_BACKUP_IDENTITY", json.dumps({"conn_type": "generic", "password": identity})
    )
    assert verify_backup.function(create_backup.function("configuration", *RUN)) == "decoded"


def test_a_bad_backup_fails_for_good_with_words(airflow, tmp_path):
    backup_id = create_backup.function("configuration", *RUN)
    (tmp_path / "store" / backup_id / "configuration.tar.zst").write_bytes(b"")
    with pytest.raises(CriticalError, match=rf"{backup_id} is bad: .*\.tar\.zst .* 0 bytes"):
        verify_backup.function(backup_id)


def test_without_a_location_it_says_what_to_set(airflow):
    airflow(backup_location=None)
    with pytest.raises(AirflowFailException, match="set backup_location in the Variable tradeops_settings"):
        create_backup.function("logs", *RUN)


@pytest.fixture
def look_after():
    """The task of manage_backups, with a form."""
    task = load_dag("manage_backups").get_task("look_after")

    def go(action, backup_id, *, dry_run):
        form = {"action": action, "backup_id": backup_id or None, "dry_run": dry_run}
        instance = SimpleNamespace(id="019f", dag_id="manage_backups", task_id="change", run_id="run")
        run = SimpleNamespace(triggering_user_name="ann")
        with set_current_context({"params": form, "ti": instance, "dag_run": run}):
            return task.python_callable()

    return go


def test_looking_after_them_by_hand(airflow, look_after, tmp_path):
    assert look_after("list", "", dry_run=True) == []
    first, second = create_backup.function("configuration", *RUN), create_backup.function("logs", *RUN)
    assert look_after("verify", first, dry_run=True) == [f"{first}: decoded"]
    lines = look_after("list", "", dry_run=True)
    assert [line.split(":")[0] for line in lines] == [second, first]
    assert "never verified" in lines[0] and "decoded at" in lines[1]
    assert look_after("delete", second, dry_run=True)[0].startswith(f"would delete {second}")
    with pytest.raises(FormRefusedError, match="last verified good backup"):
        look_after("delete", first, dry_run=False)
    with pytest.raises(FormRefusedError, match="Which backup"):
        look_after("verify", "", dry_run=True)
    with pytest.raises(FormRefusedError, match="has no manifest"):
        look_after("verify", "20260101T000000Z-full-000000", dry_run=True)
    assert look_after("apply_retention", "", dry_run=True) == ["nothing may go"]
    assert look_after("rebuild_catalogue", "", dry_run=True) == [
        "2 whole backups, 0 of them new to the catalogue"
    ]
    (tmp_path / "store" / second / "logs.tar.zst").write_bytes(b"x")
    with pytest.raises(CriticalError, match=f"{second} is bad"):
        look_after("verify", second, dry_run=True)


@pytest.mark.parametrize("value", ["x", "20260101T000000Z-databse-000000", "../../etc/passwd", 7])
def test_the_form_refuses_what_is_no_id(value):
    from airflow.sdk.exceptions import ParamValidationError

    param = load_dag("manage_backups").params.get_param("backup_id")
    with pytest.raises(ParamValidationError):
        param.resolve(value)
    assert param.resolve("20260101T000000Z-database-0f0f0f")


def test_the_forms_take_what_manifests_call_an_id():
    kinds = ("logs", "database", "configuration", "full")
    assert backup_id_field(*kinds)["backup_id"].schema["pattern"] == f"{BACKUP_ID_PATTERN}(?!\\n)"
