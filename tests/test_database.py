"""The door to the database: sessions, what happens when it is shut, named queries, COPY."""

import math
import socket
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from include.database import (
    SQL,
    DatabaseError,
    connect,
    copy_frame,
    migrate,
    read_frame,
    revision,
    sql,
    statement_timeout,
)
from include.strange_times import EARLIEST, LATEST, StrangeDate, StrangeTime

SECRET = "s3cr#t:/p@ss"


def with_(url: str, **parts: object) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)


def shown(connection, *names: str) -> list[str]:
    return [connection.execute(text(f"SHOW {name}")).scalar_one() for name in names]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg"])
def test_a_session_has_a_name_limits_and_utc(database_url, scheme):
    url = scheme + database_url.removeprefix("postgresql")
    engine = connect(
        url,
        application="the sweep",
        statement_timeout=timedelta(seconds=7),
        lock_timeout=timedelta(milliseconds=1500),
        idle_in_transaction_timeout=timedelta(minutes=2),
    )
    with engine.connect() as connection:
        assert isinstance(connection.connection.driver_connection, psycopg.Connection)
        limits = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        assert shown(connection, *limits) == ["7s", "1500ms", "2min"]
        assert shown(connection, "timezone", "application_name") == ["UTC", "the sweep"]
    engine.dispose()


def test_limits_hold_unless_told_otherwise(database):
    with database.connect() as connection:
        limits = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        assert shown(connection, *limits) == ["1min", "10s", "5min"]


def test_what_the_url_asks_for_passes(database_url):
    engine = connect(database_url + "?options=-c%20work_mem%3D7MB&sslmode=disable", application="tests")
    with engine.connect() as connection:
        assert shown(connection, "work_mem", "timezone", "statement_timeout") == ["7MB", "UTC", "1min"]
    engine.dispose()


def test_a_long_statement_is_ended(database_url):
    engine = connect(database_url, application="tests", statement_timeout=timedelta(milliseconds=50))
    with pytest.raises(OperationalError, match="statement timeout"), engine.connect() as connection:
        connection.execute(text("SELECT pg_sleep(5)"))
    engine.dispose()


def test_the_pool_is_bounded(database_url):
    engine = connect(database_url, application="bounded", pool_size=2)
    with engine.connect() as one, engine.connect() as two:
        pids = {c.execute(text("SELECT pg_backend_pid()")).scalar_one() for c in (one, two)}
        assert engine.pool.status().startswith("Pool size: 2")
        assert engine.pool._max_overflow == 0
    with engine.connect() as again:
        assert again.execute(text("SELECT pg_backend_pid()")).scalar_one() in pids
    engine.dispose()


def test_a_connection_that_died_in_the_pool_is_replaced(database_url, postgres_server):
    engine = connect(database_url, application="tests", pool_size=1)
    with engine.connect() as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with psycopg.connect(postgres_server.url("postgres", "postgres"), autocommit=True) as admin:
        assert admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid]).fetchone() == (True,)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() != pid
    engine.dispose()


def test_the_values_of_a_statement_stay_out_of_its_error(database):
    with pytest.raises(DBAPIError) as error, database.connect() as connection:
        connection.execute(text("SELECT CAST(:value AS integer) FROM nowhere"), {"value": "personal"})
    assert "personal" not in str(error.value)


@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
@pytest.mark.parametrize(
    ("text_", "end"),
    [
        ("infinity", LATEST), ("12026-05-01", LATEST), ("10000-01-01", LATEST),
        ("-infinity", EARLIEST), ("0044-03-15 BC", EARLIEST), ("4713-01-01 BC", EARLIEST),
    ],
)  # fmt: skip
def test_a_time_that_python_cannot_hold_is_read_as_the_nearest_beside_all_others(database, kind, text_, end):
    with database.connect() as connection:
        values = connection.execute(
            text(
                f"SELECT CAST(of AS {kind}), CAST(of AS {kind})::text AS true_one "
                "FROM unnest(ARRAY['2026-05-01', :odd, NULL]) WITH ORDINALITY AS given (of, place) "
                "ORDER BY place"
            ),
            {"odd": text_},
        ).all()
    before, odd, nothing = (row[0] for row in values)
    assert isinstance(odd, StrangeDate if kind == "date" else StrangeTime)
    assert odd.text == values[1].true_one
    assert odd == (end.date() if kind == "date" else end)
    assert str(before).startswith("2026-05-01")
    assert type(before) in (date, datetime)
    assert nothing is None


