"""Backups that an earlier version made, kept here as it wrote them: they are read, verified and restored."""

import json
import shutil
from pathlib import Path

import pytest

from include.backups.catalogue import rebuild_catalogue
from include.backups.create import create_backup
from include.backups.manifest import Manifest
from include.backups.postgres.compare import compare_database
from include.backups.postgres.facts import find_dump, read_facts
from include.backups.postgres.restore import restore_into
from include.backups.postgres.server import administer, drop
from include.backups.read import open_backup
from include.backups.verify import verify_backup
from tests.backups.target import TARGET

# Of a database with one table of 25 rows, an identity column and a view: PostgreSQL 18.4, before the engines.
MADE = sorted((Path(__file__).parent / "made_earlier").iterdir())


@pytest.fixture(params=MADE, ids=["stream", "directory"])
def made(request, storage) -> Manifest:
    shutil.copytree(request.param, Path(storage.location) / request.param.name)
    return open_backup(storage, request.param.name)


def test_its_manifest_is_read_and_would_be_written_so_again(made):
    written = next(folder / "manifest.json" for folder in MADE if folder.name == made.id).read_text()
    assert made.model_dump_json(indent=1) == written
    facts = read_facts(made, "platform")
    assert facts.tables["public.prices"].rows == 25
    assert facts.model_dump(mode="json") == json.loads(written)["databases"]["platform"]


def test_it_is_listed_verified_and_restored(made, database, storage, target_url, admin_url):
    storage.write(f"{made.id}/manifest.json", [_as_of_nobody(made).model_dump_json().encode()])
    assert made.id in rebuild_catalogue(database, storage).listed
    assert verify_backup(database, storage, made.id).depth == "decoded"
    part, facts = find_dump(made, "platform")
    fresh = f"{TARGET}_earlier"
    url = restore_into(storage, made, part, fresh, target_url, admin_url)
    try:
        assert compare_database(url, facts) == []
    finally:
        with administer(admin_url) as connection:
            drop(connection, fresh)


def _as_of_nobody(manifest: Manifest) -> Manifest:
    """Only who made a backup verifies it: the installation of that day was another one."""
    return manifest.model_copy(update={"installation": None})


def test_a_new_manifest_has_the_layout_of_the_old(filled, storage, sources, settings):
    new = create_backup(filled, storage, "database", sources, settings)
    written = json.loads(b"".join(storage.read(f"{new.id}/manifest.json")))
    old = json.loads((MADE[0] / "manifest.json").read_text())
    assert list(written) == list(old)
    assert list(written["parts"][0]) == list(old["parts"][0])
    assert list(written["databases"]["platform"]) == list(old["databases"]["platform"])
    assert {name: written["parts"][0][name] for name in ("name", "content", "of")} == {
        name: old["parts"][0][name] for name in ("name", "content", "of")
    }
