"""The tasks of restore_database, as Airflow calls them: what follows the swap, and what is tried again."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.airflow import restores
from include.backups import create_backup, list_backups, rebuild_catalogue
from include.database import connect
from tests.alerts.notified import notify
from tests.backups.target import databases

AT = datetime(2026, 11, 21, 4, tzinfo=UTC)
RUN = "http://airflow/run"


@pytest.fixture
def airflow(storage, target_url, admin_url, monkeypatch):
    """Connections and settings in the environment, as Airflow takes them."""
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", target_url)
    monkeypatch.setenv("AIRFLOW_CONN_POSTGRES_ADMIN", admin_url)
    monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", json.dumps({"backup_location": storage.location}))


@pytest.fixture
def target(target_url):
    engine = connect(target_url, application="tests")
    yield engine
    engine.dispose()


def test_after_a_restore_the_catalogue_is_that_of_the_storage(
    airflow, filled, storage, sources, settings, target
):
    deleted = create_backup(filled, storage, "logs", sources, settings)
    taken = create_backup(filled, storage, "database", sources, settings)
    for found in list(storage.list(f"{deleted.id}/")):
        storage.delete(found.key)
    rebuild_catalogue(target, storage)
    planned = restores.plan(taken.id, "platform", "", AT)
    first = create_backup(target, storage, "logs", sources, settings)
    restores.restore(planned)
    said = restores.take_over(planned, first.id, "admin", RUN)
    assert "2 whole backups" in said and f"{deleted.id}" in said
    target.dispose()  # its sessions were ended by the swap
    listed = list_backups(target, storage.location, everybody=True)
    assert {row.id for row in listed} == {taken.id, first.id}
    assert {row.id for row in listed if row.foreign} == {taken.id}, "another installation made it"
    again = restores.take_over(planned, first.id, "admin", RUN)
    assert "2 whole backups, 0 of them new" in again


def test_a_failed_proof_is_not_tried_again_and_leaves_its_database(airflow, storage, backup, admin_url):
    planned = restores.plan(backup.id, "platform", "", AT)
    manifest = Path(storage.location) / backup.id / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"rows": 1440', '"rows": 1441', 1))
    with pytest.raises(AirflowFailException, match=r"1440 rows instead of 1441.* left for you to look at"):
        restores.restore(planned)
    assert planned["fresh"] in databases(admin_url)


def test_what_was_due_to_be_told_then_is_not_told_again(airflow, filled, storage, sources, settings, target):
    for word, state, due in (
        ("gone out since", "waiting", "-1 hour"),
        ("a digest", "waiting", "1 hour"),
        ("silenced", "held", "-1 hour"),
    ):
        notice = notify(filled, fingerprint=word)
        with filled.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO alert_deliveries (notice_id, channel, subject, state, due_at) "
                "VALUES (%s, 'slack', %s, %s, now() + %s::interval)",
                (notice, word, state, due),
            )
    planned = restores.plan(
        create_backup(filled, storage, "database", sources, settings).id, "platform", "", AT
    )
    restores.restore(planned)
    restores.take_over(planned, None, "admin", RUN)
    target.dispose()
    with target.connect() as connection:
        found = connection.exec_driver_sql("SELECT subject, state, reason FROM alert_deliveries").all()
    assert {subject: (state, reason) for subject, state, reason in found} == {
        "gone out since": ("dropped", "it was due before the database was restored"),
        "a digest": ("waiting", None),
        "silenced": ("held", None),
    }
