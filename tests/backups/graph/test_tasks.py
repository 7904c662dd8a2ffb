"""The tasks of restore_graph and drill_restore, over a real server of Bolt."""

import json

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include import backups
from include.airflow.forms import FormRefusedError
from include.backups.create import create_backup
from include.backups.postgres.drill import DrillResult
from tests.support.dag_files import load_dag
from tests.support.tasks import call


def connection(login):
    return json.dumps(
        {
            "conn_type": "generic",
            "host": login.uri,
            "schema": login.database,
            "login": login.user,
            "password": login.password,
        }
    )


@pytest.fixture
def airflow(database_url, storage, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    monkeypatch.setenv("AIRFLOW_CONN_POSTGRES_ADMIN", database_url)
    monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", json.dumps({"backup_location": storage.location}))
    return monkeypatch


def test_a_graph_is_restored_by_the_tasks_and_the_restore_is_noted(
    filled_graph, scratch, bolt, database, storage, sources_of, settings, airflow
):
    manifest = create_backup(database, storage, "full", sources_of, settings)
    dag, form = load_dag("restore_graph"), {"backup_id": manifest.id}
    with pytest.raises(FormRefusedError, match="There is no graph database here"):
        call(dag, "plan", **form)
    airflow.setenv("AIRFLOW_CONN_GRAPH_DB", connection(bolt.login("scratch")))
    with pytest.raises(FormRefusedError, match="is scratch, not neo4j"):
        call(dag, "plan", replace="neo4j", **form)
    planned = call(dag, "plan", **form)
    with pytest.raises(AirflowSkipException, match="nothing was touched"):
        call(dag, "end_dry_run", planned, **form)
    assert call(dag, "end_dry_run", planned, dry_run=False, **form) == planned
    assert call(dag, "back_up_first", planned, "run", **form) is None, "nothing is there"
    call(dag, "restore", planned, **form)
    for _ in range(2):  # cleared
        said = call(dag, "complete", planned, None, {"responded_by_user": {"name": "ann"}}, "run", **form)
    assert "38 nodes and 44 relationships" in said and scratch.totals() == (38, 44)
    with database.connect() as connected:
        noted = connected.exec_driver_sql("SELECT backup_id, database, kept_as, approved_by FROM restores")
        assert noted.all() == [(manifest.id, "graph", None, "ann")]
    with pytest.raises(AirflowFailException, match="is not empty"):
        call(dag, "restore", planned, **form)


def test_the_drill_of_the_platform_fails_with_that_of_the_graph(
    filled_graph, scratch, bolt, database, storage, sources_of, settings, airflow
):
    manifest = create_backup(database, storage, "full", sources_of, settings)
    given = []

    def drilled(*_, more_findings, **__):
        given.append(more_findings)
        return DrillResult("the platform", 1.0, 1.0, 1, 1, 1, 1, more_findings)

    airflow.setattr(backups, "drill_restore", drilled)
    dag = load_dag("drill_restore")
    assert "graph" not in call(dag, "drill", "run"), "there is none"
    airflow.setenv("AIRFLOW_CONN_GRAPH_DB", connection(bolt.login()))
    assert call(dag, "drill", "run").endswith("not drilled: there is no connection graph_scratch")
    airflow.setenv("AIRFLOW_CONN_GRAPH_SCRATCH", connection(bolt.login("scratch")))
    assert f"the graph of {manifest.id} is verified by a restore" in call(dag, "drill", "run")
    scratch.ask("CREATE (:Mine)")
    with pytest.raises(AirflowFailException, match="graph: The graph database scratch is not empty"):
        call(dag, "drill", "run")
    assert given[:3] == [(), (), ()] and len(given) == 4
