"""Two installations that share a place: each looks after its own backups, and may restore the other's."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from include.backups.catalogue import list_backups, rebuild_catalogue
from include.backups.create import create_backup
from include.backups.manifest import BackupError
from include.backups.postgres.drill import drill_restore
from include.backups.postgres.restore import plan_restore
from include.backups.read import open_backup
from include.backups.retention import RetentionRules, apply_retention, delete_backup
from include.backups.verify import verify_backup
from include.database import connect

ONE = RetentionRules(last=1, daily=1, weekly=0, monthly=0, max_age=timedelta(days=7))


@pytest.fixture
def staging(target_url) -> Engine:
    engine = connect(target_url, application="staging")
    yield engine
    engine.dispose()


@pytest.fixture
def of_production(database, storage, only, settings) -> list[str]:
    """Three good backups of the other installation."""
    made = [create_backup(database, storage, "configuration", only, settings).id for _ in range(3)]
    for one in made:
        verify_backup(database, storage, one)
    return made


def keys(storage) -> set[str]:
    return {found.key for found in storage.list("")}


@pytest.mark.parametrize("knows_them", [True, False])
def test_the_retention_of_one_installation_leaves_the_backups_of_another(
    staging, storage, only, settings, of_production, knows_them
):
    if knows_them:  # as after a restore, which reads the catalogue anew
        rebuilt = rebuild_catalogue(staging, storage)
        assert set(rebuilt.foreign) == set(of_production)
        assert "other installations" in rebuilt.summary()
    before = keys(storage)
    own = [create_backup(staging, storage, "configuration", only, settings).id for _ in range(2)]
    for one in own:
        verify_backup(staging, storage, one)
    applied = apply_retention(staging, storage, ONE)
    assert list(applied.deleted) == [own[0]]
    assert keys(storage) >= before
    assert applied.strays == {}
    assert knows_them or any("other installations" in note for note in applied.notes)
    assert {row.id for row in list_backups(staging, storage.location)} == {own[1]}


def test_a_catalogue_that_came_with_a_restore_gives_no_right_to_delete(
    database, staging, storage, only, settings, of_production
):
    columns = "id, kind, status, location, started_at, finished_at, bytes, manifest, installation"
    with database.connect() as source, staging.begin() as target:
        for row in source.execute(text(f"SELECT {columns}::text FROM backups".replace(", manifest", ""))):
            target.execute(
                text(
                    "INSERT INTO backups (id, kind, status, location, started_at, finished_at, bytes, "
                    "manifest, installation) VALUES (:id, :kind, 'deleting', :location, :started_at, "
                    ":finished_at, :bytes, '{}', :installation)"
                ),
                dict(row._mapping),
            )
    before = keys(storage)
    apply_retention(staging, storage, ONE)
    assert keys(storage) == before


def test_another_installations_backup_is_neither_verified_nor_deleted_here(staging, storage, of_production):
    rebuild_catalogue(staging, storage)
    before = keys(storage)
    with pytest.raises(BackupError, match="another installation"):
        verify_backup(staging, storage, of_production[0])
    with pytest.raises(BackupError, match="another installation"):
        delete_backup(staging, storage, of_production[0])
    assert keys(storage) == before


def test_all_are_listed_and_the_others_say_whose_they_are(staging, storage, of_production):
    rebuild_catalogue(staging, storage)
    assert list_backups(staging, storage.location) == []
    listed = list_backups(staging, storage.location, everybody=True)
    whose = open_backup(storage, of_production[0]).installation
    assert len(listed) == 3 and all(whose in one.summary() for one in listed)


def test_a_backup_that_names_nobody_is_kept_until_a_person_deletes_it(
    database, storage, only, settings, of_production
):
    with database.begin() as connection:
        connection.execute(
            text("UPDATE backups SET installation = NULL WHERE id = ANY (:ids)"), {"ids": of_production}
        )
    own = create_backup(database, storage, "configuration", only, settings).id
    verify_backup(database, storage, own)
    assert apply_retention(database, storage, ONE).deleted == {}
    assert delete_backup(database, storage, of_production[0]).startswith("deleted")


def test_the_drill_takes_this_installations_newest(
    filled, staging, target_url, admin_url, storage, sources, settings
):
    theirs = create_backup(filled, storage, "database", sources, settings)
    rebuild_catalogue(staging, storage)
    with pytest.raises(BackupError, match="no backup of the platform's database"):
        drill_restore(staging, storage, target_url, admin_url)
    own = create_backup(
        staging, storage, "database", replace(sources, databases={"platform": target_url}), settings
    )
    newer = create_backup(filled, storage, "database", sources, settings)
    rebuild_catalogue(staging, storage)
    assert drill_restore(staging, storage, target_url, admin_url).backup_id == own.id
    assert {theirs.id, newer.id} < {row.id for row in list_backups(staging, storage.location, everybody=True)}


def test_a_plan_says_whose_backup_it_is(
    filled, storage, sources, settings, target_url, admin_url, database_url
):
    theirs = create_backup(filled, storage, "database", sources, settings).id
    at = datetime.now(UTC)
    foreign = plan_restore(storage, theirs, "platform", target_url, admin_url, at)
    assert "Another installation made it" in foreign.summary()
    assert open_backup(storage, theirs).installation.split("/")[1] in foreign.summary()
    own = plan_restore(storage, theirs, "platform", database_url, admin_url, at)
    assert "nother installation" not in own.summary()


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.backups.sources import Sources
from include.backups.create import create_backup
from include.database import connect
from include.settings import Settings
from include.storage import open_storage
import include.backups.create as create

url, place, logs = sys.argv[1:]
create.Manifest = lambda **_: (print("now", flush=True), signal.pause())
sources = Sources({}, (Path(logs),))
create_backup(connect(url, application="doomed"), open_storage(place), "logs", sources, Settings())
"""


def test_a_killed_backup_is_marked_by_the_next_run(database, database_url, storage, only, settings):
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, database_url, storage.location, str(only.log_folders[0])],
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "now\n"
        statuses = text("SELECT id, status, reason FROM backups WHERE kind = 'logs' ORDER BY started_at, id")

        beside = create_backup(database, storage, "configuration", only, settings)
        with database.connect() as connection:
            ((doomed, status, _),) = connection.execute(statuses).all()
            assert status == "running", "the process lives, so another run leaves its backup alone"

        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    end = time.monotonic() + 60
    while True:  # the server sees the end of the connection a moment later
        with database.connect() as connection:
            gone = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'doomed'"
            if not connection.execute(text(gone)).scalar_one():
                break
        assert time.monotonic() < end
        time.sleep(0.05)

    create_backup(database, storage, "logs", only, settings)
    with database.connect() as connection:
        first = connection.execute(statuses).first()
    assert first == (doomed, "failed", "its process died")
    assert beside.id in {row.id for row in list_backups(database, storage.location)}
