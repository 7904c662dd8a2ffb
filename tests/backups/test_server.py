"""Databases beside each other on a real server, made and swapped by a login that is no superuser."""

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from include.backups import with_database
from include.backups.server import administer, create_beside, list_databases, swap
from tests.backups.target import TARGET, WORKER, databases


@pytest.fixture
def manager_url(admin_url):
    """What a managed server gives: a login that may create databases and acts for the owner."""
    role = f"manager_{WORKER}"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN CREATEDB PASSWORD 'x' IN ROLE tradeops")
    yield make_url(admin_url).set(username=role, password="x").render_as_string(hide_password=False)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f"DROP ROLE {role}")


def test_a_neighbour_that_lets_nobody_in_is_listed_without_its_size(target_url, admin_url, manager_url):
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TARGET}_theirs")
        connection.execute(f"REVOKE CONNECT ON DATABASE {TARGET}_theirs FROM PUBLIC")
    with administer(manager_url) as connection:
        there = list_databases(connection)
    assert there[f"{TARGET}_theirs"].size == 0
    assert there[TARGET].size > 1_000_000


def test_a_swap_leaves_autovacuum_to_the_server(target_url, manager_url):
    with administer(manager_url) as connection:
        create_beside(connection, f"{TARGET}_fresh", "tradeops", TARGET)
        # The launcher stands in for a worker, which cannot be had at will: neither is anybody's session.
        connection.execute(
            text(
                "CREATE TEMP VIEW pg_stat_activity AS SELECT pid, usesysid, datname "
                f"FROM pg_catalog.pg_stat_activity UNION ALL SELECT pid, NULL, '{TARGET}' "
                "FROM pg_catalog.pg_stat_activity WHERE usesysid IS NULL AND datname IS NULL"
            )
        )
        connection.execute(text("SET search_path = pg_temp, pg_catalog"))
        with psycopg.connect(target_url) as writer:
            writer.execute("SELECT 1")
            swap(connection, TARGET, f"{TARGET}_fresh", f"{TARGET}_kept")
            with pytest.raises(psycopg.OperationalError):
                writer.execute("SELECT 1")
    assert {TARGET, f"{TARGET}_kept"} <= databases(manager_url)
    assert f"{TARGET}_fresh" not in databases(manager_url)
    with psycopg.connect(with_database(target_url, TARGET)):
        pass
