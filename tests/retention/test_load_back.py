"""Rows come back from the archive, also into a table that a migration has changed meanwhile."""

import runpy
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from include.retention import RetentionError, Rule, load_archived_rows
from tests.retention.rows import NOW, contents, execute, go, insert_errors

DAY = date(2026, 1, 2)
TABLE = """
CREATE TABLE notes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  timestamp timestamptz NOT NULL, "userId" integer, words text,
  twice int GENERATED ALWAYS AS ("userId" * 2) STORED
)
"""


@pytest.fixture
def archived(database, storage):
    """Three rows of an adopted table, archived and gone."""
    with database.begin() as connection:
        connection.execute(text(TABLE))
        connection.execute(
            text(
                'INSERT INTO notes (timestamp, "userId", words) '
                "SELECT '2026-01-02Z'::timestamptz + n * interval '1 hour', n, 'word ' || n "
                "FROM generate_series(1, 3) AS n"
            )
        )
    rule = Rule("notes", timedelta(days=30))
    assert go(database, storage, rule).deleted == 3
    yield database
    with database.begin() as connection:
        connection.execute(text("DROP TABLE notes"))


@pytest.mark.parametrize(
    ("change", "column", "value"),
    [
        ("ADD COLUMN host text", "host", None),
        ("ADD COLUMN source text NOT NULL DEFAULT 'app'", "source", "app"),
        ("ADD COLUMN source text DEFAULT 'app'", "source", "app"),
        ('ADD COLUMN thrice int GENERATED ALWAYS AS ("userId" * 3) STORED', "thrice", 6),
        ("ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY", "number", 2),
        ("ALTER COLUMN words TYPE varchar(20)", "words", "word 2"),
        ('ALTER COLUMN "userId" SET DATA TYPE bigint', '"userId"', 2),
        ("ALTER COLUMN words SET DEFAULT 'none'", "twice", 4),
    ],
)
def test_new_columns_get_their_values_and_old_ones_come_back(archived, storage, change, column, value):
    with archived.begin() as connection:
        if "userId" in change and "TYPE" in change:
            connection.execute(text("ALTER TABLE notes DROP COLUMN twice"))
        connection.execute(text(f"ALTER TABLE notes {change}"))
    assert load_archived_rows(archived, storage, "notes", DAY, DAY) == 3
    assert load_archived_rows(archived, storage, "notes", DAY, DAY) == 0
    with archived.connect() as connection:
        rows = connection.execute(text(f"SELECT words, {column} FROM notes ORDER BY id")).all()
    assert rows[1] == ("word 2", value)


@pytest.mark.parametrize("change", ["DROP COLUMN words", "RENAME COLUMN words TO text"])
def test_what_the_table_no_longer_takes_is_said_and_stays_in_the_archive(archived, storage, change, caplog):
    with archived.begin() as connection:
        connection.execute(text(f"ALTER TABLE notes {change}"))
    assert load_archived_rows(archived, storage, "notes", DAY, DAY) == 3
    assert "words" in caplog.text


@pytest.mark.parametrize(
    "change",
    [
        "ADD COLUMN must text NOT NULL",
        "ADD CHECK (words <> 'word 2') NOT VALID",
        "ALTER COLUMN words TYPE integer USING 1",
    ],
)
def test_rows_that_do_not_fit_any_more_are_refused_in_words(archived, storage, change):
    with archived.begin() as connection:
        connection.execute(text(f"ALTER TABLE notes {change}"))
    with pytest.raises(RetentionError, match="does not fit notes as it is now"):
        load_archived_rows(archived, storage, "notes", DAY, DAY)
    with archived.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM notes")).scalar_one() == 0


@pytest.mark.parametrize("attempt", range(4))  # files have random names
def test_of_a_row_that_was_archived_more_than_once_the_last_comes_back(database, storage, attempt):
    insert_errors(database, 1, newest=NOW - timedelta(days=100))
    day = (NOW - timedelta(days=100)).date()
    for version in ("first", "second", "third"):
        execute(database, "UPDATE atge_error_logs SET error_message = :version", version=version)
        assert go(database, storage).deleted == 1
        assert load_archived_rows(database, storage, "atge_error_logs", day, day) == 1
        assert [row.error_message for row in contents(database)] == [version]


def test_loading_back_what_was_never_archived_says_so(database, storage):
    with pytest.raises(RetentionError, match="nothing of atge_error_logs from 2020-01-01"):
        load_archived_rows(database, storage, "atge_error_logs", date(2020, 1, 1), date(2020, 1, 2))


def test_the_command_line_loads_rows_back(database, database_url, storage, tmp_path, monkeypatch, capsys):
    insert_errors(database, 3, newest=NOW - timedelta(days=100))
    go(database, storage)
    monkeypatch.setenv("TRADEOPS_DATABASE_URL", database_url)
    command = ["retention", "load", "--archive", str(tmp_path / "archive"), "atge_error_logs"]
    monkeypatch.setattr("sys.argv", [*command, "2026-08-01", "2026-08-31"])
    runpy.run_module("include.retention", run_name="__main__")
    assert capsys.readouterr().out == "3 rows are back in atge_error_logs\n"
    monkeypatch.setattr("sys.argv", [*command, "2020-08-01", "2020-08-31"])
    with pytest.raises(SystemExit, match="nothing of atge_error_logs"):
        runpy.run_module("include.retention", run_name="__main__")
