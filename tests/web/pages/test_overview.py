"""The overview: empty, with trades of each kind, and with odd values; every number leads to its rows."""

import re
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from include.database import DatabaseError
from include.settings.reader import SettingsError
from include.trades.rollup import roll_up_days
from include.web import build_app
from tests.support.notices import fire
from tests.support.pages import Elements, Page
from tests.support.plans import explain, rows_read, statements_of
from tests.support.rows import insert_settled
from tests.support.trades import insert, run
from tests.support.web import desk_host, find_person

PATH = "/tradeops/overview"
MOST_STATEMENTS = 25


def words(client) -> str:
    answer = client.get(PATH)
    assert answer.status_code == 200
    return " ".join(Page(answer.text).words.split())


def test_what_is_wrong_is_shown_though_settings_and_schedules_cannot_be_read(database):
    def unreadable():
        raise SettingsError("Variable tradeops_settings is empty")

    def away():
        raise DatabaseError("Airflow's database does not answer")

    fire(database)
    unreadable_host = replace(desk_host(), settings=unreadable)
    for path, host, word, wrong in (
        ("/overview", unreadable_host, "is empty", "Nothing is promised"),
        ("/overview", replace(desk_host(), schedules=away), "does not answer", "Nothing is promised"),
        ("/alerts", unreadable_host, "is empty", "Nobody is named"),
    ):
        desk = TestClient(build_app(lambda: nullcontext(database), [], find_person, host))
        shown = Page(desk.get(path).text).words
        assert "Wrong now: 1" in shown and word in shown and wrong not in shown, path


def settle(database, status: str, net: float | str, *, ago: str = "0 s", galaxy: int = 1) -> None:
    """A settled trade that ended then."""
    with database.begin() as connection:
        trade = insert_settled(connection, status, 1, galaxy=galaxy)
        connection.execute(
            text(
                "UPDATE trade_signals SET completed_at = now() - CAST(:ago AS interval), "
                "expires_at = now() - CAST(:ago AS interval) - interval '90 seconds' WHERE id = :id"
            ),
            {"ago": ago, "id": trade},
        )
        connection.execute(
            text("UPDATE trade_results SET net_profit_loss = :net WHERE trade_signal_id = :id"),
            {"net": net, "id": trade},
        )


def test_an_empty_platform_says_so(client):
    shown = words(client)
    for part in (
        "Wrong now: 0", "nothing waits for the next sweep", "no trade yet", "Newest backup none",
        "P&L today 0.00 USD",
    ):  # fmt: skip
        assert part in shown, part


def test_today_is_counted_and_every_number_leads_to_its_rows(database, client):
    for net in (30, 12.5):
        settle(database, "completed_success", net)
    settle(database, "completed_failure", -2)
    settle(database, "incomplete_data", 0)
    insert(database, {})
    run(
        database,
        "UPDATE trade_signals SET expires_at = now() - interval '10 minutes' WHERE status = 'active'",
    )
    fire(database)
    answer = client.get(PATH)
    shown = " ".join(Page(answer.text).words.split())
    today = datetime.now(UTC).date()
    for part in (
        "Wrong now: 1", "Due now 1 for 10 min", "Settled today 4 1 with incomplete data",
        "P&L today 40.50 USD",
        "66.7 % 95 % interval 20.8 % to 93.9 %", "Sweep latency today 90 s",
    ):  # fmt: skip
        assert part in shown, part
    links = [link["href"] for link in Elements(answer.text).all("a")]
    assert f"/tradeops/trades?ended_from={today}&ended_to={today}" in links
    values = re.findall(r'<div class="value[^"]*">(.*?)</div>', answer.text)
    assert values
    assert all(value.startswith("<a ") for value in values)


def test_days_that_were_rolled_up_and_days_that_were_not_are_each_counted_once(database, client):
    """Yesterday is read from its trades until it is rolled up; of older days that wait the page says so."""
    today = datetime.now(UTC).date()
    settle(database, "completed_success", 5)
    settle(database, "completed_success", 7, ago="1 day")
    settle(database, "completed_success", 9, ago="3 days")
    shown = words(client)
    assert "2 trades" in shown and "1 day of these weeks" in shown
    roll_up_days(database, [today - timedelta(days=1)])
    shown = words(client)
    assert "2 trades" in shown and "1 day of these weeks" in shown
    roll_up_days(database, [today - timedelta(days=3)])
    shown = words(client)
    assert "3 trades" in shown and "of these weeks" not in shown


@pytest.mark.parametrize("net", ["NaN", "Infinity"])
def test_a_result_that_is_no_number_is_shown_and_not_drawn(database, client, net):
    settle(database, "completed_success", net)
    assert "USD" in words(client)


def test_the_page_updates_itself_and_says_how_old_it_is(client):
    page = Elements(client.get(PATH).text)
    (main,) = page.all("main")
    assert int(main["data-every"]) >= 10
    assert [one for one in page.all("p") if one.get("id") == "age"]


def test_the_work_does_not_grow_with_the_number_of_trades(large, client):
    """Among the trades of a year it is as many statements, and as many rows, as among those of a month."""
    work = []
    for kept in ("10 years", "30 days"):
        with large.begin() as connection:
            connection.execute(
                text("DELETE FROM trade_signals WHERE generated_at < now() - CAST(:kept AS interval)"),
                {"kept": kept},
            )
        sent = statements_of(large, client, PATH)
        with large.connect() as connection:
            work.append((len(sent), sum(rows_read(explain(connection, *one)) for one in sent)))
    assert work[0] == work[1]
    assert work[0][0] <= MOST_STATEMENTS
    assert work[0][1] > 0
