"""The steps of a restore as its DAG calls them: what follows the swap, and what is tried again."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.backups.catalogue import list_backups, rebuild_catalogue
from include.backups.create import create_backup
from include.backups.manifest import RestoredDiffersError
from include.backups.postgres.steps import (
    RestoreLogins,
    RestoreRequest,
    plan_steps,
    restore_planned,
    swap_planned,
)
from include.database import connect
from tests.backups.target import databases
from tests.support.notices import notify

AT = datetime(2026, 11, 21, 4, tzinfo=UTC)
RUN = "http://airflow/run"


@pytest.fixture
def logins(target_url, admin_url):
    return RestoreLogins(target_url, admin_url)


@pytest.fixture
def target(target_url):
    engine = connect(target_url, application="tests")
    yield engine
    engine.dispose()


def test_after_a_restore_the_catalogue_is_that_of_the_storage(
    logins, filled, storage, sources, settings, target
):
    deleted = create_backup(filled, storage, "logs", sources, settings)
    taken = create_backup(filled, storage, "database", sources, settings)
    for found in list(storage.list(f"{deleted.id}/")):
        storage.delete(found.key)
    rebuild_catalogue(target, storage)
    planned = plan_steps(target, storage, settings, logins, RestoreRequest(taken.id, "platform"), AT)
    first = create_backup(target, storage, "logs", sources, settings)
    restore_planned(storage, logins, planned)
    swap_planned(logins, planned, first.id, "admin", RUN)
    target.dispose()  # its sessions were ended by the swap
    said = rebuild_catalogue(target, storage).summary()
    assert "2 whole backups" in said and f"{deleted.id}" in said
    listed = list_backups(target, storage.location, everybody=True)
    assert {row.id for row in listed} == {taken.id, first.id}
    assert {row.id for row in listed if row.foreign} == {taken.id}, "another installation made it"
    assert swap_planned(logins, planned, first.id, "admin", RUN).startswith("restore_target")
    assert "2 whole backups, 0 of them new" in rebuild_catalogue(target, storage).summary()


def test_a_failed_proof_is_not_tried_again_and_leaves_its_database(
    logins, target, storage, settings, backup, admin_url
):
    planned = plan_steps(target, storage, settings, logins, RestoreRequest(backup.id, "platform"), AT)
    manifest = Path(storage.location) / backup.id / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"rows": 1440', '"rows": 1441', 1))
    with pytest.raises(RestoredDiffersError, match=r"1440 rows instead of 1441.* left for you to look at"):
        restore_planned(storage, logins, planned)
    assert planned["fresh"] in databases(admin_url)


def test_what_was_due_to_be_told_then_is_not_told_again(logins, filled, storage, sources, settings, target):
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
    taken = create_backup(filled, storage, "database", sources, settings)
    planned = plan_steps(target, storage, settings, logins, RestoreRequest(taken.id, "platform"), AT)
    restore_planned(storage, logins, planned)
    swap_planned(logins, planned, None, "admin", RUN)
    target.dispose()
    with target.connect() as connection:
        found = connection.exec_driver_sql("SELECT subject, state, reason FROM alert_deliveries").all()
    assert {subject: (state, reason) for subject, state, reason in found} == {
        "gone out since": ("dropped", "it was due before the database was restored"),
        "a digest": ("waiting", None),
        "silenced": ("held", None),
    }