def test_every_time_that_python_can_hold_is_read_as_it_is(database):
    edges = [
        "0001-01-01 00:00:00",
        "9999-12-31 23:59:59.999999",
        "1582-10-10 00:00:00",
        "2026-02-28 01:02:03.5",
    ]
    with database.connect() as connection:
        for edge in edges:
            for kind in ("timestamptz", "timestamp"):
                found = connection.execute(text(f"SELECT CAST(:at AS {kind})"), {"at": edge}).scalar_one()
                assert type(found) is datetime
                assert found.replace(tzinfo=None) == datetime.fromisoformat(edge)


def refusal(url: str) -> str:
    """The words for a database that cannot be used, from its first use on."""
    engine = connect(url, application="tests")
    with pytest.raises(DatabaseError) as error, engine.connect():
        pass
    engine.dispose()
    with pytest.raises(DatabaseError) as of_migrate:
        migrate(url)
    assert str(of_migrate.value) == str(error.value)
    return str(error.value)


def test_a_server_that_is_down_is_said(database_url):
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        said = refusal(with_(database_url, port=port, password=SECRET))
    assert f"at 127.0.0.1:{port} cannot be reached. Is it running" in said
    assert SECRET not in said


def test_a_wrong_password_is_said_without_it(database_url):
    said = refusal(with_(database_url, password=SECRET))
    assert "does not let role 'tradeops' in" in said
    assert SECRET not in said


def test_an_unknown_role_is_said(database_url):
    assert "does not let role 'stranger' in" in refusal(with_(database_url, username="stranger"))


def test_a_missing_database_is_said(database_url):
    assert "There is no database 'nowhere'" in refusal(with_(database_url, database="nowhere"))


def test_a_server_without_a_connection_left_is_said(postgres_server, database_url):
    name = make_url(database_url).database
    with psycopg.connect(postgres_server.url("postgres", "postgres"), autocommit=True) as admin:
        admin.execute("ALTER ROLE airflow CONNECTION LIMIT 0")
        try:
            said = refusal(postgres_server.url(name, "airflow"))
        finally:
            admin.execute("ALTER ROLE airflow CONNECTION LIMIT -1")
    assert "has no connection left" in said


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("not a url", "cannot be read; expected postgresql://"),
        ("", "cannot be read"),
        ("postgresql://role:secret@host:port/database", "cannot be read"),
        ("mysql://role:secret@host/database", "is for mysql; this needs postgresql://"),
        ("postgresql://role:sec@ret@host/database", "holds an @: write it as %40"),
        ("postgresql://role:s/ec@ret@host/database", None),
    ],
)
def test_an_unusable_url_is_said_without_its_password(url, words):
    with pytest.raises(DatabaseError, match=words) as error:
        connect(url, application="tests")
    for part in ("secret", "sec@", "ret@"):
        assert part not in str(error.value)


def test_the_engine_does_not_show_its_password(database_url):
    engine = connect(database_url, application="tests")
    assert make_url(database_url).password not in repr(engine)


def test_a_query_is_loaded_by_its_name():
    statement = sql("trades/list_claimed_batches")
    assert str(statement) == (SQL / "queries" / "trades/list_claimed_batches.sql").read_text()
    assert sql("trades/list_claimed_batches") is statement
    with pytest.raises(LookupError, match="There is no query 'not_there'"):
        sql("not_there")


