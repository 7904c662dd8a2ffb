"""Servers and programs of different major versions: which pairs work, and that each dump notes its own."""

from pathlib import Path

import pytest

import include.backups.postgres.tools as tools_module
from include.backups.manifest import RestoreRefusedError
from include.backups.postgres.drill import drill_restore
from include.backups.postgres.facts import read_facts
from include.backups.read import open_backup
from include.backups.verify import verify_backup
from tests.backups.debian import PROGRAMS, PROGRAMS_16, PROGRAMS_18, ask, manager

NAME = "desk"


def only(monkeypatch, *folders):
    """Let no other programs be found than those of these folders."""
    monkeypatch.setattr(tools_module, "_folders", lambda: list(folders))


@pytest.mark.parametrize("method", ["stream", "directory"])
@pytest.mark.parametrize(
    ("server", "dumping", "restoring"),
    [
        ("debian", [PROGRAMS], [PROGRAMS]),
        ("debian", [PROGRAMS], [PROGRAMS_18]),
        ("debian", [PROGRAMS_16], [PROGRAMS_16]),
        ("debian", [PROGRAMS_18], [PROGRAMS, PROGRAMS_16, PROGRAMS_18]),
        ("sixteen", [PROGRAMS, PROGRAMS_16], [PROGRAMS_18]),
        ("sixteen", [PROGRAMS_18], [PROGRAMS_18]),
    ],
    ids=["15/15/15", "15/15/18", "15/16/16", "15/18/18", "16/16/18", "16/18/18"],
)
def test_servers_with_the_programs_at_hand(
    request, back_up, restore, database, storage, settings, monkeypatch, server, dumping, restoring, method
):
    """Server, pg_dump, pg_restore: each pair that can work does."""
    server = request.getfixturevalue(server)
    url = server.make(NAME, "CREATE TABLE notes AS SELECT 'SET transaction_timeout = 0;' AS words")
    settings.__dict__["backup_method"] = method
    only(monkeypatch, *dumping)
    made = back_up(url)
    only(monkeypatch, *restoring)
    assert verify_backup(database, storage, made.id).depth == "decoded"
    _, fresh = restore(made, url, manager(server))
    assert ask(fresh, "TABLE notes") == [("SET transaction_timeout = 0;",)]
    assert drill_restore(database, storage, url, manager(server)).findings == ()


def test_programs_that_cannot_read_the_dump_are_refused_before(debian, back_up, plan, monkeypatch):
    url = debian.make(NAME)
    only(monkeypatch, PROGRAMS_18)
    made = back_up(url)
    only(monkeypatch, PROGRAMS)
    with pytest.raises(RestoreRefusedError, match="needed is version 18 or newer, found: 15"):
        plan(made, url, manager(debian))


def test_from_15_to_16_to_18(debian, sixteen, back_up, restore, admin_url, target_url):
    made = back_up(debian.make(NAME))
    _, fresh = restore(made, sixteen.make(NAME), manager(sixteen))
    restore(back_up(fresh), target_url, admin_url)


def test_each_database_has_its_own_version(
    debian, back_up, restore, database, storage, database_url, target_url, admin_url
):
    url = debian.make(NAME)
    made = back_up(url, airflow=database_url)
    assert [part.version.split(".")[0] for part in made.parts] == ["15", "18"]
    swapped = back_up(database_url, airflow=url)
    assert [part.version.split(".")[0] for part in swapped.parts] == ["18", "15"]
    for one in (made, swapped):
        assert verify_backup(database, storage, one.id).depth == "decoded"
    restore(made, url, manager(debian))
    restore(made, target_url, admin_url)  # and from 15 to 18
    restore(swapped, target_url, admin_url)


@pytest.mark.parametrize("noted", ["15.18", "18.4"])
def test_an_older_manifest_with_one_version_for_all_is_read(
    debian, back_up, storage, database, database_url, restore, target_url, admin_url, noted
):
    made = back_up(database_url, airflow=debian.make(NAME))
    path = Path(storage.location) / made.id / "manifest.json"
    older = made.model_copy(
        update={
            "versions": {**made.versions, "pg_dump": noted},
            "parts": tuple(part.model_copy(update={"version": None}) for part in made.parts),
            "databases": {
                name: read_facts(made, name)
                .model_copy(update={"shape": {}, "objects": {}, "schema_sha256": "0" * 64})
                .model_dump(mode="json", exclude_defaults=True)
                for name in made.databases
            },
        }
    )
    path.write_text(older.model_dump_json(exclude_defaults=True))
    assert verify_backup(database, storage, made.id).depth == "decoded"
    restore(open_backup(storage, made.id), target_url, admin_url)
