"""Making backups and reading them again, over a real database."""

import tarfile
from io import BytesIO

import pytest
from sqlalchemy import text

from include.backups.catalogue import list_backups
from include.backups.create import create_backup
from include.backups.manifest import BackupError
from include.backups.postgres.facts import read_facts
from include.backups.postgres.snapshot import measure_database
from include.backups.read import open_backup, read_part
from include.backups.verify import verify_backup
from include.database import revision


def content(storage, manifest, name, identity=None) -> bytes:
    return b"".join(read_part(storage, manifest, manifest.part(name), identity))


def files(raw: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=BytesIO(raw)) as archive:
        return {member.name: archive.extractfile(member).read().decode() for member in archive}


@pytest.mark.parametrize("method", ["stream", "directory"])
def test_a_database_is_dumped_listed_and_verified(method, filled, storage, sources, settings, database_url):
    settings = settings.model_copy(update={"backup_method": method})
    manifest = create_backup(filled, storage, "database", sources, settings, run_url="http://airflow/run")
    assert open_backup(storage, manifest.id) == manifest
    facts = read_facts(manifest, "platform")
    assert facts.tables["public.market_candles_2026_03"].rows == 1440
    assert facts.tables["public.market_candles_2026_04"].rows == 1440
    assert facts.revisions == {"tradeops_schema_version": revision(database_url)}
    assert facts.extensions.keys() == {"plpgsql"}
    assert "public.http_calls_id_seq" in facts.sequences
    after = measure_database(database_url).tables
    assert {name: after[name] for name in after if name != "public.backups"} == {
        name: facts.tables[name] for name in facts.tables if name != "public.backups"
    }
    (listed,) = list_backups(filled, storage.location)
    assert (listed.id, listed.size, listed.verified, listed.run_url) == (
        manifest.id, manifest.size, None, "http://airflow/run",
    )  # fmt: skip
    assert verify_backup(filled, storage, manifest.id).depth == "decoded"
    assert list_backups(filled, storage.location)[0].verified == "decoded"


def test_a_writer_of_encrypted_backups_cannot_read_them(filled, storage, sources, encrypting, identity):
    manifest = create_backup(filled, storage, "full", sources, encrypting)
    assert {part.of for part in manifest.parts} == {"platform", "configuration", "logs"}
    assert all(part.encrypted and part.name.endswith(".age") for part in manifest.parts)
    with pytest.raises(BackupError, match="it needs that private key"):
        content(storage, manifest, "configuration.tar.zst.age")
    verdict = verify_backup(filled, storage, manifest.id)
    assert verdict.depth == "hashed"
    assert "there is no private key here: platform.dump.zst.age" in verdict.reason
    assert verify_backup(filled, storage, manifest.id, identity).depth == "decoded"
    kept = files(content(storage, manifest, "configuration.tar.zst.age", identity))
    assert "swordfish99" in kept["airflow_settings.yaml"]
    assert "sk-topsecret" in kept["airflow/connections.json"]
    assert "fernet-of-all-fernets" in kept["keys.json"]
    assert content(storage, manifest, "platform.dump.zst.age", identity).startswith(b"PGDMP")


def test_without_a_recipient_no_secret_of_the_configuration_is_kept(database, storage, sources, settings):
    manifest = create_backup(database, storage, "configuration", sources, settings)
    raw = content(storage, manifest, "configuration.tar.zst")
    for secret in (b"swordfish99", b"sk-topsecret", b"fernet-of-all-fernets"):
        assert secret not in raw
    assert "https://llm.example" in files(raw)["airflow/connections.json"]
    assert any("no backup_recipient is set" in words for words in manifest.left_out)
    assert any("keys.json" in words for words in manifest.left_out)
    assert any("docker-compose.yaml, which does not exist" in words for words in manifest.left_out)


@pytest.mark.parametrize("name", ["airflow_settings.yaml", "docker-compose.yaml", "Dockerfile"])
@pytest.mark.parametrize(
    "written",
    [
        "conn_password: |\n  hunter2secret",
        "conn_password:\n  hunter2secret",
        "conn_password: some hunter2secret words",
        "conn_password: &x hunter2secret",
        "conn_password: !!str hunter2secret",
        'conn_extra: {"aws_session": "hunter2secret"}',
        "ENV LICENCE hunter2secret",
    ],
)
def test_without_a_recipient_a_file_that_may_hold_secrets_is_left_out_whole(
    name, written, database, storage, sources, settings
):
    (sources.configuration.folder / name).write_text(f"- conn_id: llm\n  {written}\n")
    (sources.configuration.folder / "requirements.txt").write_text("--index-url https://a:hunter2secret@b/\n")
    manifest = create_backup(database, storage, "configuration", sources, settings)
    raw = content(storage, manifest, "configuration.tar.zst")
    assert b"hunter2secret" not in raw
    assert name not in files(raw) and "requirements.txt" in files(raw)
    assert f"configuration: {name}, which may hold secrets" in manifest.left_out


@pytest.mark.parametrize(("chosen", "kind", "summed"), [
    ("full", "database", False), ("full", "full", True),
    ("always", "database", True), ("never", "full", False),
])  # fmt: skip
def test_checksums_are_taken_when_they_are_wanted(chosen, kind, summed, filled, storage, sources, settings):
    settings = settings.model_copy(update={"backup_checksums": chosen})
    facts = read_facts(create_backup(filled, storage, kind, sources, settings), "platform")
    table = facts.tables["public.market_candles_2026_03"]
    assert (table.rows, table.checksum is not None) == (1440, summed)


def test_nothing_is_listed_before_it_is_whole_or_after_it_failed(filled, storage, sources, settings):
    settings = settings.model_copy(update={"backup_size_limit_gb": 1e-6})
    with pytest.raises(BackupError, match="raise backup_size_limit_gb"):
        create_backup(filled, storage, "database", sources, settings)
    assert list_backups(filled, storage.location) == []
    assert list(storage.list("")) == []
    with filled.connect() as connection:
        row = connection.execute(text("SELECT status, reason FROM backups")).one()
    assert row.status == "failed" and "larger than" in row.reason
