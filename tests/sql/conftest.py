"""For the tests of the schema: databases to migrate, and psql."""

import subprocess
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import make_url

from local.postgres import Server

Psql = Callable[..., str]


@pytest.fixture
def empty_database(postgres_server: Server, database_url: str) -> Iterator[str]:
    """URL of a database without any table, owned by the role tradeops; it is dropped afterwards."""
    name = Identifier(f"{make_url(database_url).database}_empty")
    with psycopg.connect(postgres_server.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {} OWNER tradeops").format(name))
        yield postgres_server.url(name.as_string().strip('"'))
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(name))


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
