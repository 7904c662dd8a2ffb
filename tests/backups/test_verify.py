"""Verification: every kind of damage is found, in every method; and deleting keeps what must be kept."""

import json
import os
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from include.backups.catalogue import begin, list_backups
from include.backups.create import create_backup
from include.backups.manifest import BackupDamagedError, BackupError
from include.backups.read import open_backup
from include.backups.retention import RetentionRules, apply_retention, delete_backup
from include.backups.verify import verify_backup
from include.storage import StorageError

ONE = RetentionRules(last=1, daily=0, weekly=0, monthly=0, max_age=timedelta(days=400))


def flip(path, place):
    raw = bytearray(path.read_bytes())
    raw[place % len(raw)] ^= 1
    path.write_bytes(raw)


def cut(path, share):
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])


DAMAGES = {
    "a bit at the beginning": lambda path: flip(path, 2),
    "a bit in the middle": lambda path: flip(path, path.stat().st_size // 2),
    "the last bit": lambda path: flip(path, -1),
    "cut in half": lambda path: cut(path, 0.52),
    "cut by a byte": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer by a byte": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "empty": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
}


@pytest.fixture(scope="module")
def stored():
    """Backups of the module, made once for each way of taking them: their parts as bytes."""
    return {}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("way", ["stream", "directory", "encrypted"])
def test_damage_is_found(
    way, damage, filled, storage, sources, settings, encrypting, identity, stored, tmp_path
):
    if way not in stored:
        chosen = encrypting if way == "encrypted" else settings.model_copy(update={"backup_method": way})
        manifest = create_backup(filled, storage, "database", sources, chosen)
        folder = tmp_path / "store" / manifest.id
        stored[way] = manifest, {path.name: path.read_bytes() for path in folder.iterdir()}
    manifest, parts = stored[way]
    folder = tmp_path / "store" / manifest.id
    folder.mkdir(parents=True, exist_ok=True)
    for name, raw in parts.items():
        (folder / name).write_bytes(raw)
    list_it(filled, storage, manifest)
    assert verify_backup(filled, storage, manifest.id, identity).depth == "decoded"
    DAMAGES[damage](folder / manifest.parts[0].name)
    verdict = verify_backup(filled, storage, manifest.id, identity)
    assert verdict.depth == "bad"
    assert manifest.parts[0].name in verdict.reason
    if way == "encrypted":
        assert verify_backup(filled, storage, manifest.id).depth == "bad", "also without the key"


def list_it(engine, storage, manifest):
    from include.backups.catalogue import rebuild_catalogue

    assert manifest.id in rebuild_catalogue(engine, storage).listed


def test_an_archive_that_was_stored_damaged_is_found_though_its_hash_fits(
    filled, storage, sources, settings, monkeypatch
):
    """What pg_dump wrote was cut before it was hashed: only decoding to the end can tell."""
    import include.backups.postgres.dump as logical

    whole = logical.read_output

    def cut_short(command, access):
        raw = b"".join(whole(command, access))
        yield raw[: int(len(raw) * 0.6)]

    monkeypatch.setattr(logical, "read_output", cut_short)
    manifest = create_backup(filled, storage, "database", sources, settings)
    verdict = verify_backup(filled, storage, manifest.id)
    assert verdict.depth == "bad" and "pg_restore failed" in verdict.reason


def test_a_manifest_from_outside_is_checked(database, storage, only, settings, tmp_path):
    manifest = create_backup(database, storage, "configuration", only, settings)
    path = tmp_path / "store" / manifest.id / "manifest.json"
    good = json.loads(path.read_text())
    part = good["parts"][0]
    for wrong, words in (
        ({"id": "20260101T000000Z-full-000000"}, "is that of 20260101T000000Z-full-000000"),
        ({"parts": [{**part, "name": "../../etc/passwd"}]}, "parts.0.name"),
        ({"parts": [part, part]}, "two parts have the same name"),
        ({"parts": []}, "parts"),
        ({"started_at": "2026-01-01T00:00:00"}, "started_at"),
        ({"format": 2}, "format"),
        ({"more": 1}, "more"),
    ):
        path.write_text(json.dumps({**good, **wrong}))
        with pytest.raises(BackupDamagedError, match=words):
            open_backup(storage, manifest.id)
    for name in ("", "..", "a/b", "../x"):
        with pytest.raises((BackupError, StorageError)):
            open_backup(storage, name)


@pytest.fixture
def three(database, storage, only, settings):
    """Three backups, the first one verified."""
    made = [create_backup(database, storage, "configuration", only, settings) for _ in range(3)]
    with database.begin() as connection:
        for age, manifest in zip((30, 20, 10), made, strict=True):
            connection.execute(
                text("UPDATE backups SET started_at = now() - make_interval(days => :age) WHERE id = :id"),
                {"age": age, "id": manifest.id},
            )
    verify_backup(database, storage, made[0].id)
    return [manifest.id for manifest in made]


def test_the_last_verified_good_backup_is_not_deleted_by_hand(database, storage, three):
    with pytest.raises(BackupError, match="last verified good backup of the kind configuration"):
        delete_backup(database, storage, three[0])
    with pytest.raises(BackupError, match="lists no backup"):
        delete_backup(database, storage, "20260101T000000Z-full-000000")
    assert delete_backup(database, storage, three[1], dry_run=True).startswith(f"would delete {three[1]}")
    assert len(list_backups(database, storage.location)) == 3
    assert delete_backup(database, storage, three[1]).startswith(f"deleted {three[1]}")
    assert list(storage.list(f"{three[1]}/")) == []
    verify_backup(database, storage, three[2])
    delete_backup(database, storage, three[0])
    assert [row.id for row in list_backups(database, storage.location)] == [three[2]]


def test_one_that_cannot_be_deleted_keeps_no_other_and_is_tried_again(database, storage, three, monkeypatch):
    verify_backup(database, storage, three[2])
    real = type(storage).delete

    def refusing(self, key):
        if key.startswith(three[0]) and key.endswith(".zst"):
            raise StorageError("the disk says no")
        real(self, key)

    monkeypatch.setattr(type(storage), "delete", refusing)
    would = apply_retention(database, storage, ONE, dry_run=True)
    assert set(would.deleted) == set(three[:2]) and len(list_backups(database, storage.location)) == 3
    applied = apply_retention(database, storage, ONE)
    assert list(applied.deleted) == [three[1]]
    assert applied.failed == {three[0]: "the disk says no"}
    assert [row.id for row in list_backups(database, storage.location)] == [three[2]], (
        "its manifest went first"
    )
    monkeypatch.undo()
    assert list(apply_retention(database, storage, ONE).deleted) == [three[0]]
    assert apply_retention(database, storage, ONE).deleted == {}
    assert {found.key.split("/")[0] for found in storage.list("")} == {three[2]}


def test_strays_are_reported_and_left_alone(database, storage, three):
    storage.write("20260101T000000Z-database-aaaaaa/platform.dump.zst", [b"half"])
    applied = apply_retention(database, storage, ONE)
    assert applied.strays == {"20260101T000000Z-database-aaaaaa": 4}
    assert storage.stat("20260101T000000Z-database-aaaaaa/platform.dump.zst")
    assert "unknown, not touched: 20260101T000000Z-database-aaaaaa (4 bytes)" in applied.summary()


def test_what_a_failed_backup_could_not_remove_goes_later(database, storage, only, settings, monkeypatch):
    def refusing(self, key):
        raise StorageError("not now")

    (only.log_folders[0] / "noise.log").write_text(os.urandom(100_000).hex())
    limited = settings.model_copy(update={"backup_size_limit_gb": 20_000 / 2**30})
    monkeypatch.setattr(type(storage), "delete", refusing)
    with pytest.raises(BackupError, match=r"larger than .* at logs.tar"):
        create_backup(database, storage, "full", only, limited)
    monkeypatch.undo()
    assert len(list(storage.list(""))) == 1
    assert len(apply_retention(database, storage, ONE).deleted) == 1
    assert list(storage.list("")) == []


def test_no_room_is_said_before_the_first_byte(filled, storage, sources, settings, monkeypatch):
    monkeypatch.setattr(type(storage), "free_bytes", lambda self: 1 << 20)
    with pytest.raises(BackupError, match="has 1 MiB free, and this may need"):
        create_backup(filled, storage, "database", sources, settings)
    assert list(storage.list("")) == []


def test_a_damaged_manifest_of_a_dead_process_does_not_end_the_retention(database, storage, three, tmp_path):
    dead = "20260101T000000Z-configuration-aaaaaa"
    storage.write(f"{dead}/configuration.tar.zst", [b"whole, maybe"])
    storage.write(f"{dead}/manifest.json", [b'{"format": 1, "id": "202'])
    begin(database, dead, "configuration", storage.location, datetime(2026, 1, 1, tzinfo=UTC), "")
    verify_backup(database, storage, three[2])
    for _ in range(2):
        applied = apply_retention(database, storage, ONE)
        (note,) = applied.notes
        assert dead in note and "cannot be read" in note
        assert dead not in applied.deleted and storage.stat(f"{dead}/configuration.tar.zst")
    with database.connect() as connection:
        row = connection.execute(
            text("SELECT status, reason FROM backups WHERE id = :id"), {"id": dead}
        ).one()
    assert row.status == "failed" and "cannot be read" in row.reason
    assert [row.id for row in list_backups(database, storage.location)] == [three[2]]
