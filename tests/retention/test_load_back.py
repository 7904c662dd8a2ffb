"""Rows come back from the archive into a table that a migration has changed meanwhile."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from include.retention import RetentionError, Rule, clean, load_back
from include.storage import open_storage

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
DAY = date(2026, 1, 2)
TABLE = """
CREATE TABLE notes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  timestamp timestamptz NOT NULL, "userId" integer, words text,
  twice int GENERATED ALWAYS AS ("userId" * 2) STORED
)
"""


@pytest.fixture
def storage(tmp_path):
    return open_storage(str(tmp_path / "archive"))


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
    assert clean(database, storage, rule, NOW, run_url="", patience=timedelta(minutes=1)).deleted == 3
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
    assert load_back(archived, storage, "notes", DAY, DAY) == 3
    assert load_back(archived, storage, "notes", DAY, DAY) == 0
    with archived.connect() as connection:
        rows = connection.execute(text(f"SELECT words, {column} FROM notes ORDER BY id")).all()
    assert rows[1] == ("word 2", value)


@pytest.mark.parametrize("change", ["DROP COLUMN words", "RENAME COLUMN words TO text"])
def test_what_the_table_no_longer_takes_is_said_and_stays_in_the_archive(archived, storage, change, caplog):
    with archived.begin() as connection:
        connection.execute(text(f"ALTER TABLE notes {change}"))
    assert load_back(archived, storage, "notes", DAY, DAY) == 3
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
        load_back(archived, storage, "notes", DAY, DAY)
    with archived.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM notes")).scalar_one() == 0
