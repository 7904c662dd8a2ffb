"""Rows and checksums of one snapshot, and what would make a dump silently short."""

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.engine import make_url

from include.backups.manifest import BackupError
from include.backups.postgres.snapshot import hold_snapshot, measure_database


@pytest.fixture
def reader(postgres_server, database_url):
    """URL of a role that may read everything, and nothing more."""
    name = f"reader_{make_url(database_url).database}"
    admin = postgres_server.url(make_url(database_url).database, "postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'secret' IN ROLE pg_read_all_data").format(
                sql.Identifier(name)
            )
        )
        yield make_url(database_url).set(username=name, password="secret").render_as_string(False)
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.fixture
def strange(filled):
    """A table with a name that needs quoting and columns of many types."""
    with filled.begin() as connection:
        connection.exec_driver_sql(
            'CREATE TABLE "Odd %% name" (id int, gone int, j jsonb, t timestamptz, f float8, b bytea, '
            "i interval, n numeric, a text[], m money)"
        )
        connection.exec_driver_sql('ALTER TABLE "Odd %% name" DROP COLUMN gone')
        connection.exec_driver_sql(
            "INSERT INTO \"Odd %% name\" VALUES (1, '{\"a\": 1}', '2026-01-01Z', 0.1, 'x', "
            "'1 day 2 hours', 1.10, '{ä,b}', 12.5), (2, NULL, NULL, 'NaN', NULL, NULL, NULL, NULL, NULL)"
        )
    yield 'public."Odd % name"'
    with filled.begin() as connection:
        connection.exec_driver_sql('DROP TABLE "Odd %% name"')


def test_a_reader_of_everything_sees_what_the_owner_sees(strange, reader, database_url):
    assert measure_database(reader).tables == measure_database(database_url).tables
    assert measure_database(reader).tables[strange].rows == 2


def test_a_checksum_depends_on_content_and_not_on_order_or_session(filled, database_url):
    name = "public.market_candles_2026_03"
    before = measure_database(database_url).tables[name]
    with filled.begin() as connection:
        connection.execute(
            text("CREATE TEMP TABLE t AS SELECT * FROM market_candles_2026_03 ORDER BY 2 DESC")
        )
        connection.execute(text("TRUNCATE market_candles_2026_03"))
        connection.execute(text("INSERT INTO market_candles SELECT * FROM t"))
    assert measure_database(database_url).tables[name] == before
    with filled.begin() as connection:
        connection.execute(text("ALTER ROLE CURRENT_USER SET timezone = 'Asia/Tokyo'"))
    assert measure_database(database_url).tables[name] == before
    with filled.begin() as connection:
        connection.execute(text("ALTER ROLE CURRENT_USER RESET timezone"))
        connection.execute(text(f"UPDATE {name} SET volume = 11 WHERE timestamp = '2026-03-31 12:00Z'"))
    after = measure_database(database_url).tables[name]
    assert after.rows == before.rows and after.checksum != before.checksum


def test_a_checksum_is_of_the_whole_row_whatever_its_columns_are_called(filled, database_url):
    name = "public.ticks"
    try:
        with filled.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE ticks (t timestamptz, x int, price numeric)")
            connection.exec_driver_sql("INSERT INTO ticks VALUES ('2026-01-01Z', 1, 5), (NULL, 2, 6)")
        before = measure_database(database_url).tables[name]
        with filled.begin() as connection:
            connection.exec_driver_sql("UPDATE ticks SET price = 7 WHERE t IS NULL")
        after = measure_database(database_url).tables[name]
        assert (after.rows, before.rows) == (2, 2) and after.checksum != before.checksum
    finally:
        with filled.begin() as connection:
            connection.exec_driver_sql("DROP TABLE ticks")


def test_without_checksums_rows_alone_are_counted(filled, database_url):
    counted = measure_database(database_url, checksums=False).tables["public.market_candles_2026_03"]
    assert (counted.rows, counted.checksum) == (1440, None)


def test_rows_that_row_level_security_hides_are_an_error_that_names_the_table(filled, reader):
    with filled.begin() as connection:
        connection.execute(text("ALTER TABLE trade_signals ENABLE ROW LEVEL SECURITY"))
    try:
        with pytest.raises(BackupError, match=r"hide rows of public\.trade_signals .* Give it BYPASSRLS"):
            measure_database(reader)
    finally:
        with filled.begin() as connection:
            connection.execute(text("ALTER TABLE trade_signals DISABLE ROW LEVEL SECURITY"))


def test_the_owner_is_not_subject_to_row_level_security_unless_it_is_forced(filled, database_url):
    with filled.begin() as connection:
        connection.execute(text("ALTER TABLE trade_signals ENABLE ROW LEVEL SECURITY"))
    try:
        assert measure_database(database_url).tables
        with filled.begin() as connection:
            connection.execute(text("ALTER TABLE trade_signals FORCE ROW LEVEL SECURITY"))
        with pytest.raises(BackupError, match=r"hide rows of public\.trade_signals"):
            measure_database(database_url)
    finally:
        with filled.begin() as connection:
            connection.execute(text("ALTER TABLE trade_signals NO FORCE ROW LEVEL SECURITY"))
            connection.execute(text("ALTER TABLE trade_signals DISABLE ROW LEVEL SECURITY"))


def test_a_table_that_the_role_may_not_read_is_named(filled, postgres_server, database_url):
    admin = postgres_server.url(make_url(database_url).database, "postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("CREATE TABLE hidden ()")
        try:
            with pytest.raises(BackupError, match=r"may not read public\.hidden\. Grant it pg_read_all_data"):
                measure_database(database_url)
        finally:
            connection.execute("DROP TABLE hidden")


def test_a_truncate_waits_until_the_snapshot_is_let_go(filled, database_url):
    with hold_snapshot(database_url) as snapshot:
        with pytest.raises(Exception, match="lock timeout"), filled.begin() as connection:
            connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
            connection.execute(text("TRUNCATE market_candles"))
        assert snapshot.describe(checksums=False).tables["public.market_candles_2026_03"].rows == 1440
    with filled.begin() as connection:
        connection.execute(text("TRUNCATE market_candles"))


def test_writes_after_the_snapshot_are_not_in_it(filled, database_url):
    with hold_snapshot(database_url) as snapshot:
        with filled.begin() as connection:
            connection.execute(text("DELETE FROM market_candles"))
        assert snapshot.describe(checksums=False).tables["public.market_candles_2026_04"].rows == 1440
