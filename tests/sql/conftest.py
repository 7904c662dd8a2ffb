"""For the tests of the schema: databases to migrate, and psql."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from psycopg.sql import SQL, Identifier
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from include import database
from local.postgres import Server

Psql = Callable[..., str]


@pytest.fixture
def empty_database(postgres_server: Server, database_url: str) -> Iterator[str]:
    """URL of a database without any table, owned by the role tradeops; it is dropped afterwards."""
    with _created(postgres_server, f"{make_url(database_url).database}_empty", "template1") as url:
        yield url


@pytest.fixture
def migrated_database(postgres_server: Server, database_url: str, template: str) -> Iterator[str]:
    """URL of a database with the newest schema and no row, like the one above."""
    with _created(postgres_server, f"{make_url(database_url).database}_migrated", template) as url:
        yield url


@contextmanager
def _created(server: Server, name: str, template: str) -> Iterator[str]:
    database = Identifier(name)
    with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('template'))")  # one copies a template at a time
        create = SQL("CREATE DATABASE {} OWNER tradeops TEMPLATE {} STRATEGY file_copy")
        connection.execute(create.format(database, Identifier(template)))
        connection.execute("SELECT pg_advisory_unlock(hashtext('template'))")
        yield server.url(name)
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(database))


@pytest.fixture
def psql(postgres_server: Server, database_url: str) -> Psql:
    """Run psql on this worker's database as the role of the platform; answer with what it prints."""

    def run(*arguments: object) -> str:
        done = subprocess.run(
            [postgres_server.binary("psql"), "-X", "-v", "ON_ERROR_STOP=1", *arguments],
            env=postgres_server.environment(make_url(database_url).database),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def step_up(engine: Engine, version: str) -> None:
    """Take the numbered migrations up to this one, without functions and views: those are the newest."""
    config = Config()
    config.set_main_option("script_location", str(database.SQL / "migrations"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes.update(connection=connection, direction="step", say=lambda line: None)
        command.upgrade(config, version)


def but_for_comments(lines: list[str]) -> list[str]:
    """Views and functions explain some columns, which are explained still when those have been dropped."""
    return [line for line in lines if not line.startswith("comment ")]
