"""A platform with a past, filled once for all tests that read it; reports are each test's own."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy import Engine, text

from include.database import connect
from include.reports import last_period
from include.reports.build import build_report, read_report
from include.settings import Settings
from include.storage import Storage, open_storage
from tests.reports.past import fill_past
from tests.support.mailbox import Mailbox, mail_server

NOW = datetime.now(UTC)
DAYS = 40
PAST = "reports_past"
FIRST = NOW.date() - timedelta(days=DAYS)
SETTINGS = Settings.model_construct()


@pytest.fixture(scope="session")
def filled(postgres_server, template) -> Iterator[Engine]:
    """This worker's database with forty days of trades and the rest; a copy of one that is filled once."""
    own = f"reports_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with psycopg.connect(postgres_server.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('template'))")
        make = SQL("CREATE DATABASE {} OWNER tradeops TEMPLATE {} STRATEGY file_copy")
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [PAST]).fetchone():
            fresh = f"{PAST}_new"
            connection.execute(SQL("DROP DATABASE IF EXISTS {}").format(Identifier(fresh)))
            connection.execute(make.format(Identifier(fresh), Identifier(template)))
            engine = connect(postgres_server.url(fresh), application="tests")
            fill_past(engine, FIRST, DAYS)
            engine.dispose()
            rename = SQL("ALTER DATABASE {} RENAME TO {}")
            connection.execute(rename.format(Identifier(fresh), Identifier(PAST)))
        connection.execute(make.format(Identifier(own), Identifier(PAST)))
    engine = connect(postgres_server.url(own), application="tests")
    yield engine
    engine.dispose()


@pytest.fixture
def week():
    return last_period("weekly", NOW)


@pytest.fixture
def past(filled) -> Engine:
    """The filled database without a report."""
    with filled.begin() as connection:
        connection.execute(text("DELETE FROM reports"))
    return filled


@pytest.fixture
def key(past, week):
    return build_report(past, week, SETTINGS, free_bytes=10 << 30, run_url="http://airflow/first")


@pytest.fixture
def report(past, key):
    return read_report(past, key)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(str(tmp_path / "reports"))


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def mail_port(mailbox):
    with mail_server(mailbox) as port:
        yield port
