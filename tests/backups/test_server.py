"""Databases beside each other on a real server, made and swapped by a login that is no superuser."""

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from include.backups.postgres.server import (
    administer,
    create_beside,
    drop,
    list_databases,
    swap,
    with_database,
)
from tests.backups.target import TARGET, WORKER, databases


@pytest.fixture
def manager_url(admin_url):
    """What a managed server gives: a login that may create databases and acts for the owner."""
    role = f"manager_{WORKER}"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN CREATEDB PASSWORD 'x' IN ROLE tradeops")
        connection.execute(f"GRANT CONNECT, TEMPORARY ON DATABASE postgres TO {role}")
    yield make_url(admin_url).set(username=role, password="x").render_as_string(hide_password=False)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f"DROP OWNED BY {role}")  # the right that it was given, in the other database
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
                "CREATE TEMP VIEW pg_stat_activity AS SELECT pid, usesysid, datname, application_name "
                f"FROM pg_catalog.pg_stat_activity UNION ALL SELECT pid, NULL, '{TARGET}', '' "
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


def read_settings(url, name):
    with psycopg.connect(url) as connection:
        return set(
            connection.execute(
                "SELECT setrole::regrole::text, unnest(setconfig) FROM pg_db_role_setting "
                "WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = %s)",
                [name],
            ).fetchall()
        )


def read_grants(url, name):
    with psycopg.connect(url) as connection:
        return set(
            connection.execute(
                "SELECT a.grantee::regrole::text, a.privilege_type, a.is_grantable FROM pg_database AS d, "
                "aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a WHERE d.datname = %s",
                [name],
            ).fetchall()
        )


def make_beside(url):
    with administer(url) as connection:
        create_beside(connection, f"{TARGET}_fresh", "tradeops", TARGET)


@pytest.mark.parametrize(
    ("given", "in_force"),
    [
        ("search_path = public, extensions", "public, extensions"),
        ("search_path = \"$user\", 'Odd, one', 'with \"quotes\"'", '"$user", "Odd, one", "with ""quotes"""'),
        ("search_path = ''", '""'),
        ("temp_tablespaces = pg_default, pg_default", "pg_default, pg_default"),
        ("DateStyle = 'ISO, DMY'", "ISO, DMY"),
        ("app.words = 'a, \"b\"'", 'a, "b"'),
    ],
)
def test_settings_are_copied_as_they_are(given, in_force, target_url, admin_url):
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {TARGET} SET {given}")
    make_beside(admin_url)
    assert read_settings(admin_url, f"{TARGET}_fresh") == read_settings(admin_url, TARGET)
    with psycopg.connect(with_database(target_url, f"{TARGET}_fresh")) as connection:
        assert connection.execute(f"SHOW {given.split()[0]}").fetchone() == (in_force,)


def test_settings_of_a_role_are_copied_or_named(target_url, admin_url, manager_url, caplog):
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f"ALTER ROLE tradeops IN DATABASE {TARGET} SET search_path = a, b")
    make_beside(manager_url)  # it may not
    assert f'ALTER ROLE "tradeops" IN DATABASE "{TARGET}_fresh" SET "search_path" = \'a\', \'b\'' in (
        caplog.text
    )
    with administer(admin_url) as connection:
        drop(connection, f"{TARGET}_fresh")
    make_beside(admin_url)
    assert ("tradeops", "search_path=a, b") in read_settings(admin_url, f"{TARGET}_fresh")


@pytest.mark.parametrize(
    "commands",
    [
        [],
        ["REVOKE CONNECT ON DATABASE {} FROM PUBLIC"],
        ["REVOKE ALL ON DATABASE {} FROM PUBLIC"],
        [
            "REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC",
            "GRANT CREATE ON DATABASE {} TO {role}",
            "GRANT CONNECT ON DATABASE {} TO {role} WITH GRANT OPTION",
        ],
    ],
)
def test_grants_are_copied_and_so_is_what_everybody_may_not(commands, target_url, admin_url, manager_url):
    role = make_url(manager_url).username
    with psycopg.connect(admin_url, autocommit=True) as connection:
        for command in commands:
            connection.execute(command.format(TARGET, role=role))
    make_beside(manager_url)
    assert read_grants(admin_url, f"{TARGET}_fresh") == read_grants(admin_url, TARGET)
    with psycopg.connect(admin_url, autocommit=True) as connection:  # so that the role can go
        for name in (TARGET, f"{TARGET}_fresh"):
            connection.execute(f"REVOKE ALL ON DATABASE {name} FROM {role}")
