"""For the tests of backups: a storage in a folder, sources, and a private key that the writer never sees."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, text

from include.backups.create import create_backup
from include.backups.files.configuration import Configuration
from include.backups.manifest import Manifest
from include.backups.postgres.facts import find_dump
from include.backups.postgres.restore import plan_restore, restore_into
from include.backups.postgres.swap import verify_restored
from include.settings import Settings
from include.storage import Storage, open_storage
from local.postgres import Server
from tests.backups.debian import INSTALLED, PROGRAMS_16, WHY_NOT, Debian, run_debian
from tests.backups.sources import Sources
from tests.backups.target import TARGET

AT = datetime(2026, 11, 22, 6, tzinfo=UTC)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(str(tmp_path / "store"))


@pytest.fixture
def settings() -> Settings:
    return Settings(backup_checksums="always")


@pytest.fixture(scope="session")
def identity() -> str:
    """A private age key."""
    import pyrage

    return str(pyrage.x25519.Identity.generate())


@pytest.fixture
def encrypting(settings: Settings, identity: str) -> Settings:
    """Settings of a machine that may write backups and not read them."""
    import pyrage

    recipient = str(pyrage.x25519.Identity.from_str(identity).to_public())
    return settings.model_copy(update={"backup_recipient": recipient})


@pytest.fixture
def sources(database_url: str, tmp_path: Path) -> Sources:
    logs, checkout = tmp_path / "logs", tmp_path / "checkout"
    (logs / "dag_id=settle").mkdir(parents=True)
    (logs / "dag_id=settle" / "attempt=1.log").write_text("claimed 3 trades\npassword=hunter2secret\n" * 50)
    checkout.mkdir()
    (checkout / "airflow_settings.yaml").write_text("conn_password: swordfish99\n")
    configuration = Configuration(
        folder=checkout,
        connections={
            "llm": {"conn_type": "http", "conn_host": "https://llm.example", "conn_password": "sk-topsecret"}
        },
        variables={"tradeops_settings": {"data_quality_min": 95}},
        environment={"AIRFLOW__CORE__EXECUTOR": "LocalExecutor"},
        keys={"fernet_key": "fernet-of-all-fernets"},
    )
    return Sources({"platform": database_url}, (logs,), configuration)


@pytest.fixture
def filled(database: Engine) -> Engine:
    """The database with a few thousand candles in two partitions, and a sequence that was used."""
    with database.begin() as connection:
        connection.execute(text("SELECT ensure_candle_partitions('2026-03-30Z', '2026-04-02Z')"))
        connection.execute(
            text(
                "INSERT INTO market_candles "
                "SELECT 'BTC', '1m', t, 1, 2, 0.5, 1.5, 10, 'archive' "
                "FROM generate_series('2026-03-31Z'::timestamptz, '2026-04-01 23:59Z', '1 minute') AS t"
            )
        )
    return database


@pytest.fixture
def only(sources: Sources) -> Sources:
    """Sources without any database: quick."""
    return replace(sources, databases={})


@pytest.fixture
def backup(filled: Engine, storage: Storage, sources: Sources, settings: Settings) -> Manifest:
    return create_backup(filled, storage, "database", sources, settings)


@pytest.fixture
def back_up(database, storage, sources, settings):
    def go(url, **others):
        return create_backup(
            database, storage, "database", replace(sources, databases={"platform": url, **others}), settings
        )

    return go


@pytest.fixture
def plan(storage):
    def go(manifest, target_url, admin_url):
        return plan_restore(storage, manifest.id, "platform", target_url, admin_url, AT)

    return go


@pytest.fixture
def restore(storage, plan):
    """Plan and restore; gives the plan and the URL of the verified database."""

    def go(manifest, target_url, admin_url):
        planned = plan(manifest, target_url, admin_url)
        part, facts = find_dump(manifest, "platform")
        url = restore_into(storage, manifest, part, planned.fresh, target_url, admin_url)
        verify_restored(url, facts)
        return planned, url

    return go


@pytest.fixture(scope="session")
def debian(postgres_server: Server) -> Iterator[Debian]:
    """PostgreSQL 15 as Debian has it, with a role of the platform and one that may create databases."""
    if not INSTALLED:
        pytest.skip(WHY_NOT)
    with run_debian(postgres_server.folder) as server:
        yield server


@pytest.fixture(scope="session")
def sixteen(debian: Debian, postgres_server: Server) -> Iterator[Debian]:
    """PostgreSQL 16; `postgres_server` has made the folders of the wheel passable for other users."""
    with run_debian(postgres_server.folder, PROGRAMS_16) as server:
        yield server


@pytest.fixture
def admin_url(postgres_server: Server) -> str:
    return postgres_server.url("postgres", "postgres")


@pytest.fixture
def target_url(postgres_server: Server, admin_url: str, template: str) -> Iterator[str]:
    """A database of its own, which a restore may replace."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TARGET} OWNER tradeops TEMPLATE {template} STRATEGY file_copy")
        connection.execute(f"ALTER DATABASE {TARGET} SET work_mem = '5MB'")
    yield postgres_server.url(TARGET)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        for (found,) in connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [TARGET]
        ).fetchall():
            connection.execute(f'DROP DATABASE "{found}" WITH (FORCE)')