@pytest.mark.parametrize(
    "path", sorted((SQL / "queries").rglob("*.sql")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_every_query_is_a_statement_with_a_comment(path):
    assert path.read_text().startswith("-- ")
    assert sql(f"{path.parent.name}/{path.stem}").compile() is not None


@pytest.fixture
def connection(database):
    with database.connect() as connection:
        yield connection


def copied(connection, frame: pd.DataFrame, types: dict[str, str]) -> list[tuple]:
    quoted = {name: '"' + name.replace('"', '""') + '"' for name in types}
    columns = ", ".join(f"{quoted[name]} {type_}" for name, type_ in types.items())
    connection.execute(text(f'CREATE TEMP TABLE "a Table" (row serial, {columns}) ON COMMIT DROP'))
    copy_frame(connection, "a Table", frame)
    select = f'SELECT {", ".join(quoted.values())} FROM "a Table" ORDER BY row'
    rows = [tuple(row) for row in connection.execute(text(select))]
    connection.rollback()
    return rows


def test_copy_keeps_every_kind_of_value(connection):
    moment = datetime(2024, 2, 29, 12, 34, 56, 789012, tzinfo=UTC)
    one = uuid.uuid4()
    frame = pd.DataFrame(
        {
            'a "name"': ['quoted " and, comma', "two\nlines \\N\t", "", None],
            "moment": pd.Series([moment, None, None, None], dtype="datetime64[us, UTC]"),
            "local": pd.to_datetime([moment] * 4).tz_convert("Asia/Kolkata"),
            "day": [date(2024, 2, 29), None, None, None],
            "price": [0.1, math.nan, 1e-12, 123456789.12345678],
            "exact": [Decimal("1.10"), None, Decimal("-3"), None],
            "whole": pd.array([1, None, 2**40, -1], dtype="Int64"),
            "yes": pd.array([True, None, False, True], dtype="boolean"),
            "id": [str(one), None, None, None],
            "detail": ['{"a": [1, "b"]}', None, None, None],
            "kind": pd.Categorical(["x", "y", "x", None]),
        }
    )
    types = dict(zip(frame.columns, ("text", "timestamptz", "timestamptz", "date"), strict=False))
    types |= {"price": "numeric", "exact": "numeric", "whole": "bigint", "yes": "boolean"}
    types |= {"id": "uuid", "detail": "jsonb", "kind": "text"}
    assert copied(connection, frame, types) == [
        ('quoted " and, comma', moment, moment, date(2024, 2, 29), Decimal("0.1"), Decimal("1.10"), 1, True,
         one, {"a": [1, "b"]}, "x"),
        ("two\nlines \\N\t", None, moment, None, None, None, None, None, None, None, "y"),
        ("", None, moment, None, Decimal("1e-12"), Decimal("-3"), 2**40, False, None, None, "x"),
        (None, None, moment, None, Decimal("123456789.12345678"), None, -1, True, None, None, None),
    ]  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=50))
def test_copied_floats_come_back_exactly(connection, values):
    rows = copied(connection, pd.DataFrame({"value": np.array(values, dtype=float)}), {"value": "numeric"})
    assert [float(value) for (value,) in rows] == values


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(
        st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=20
    )
)
def test_copied_texts_come_back_exactly(connection, values):
    rows = copied(connection, pd.DataFrame({"value": pd.Series(values, dtype=object)}), {"value": "text"})
    assert [value for (value,) in rows] == values


def test_copy_takes_more_rows_than_one_piece(connection):
    count = 250_001
    rows = copied(connection, pd.DataFrame({"value": np.arange(count)}), {"value": "integer"})
    assert [value for (value,) in rows] == list(range(count))


