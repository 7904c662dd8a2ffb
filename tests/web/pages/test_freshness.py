"""The page on freshness and holes: late first, links, the map's window in the address, odd questions."""

import re
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from include.database import DatabaseError
from include.probes.ages import DagSchedule
from include.web import build_app
from tests.support.pages import page
from tests.support.rows import insert_candles, insert_signal
from tests.support.web import desk_host, find_person

HOUR = timedelta(hours=1)
NASTY = '<script>alert("x")</script>'


def opened(database, schedules=None, **settings) -> TestClient:
    @contextmanager
    def open_database():
        yield database

    def find_schedules():
        if schedules is None:
            raise DatabaseError("Airflow's database does not answer")
        return schedules

    host = replace(desk_host(**settings), schedules=find_schedules)
    return TestClient(build_app(open_database, [], find_person, host))


def fill(database, symbol="BTC", held=20):
    """A trade of the last day, and the first of its hourly candles."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with database.begin() as connection:
        insert_signal(
            connection, symbol=symbol, generated_at=now - 24 * HOUR, expires_at=now, status="incomplete_data"
        )
        insert_candles(connection, symbol, "1h", now - 24 * HOUR, HOUR, held)


def test_without_anything_the_page_says_what_there_will_be(database):
    words = page(opened(database, {}), "/freshness").words
    assert "No trade and no candle" in words
    assert "not promised" in words


def test_what_is_late_comes_first_with_its_dag_and_its_page(database):
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO maintenance_reports (kind, run_url, created_at, findings, sections) "
                "VALUES ('weekly', 'x', now() - interval '90 days', '[]', '[]')"
            )
        )
    schedules = {"maintain_database": DagSchedule("0 5 * * 0", "At 05:00 on Sunday", paused=True)}
    shown = page(opened(database, schedules), "/freshness")
    ages = shown.words.partition("Ages")[2].partition("Missing candles")[0]
    assert ages.index("late") < ages.index("not promised")
    assert "At 05:00 on Sunday" in ages
    assert "paused" in ages
    assert {"/dags/maintain_database", "/maintenance"} <= set(shown.links)


def test_airflow_away_is_named_and_ages_are_shown(database):
    words = page(opened(database), "/freshness").words
    assert "does not answer" in words
    assert "Restore drills" in words


@pytest.mark.parametrize("symbol", ["BTC", NASTY])
def test_a_hole_is_on_the_map_and_leads_to_its_trades(database, symbol):
    fill(database, symbol)
    client = opened(database, {})
    shown = page(client, "/freshness?resolution=1h&window=24h")
    assert symbol in shown.words
    assert "1 given up" in shown.words
    assert any(link.startswith("/trades?") and "incomplete_data" in link for link in shown.links)
    (detail,) = [link for link in shown.links if link.startswith("?") and "symbol=" in link]
    holes = page(client, f"/freshness{detail}").words.partition("Each hole")[2]
    assert "not asked in 30 days" in holes


def test_the_map_says_in_words_how_much_is_missing(database):
    fill(database)
    answer = opened(database, {}).get("/freshness?resolution=1h&window=7d").text
    assert "4 of 24 wanted candles of 1h are missing, most of BTC." in answer
    other = opened(database, {}).get("/freshness?resolution=1h&window=7d&source=kraken").text
    assert "24 of 24 wanted candles of 1h are not of kraken" in other


def test_a_candle_lies_in_one_cell_of_the_map(database):
    """Four hours go into eight, and not into the six of a week's cells."""
    fill(database, held=0)
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - 48 * HOUR
    with database.begin() as connection:
        insert_signal(connection, symbol="ETH", generated_at=start, expires_at=start + 24 * HOUR)
        insert_candles(connection, "ETH", "4h", start, 4 * HOUR, 6)
    answer = opened(database, {}).get("/freshness?resolution=4h&window=7d").text
    held = [int(count) for count in re.findall(r"ETH, [^;]*: 0 of 2 missing; held: archive (\d+)", answer)]
    assert held == [2, 2, 2]


def test_two_hundred_symbols_are_paged(database):
    names = [f"COIN{n:03}" for n in range(200)]
    with database.begin() as connection:
        for name in names:
            insert_signal(connection, symbol=name)
    client, seen, link = opened(database, {}), [], "/freshness?resolution=1h&window=30d"
    while link:
        shown = page(client, link)
        seen += [name for name in names if name in shown.words]
        link = next((f"/freshness{one}" for one in shown.links if "after=" in one), None)
    assert seen == names


@pytest.mark.parametrize(
    "query",
    [
        "window=1y",
        "resolution=7m",
        "resolution=1m&window=90d",
        "resolution=1w",
        "symbol=%00",
        "after=" + "x" * 9_999,
    ],
)
def test_an_odd_question_is_answered_in_words(database, query):
    assert page(opened(database, {}), f"/freshness?{query}", 422).words
