"""Reading many rows with COPY: the same values as one by one, whatever they are."""

import math
from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from include.database import read_columns

ODD_TEXTS = [
    "",
    " ",
    "NULL",
    "NaN",
    "\\N",
    'a "quoted", one',
    "two\nlines",
    "a\r\nreturn",
    "ünï¢ode ✓",
    "1",
    None,
]
FIRST, LAST = datetime.fromisoformat("0001-01-02"), datetime.fromisoformat("9999-12-30")


def read(connection, statement, columns, **values):
    return read_columns(connection, text(statement), values, columns)


def test_texts_come_as_they_are_and_null_is_not_the_empty_text(database):
    with database.connect() as connection:
        frame = read(
            connection,
            "SELECT * FROM unnest(CAST(:texts AS text[])) WITH ORDINALITY",
            {"given": "text", "place": "number"},
            texts=ODD_TEXTS,
        )
    assert [None if pd.isna(value) else value for value in frame["given"]] == ODD_TEXTS
    assert frame["place"].tolist() == list(range(1, len(ODD_TEXTS) + 1))


def test_numbers_are_those_nearest_to_the_exact_ones(database):
    written = ["0.1", "-0", "1e-300", "123456789.123456789123456789", "1e300", "NaN", "Infinity", "-Infinity"]
    with database.connect() as connection:
        frame = read(
            connection,
            "SELECT CAST(one AS numeric), CAST(one AS float8) FROM unnest(CAST(:written AS text[])) AS one",
            {"exact": "number", "double": "number"},
            written=written,
        )
    for column in frame:
        for found, meant in zip(frame[column], map(float, written), strict=True):
            assert found == meant or (math.isnan(found) and math.isnan(meant))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
            st.floats(allow_nan=False),
            st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
        ),
        min_size=1,
    )
)
def test_any_rows_are_read_as_they_were_written(database, rows):
    times, numbers, texts = (list(column) for column in zip(*rows, strict=True))
    with database.connect() as connection:
        frame = read(
            connection,
            "SELECT * FROM unnest(CAST(:times AS timestamptz[]), CAST(:numbers AS float8[]), "
            "CAST(:texts AS text[]))",
            {"at": "time", "number": "number", "said": "text"},
            times=times,
            numbers=numbers,
            texts=texts,
        )
    assert str(frame["at"].dtype) == "datetime64[us, UTC]"
    assert [at.to_pydatetime() for at in frame["at"]] == times
    assert frame["number"].tolist() == numbers
    assert frame["said"].tolist() == texts


@pytest.mark.parametrize("some", ["true", "false"])
def test_nothing_known_and_no_rows_have_the_same_types(database, some):
    with database.connect() as connection:
        frame = read(
            connection,
            f"SELECT NULL, NULL, NULL WHERE {some}",
            {"said": "text", "number": "number", "at": "time"},
        )
    assert len(frame) == (some == "true")
    assert frame.isna().all(axis=None)
    assert [str(kind) for kind in frame.dtypes] == ["str", "float64", "datetime64[us, UTC]"]
