"""An engine is a class and a line of the list: one with a tool of its own; a content without an engine."""

from collections.abc import Iterator
from typing import ClassVar

import pytest

from include.backups import engines
from include.backups.create import create_backup
from include.backups.engine import BackupJob, Contribution, PartStream
from include.backups.manifest import BackupDamagedError, BackupError, BackupPart, Kind, Manifest
from include.backups.programs import own_folder
from include.backups.read import open_backup, read_part
from include.backups.verify import verify_backup


class ToyEngine:
    """A toy, dumped whole into a folder by a tool of its own and streamed from there."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"database", "full"})
    contents: ClassVar[frozenset[str]] = frozenset({"toy dump"})

    @classmethod
    def find(cls, settings, surroundings):
        return cls()

    def estimate(self, kind, settings) -> int:
        return 1

    def contribute(self, job: BackupJob) -> Contribution:
        with own_folder(10) as folder:
            dump = f"{folder}/toy"
            with open(dump, "wb") as file:  # noqa: PTH123 - what the tool would do
                file.write(b"NODES 3\n" * 100)
            with open(dump, "rb") as file:  # noqa: PTH123
                job.store(PartStream("toy.dump", "toy dump", "toy", file, version="5.26"))
        return Contribution({"toy": {"nodes": 3}}, left_out=("toy: its indexes",))

    @staticmethod
    def check(manifest: Manifest, part: BackupPart, chunks: Iterator[bytes]) -> None:
        if not next(chunks).startswith(b"NODES"):
            raise BackupDamagedError("no dump of a toy")


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(engines.ENGINES, "toy", ToyEngine)


def test_an_engine_of_its_own_is_made_listed_and_verified(toy, database, storage, only, encrypting, identity):
    manifest = create_backup(database, storage, "full", [*only, ToyEngine()], encrypting)
    assert [part.name for part in manifest.parts] == [
        "configuration.tar.zst.age", "logs.tar.zst.age", "toy.dump.zst.age",
    ]  # fmt: skip
    assert open_backup(storage, manifest.id).databases == {"toy": {"nodes": 3}}
    assert manifest.parts[-1].version == "5.26" and "toy: its indexes" in manifest.left_out
    assert b"".join(read_part(storage, manifest, manifest.parts[-1], identity)).startswith(b"NODES 3")
    assert verify_backup(database, storage, manifest.id, identity).depth == "decoded"


def test_an_engine_is_asked_for_its_kinds_only(toy, database, storage, only, settings):
    manifest = create_backup(database, storage, "logs", [*only, ToyEngine()], settings)
    assert [part.of for part in manifest.parts] == ["logs"]


def test_without_its_line_a_content_is_unknown_and_no_verdict_is_given(database, storage, only, settings):
    manifest = create_backup(database, storage, "database", [ToyEngine()], settings)
    with pytest.raises(BackupError, match=r"holds 'toy dump', which none of the engines here reads"):
        verify_backup(database, storage, manifest.id)


def test_no_two_engines_claim_a_content():
    claimed = [content for engine in engines.ENGINES.values() for content in engine.contents]
    assert len(claimed) == len(set(claimed))