def test_copy_of_an_empty_frame_stores_nothing(connection):
    assert copied(connection, pd.DataFrame({"value": []}), {"value": "integer"}) == []


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (pd.to_datetime(["2024-01-01"]), "times without a time zone"),
        (pd.Series([datetime(2024, 1, 1)], dtype=object), "times without a time zone"),  # noqa: DTZ001
        (pd.to_timedelta(["1h"]), "durations"),
    ],
)
def test_copy_refuses_what_has_no_one_meaning(connection, values, what):
    with pytest.raises(ValueError, match=f"the column expires_at of the rows for trade_signals holds {what}"):
        copy_frame(connection, "trade_signals", pd.DataFrame({"expires_at": values}))


def test_copy_is_part_of_the_transaction(database):
    frame = pd.DataFrame({"error_type": ["api"], "error_message": ["x"]})
    count = text("SELECT count(*) FROM atge_error_logs")
    with database.connect() as connection:
        copy_frame(connection, "atge_error_logs", frame)
        connection.rollback()
        assert connection.execute(count).scalar_one() == 0
    with database.connect() as connection:
        copy_frame(connection, "public.atge_error_logs", frame)
        connection.commit()
    with database.begin() as connection:
        copy_frame(connection, "atge_error_logs", frame)
    with database.connect() as connection:
        assert connection.execute(count).scalar_one() == 2


def test_copy_stores_all_rows_or_none(database):
    frame = pd.DataFrame({"error_type": ["api", "nonsense"], "error_message": "x"})
    with pytest.raises(psycopg.errors.CheckViolation), database.begin() as connection:
        copy_frame(connection, "atge_error_logs", frame)
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM atge_error_logs")).scalar_one() == 0


def test_the_name_of_a_table_is_no_statement(connection):
    name = 'trade_signals"; DROP TABLE trade_signals; --'
    with pytest.raises(psycopg.errors.UndefinedTable):
        copy_frame(connection, name, pd.DataFrame({"id": ["x"]}))


def test_the_database_of_the_tests_is_at_the_current_schema(database_url):
    newest = max(path.stem.partition("_")[0] for path in (SQL / "migrations" / "versions").glob("*.py"))
    assert revision(database_url) == newest


def test_a_test_cannot_reach_another_machine():
    for reach in (
        lambda: socket.create_connection(("example.com", 80), timeout=1),
        lambda: socket.create_connection(("192.0.2.1", 80), timeout=1),
    ):
        with pytest.raises(RuntimeError, match="a test tried to"):
            reach()
    with socket.socket() as client, pytest.raises(RuntimeError, match="a test tried to connect to"):
        client.connect_ex(("192.0.2.1", 80))


@pytest.mark.parametrize("rows", ["(VALUES (1), (2))", "(SELECT 1 WHERE false)"])
def test_a_frame_of_rows_has_its_columns_and_times_in_utc(database, rows):
    statement = text(
        f"SELECT CASE n WHEN 1 THEN timestamptz '2026-05-01 02:00+02' END AS at, CAST(n AS float) AS price, "
        f"'BTC' AS symbol FROM {rows} AS given (n) WHERE n < :below"
    )
    with database.connect() as connection:
        frame = read_frame(connection, statement, {"below": 9})
    assert list(frame.columns) == ["at", "price", "symbol"]
    assert str(frame["at"].dtype) == "datetime64[us, UTC]"
    if len(frame):
        assert frame["at"].tolist() == [pd.Timestamp("2026-05-01T00:00Z"), pd.NaT]
        assert frame["price"].dtype == "float64"


def test_a_frame_holds_times_of_no_calendar_as_their_stand_in(database):
    with database.connect() as connection:
        frame = read_frame(connection, text("SELECT timestamptz 'infinity' AS at"))
    assert frame["at"].tolist() == [pd.Timestamp(LATEST)]


def test_a_statement_timeout_is_that_of_one_transaction(database):
    with database.connect() as connection:
        with connection.begin():
            statement_timeout(connection, timedelta(milliseconds=1500))
            assert shown(connection, "statement_timeout") == ["1500ms"]
        with connection.begin():
            assert shown(connection, "statement_timeout") != ["1500ms"]
