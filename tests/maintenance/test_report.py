"""The report and the tending, on a database with something to find."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from include.database import connect
from include.humanize import size_text
from include.maintenance import (
    VacuumedTable,
    inspect_database,
    note_table_sizes,
    read_growth,
    read_reports,
    store_report,
    vacuum_tables,
)
from include.maintenance.forecast import fit_line

MINUTE = timedelta(minutes=1)
TODAY = datetime.now(UTC).date()


def execute(engine, statement, **values):
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        done = connection.execute(text(statement), values)
        return done.all() if done.returns_rows else None


@pytest.fixture
def table(database):
    """A table with an index used by nobody, one that repeats another, and many dead rows."""
    execute(
        database,
        """
        CREATE TABLE tended (id integer PRIMARY KEY, other integer) WITH (autovacuum_enabled = false);
        INSERT INTO tended SELECT n, n FROM generate_series(1, 5000) AS n;
        CREATE INDEX tended_other ON tended (other);
        CREATE INDEX tended_again ON tended (other);
        SELECT pg_stat_force_next_flush();
        DELETE FROM tended WHERE id > 2500;
        """,
    )
    yield "tended"
    execute(database, "DROP TABLE tended")


def report(engine, kind="monthly", tended=(), free=None):
    return inspect_database(engine, kind, "http://airflow/run", tended, free)


def words(found):
    return " | ".join(one.words for one in found.findings)


def rows_of(found, title):
    (section,) = (one for one in found.sections if one.title == title)
    return section.rows


def test_what_has_many_dead_rows_is_vacuumed_and_the_rest_left_alone(database, table):
    done = vacuum_tables(database, time_limit=MINUTE)
    assert [(one.table, one.what) for one in done if one.table == table] == [(table, "vacuum, analyze")]
    assert vacuum_tables(database, time_limit=MINUTE) == [one for one in done if one.table != table][:0]
    (row,) = (row for row in rows_of(report(database), "Dead rows and statistics") if row[0] == table)
    assert row[2] == 0  # dead


def test_no_time_left_is_said(database, table):
    assert ("tended", "left for the next run: no time") in [
        (one.table, one.what) for one in vacuum_tables(database, time_limit=timedelta(seconds=-1))
    ]


def test_dead_rows_and_repeated_indexes_are_findings(database, table):
    found = report(database)
    assert "tended holds 2500 dead rows and 2500 live ones" in words(found)
    assert "tended_again is the same as tended_other" in words(found)
    assert "tended_pkey" not in words(found)


def test_the_schema_itself_gives_no_finding_on_indexes(database):
    assert "is the same as" not in words(report(database))
    assert "is invalid" not in words(report(database))


def test_an_old_transaction_is_named(database, database_url, monkeypatch):
    from include.maintenance import report as module

    monkeypatch.setattr(module, "LONG", timedelta(0))
    other = connect(database_url, application="somebody else")
    with other.connect() as connection:
        connection.execute(text("SELECT 1"))
        assert "(somebody else, idle in transaction) is open for" in words(report(database))
    other.dispose()


def test_without_pg_stat_statements_the_report_says_so(database):
    (section,) = (one for one in report(database).sections if one.title == "Slow statements")
    assert "not installed" in section.note


def test_the_weekly_report_leaves_the_review_out(database):
    titles = [one.title for one in report(database, "weekly", [VacuumedTable("x", "analyze", 0.1)]).sections]
    assert titles == ["Sizes and growth", "Dead rows and statistics", "Vacuumed and analyzed in this run"]


def test_sizes_are_noted_once_a_day_and_partitions_count_under_their_table(database):
    execute(database, "SELECT ensure_candle_partitions(now(), now())")
    assert note_table_sizes(database) == note_table_sizes(database) > 10
    names = [row[0] for row in rows_of(report(database), "Sizes and growth")]
    assert "market_candles" in names and not any(name.startswith("market_candles_") for name in names)
    assert list(read_growth(database)) == [TODAY]


def grow(engine, bytes_a_day, days=10):
    execute(
        engine,
        "INSERT INTO table_sizes SELECT (now() AT TIME ZONE 'UTC')::date - n, 'made', "
        "10000000 + (:days - n) * :slope, 0 FROM generate_series(0, :days - 1) AS n",
        days=days, slope=bytes_a_day,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("slope", "free", "severity"), [(1000, 10_000, "warning"), (1000, 60_000, "info"), (1000, 10**9, None)]
)
def test_the_disk_is_full_some_day(database, slope, free, severity):
    grow(database, slope)
    found = [one for one in report(database, free=free).findings if "disk is full on" in one.words]
    assert [one.severity for one in found] == ([severity] if severity else [])
    if severity:
        assert str(TODAY + timedelta(days=free // slope)) in found[0].words


def test_without_history_or_disk_the_report_says_so(database):
    assert "no forecast of the disk yet: 0 days of sizes" in words(report(database, free=10))
    assert "the disk of the database is not seen from here" in words(report(database))


def test_a_straight_line_and_what_does_not_grow():
    sizes = {date(2026, 1, 1) + timedelta(days=n): 100 + 10 * n for n in range(10)}
    assert fit_line(sizes).full_after(55)[0] == date(2026, 1, 10) + timedelta(days=5)
    assert fit_line(dict.fromkeys(sizes, 7)).full_after(55)[0] is None
    assert fit_line(sizes).full_after(10**9)[0] is None
    with pytest.raises(ValueError, match="7 are needed"):
        fit_line(dict(list(sizes.items())[:6]))


def test_a_report_is_kept_once_a_run_and_read_back(database, table):
    found = report(database, tended=[VacuumedTable("x", "analyze", 0.1)])
    assert store_report(database, found) == store_report(database, found)
    (read,) = read_reports(database, limit=5)
    assert read.findings == found.findings
    assert [one.title for one in read.sections] == [one.title for one in found.sections]
    assert [list(row) for row in read.sections[2].rows] == [["x", "analyze", 0.1]]


@pytest.mark.parametrize(("number", "shown"), [(0, "0 B"), (1536, "1.5 KiB"), (5 * 1024**4, "5.0 TiB")])
def test_bytes_for_people(number, shown):
    assert size_text(number) == shown
