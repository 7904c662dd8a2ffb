"""The page on KPIs: today, yesterday, the line of 90 days, met and missed days."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from include.trades.kpis import read_kpi_history
from tests.support.pages import page
from tests.support.rows import insert, insert_settled

TODAY = datetime.now(UTC).date()


def roll_up(database, *days) -> None:
    with database.begin() as connection:
        for day in days:
            connection.execute(text("SELECT roll_up_kpis(:day)"), {"day": day})


def test_on_the_first_day_the_page_says_when_lines_begin(client):
    words = page(client, "/tradeops/kpis").words
    assert "No day was rolled up yet" in words and "not measured" in words


def test_each_figure_has_its_target_days_and_meaning(client, database):
    with database.begin() as connection:
        for age, rating in ((0, 5), (1, 2), (2, 5), (5, 4)):
            moment = datetime.now(UTC) - timedelta(days=age)
            values = {"feedback_type": "trade_accuracy", "timestamp": moment, "rating": rating}
            insert(connection, "atge_user_feedback", **values)
        insert_settled(connection, "completed_success", 5)
    roll_up(database, *(TODAY - timedelta(days=age) for age in (1, 2, 5)))
    found = {one.kpi: one for one in read_kpi_history(database)}
    rating = found["average rating, 1 to 5"]
    assert [(day.day, float(day.value)) for day in rating.days] == [
        (TODAY - timedelta(days=age), value) for age, value in ((5, 4), (2, 5), (1, 2), (0, 5))
    ]
    assert [day.met for day in rating.days] == [False, True, False, True] and rating.limit == 4
    assert rating.days[-1].unfinished and found["trades settled"].days[-1].value == 1

    answer = client.get("/tradeops/kpis").text
    words = page(client, "/tradeops/kpis").words
    assert "met on 1 of 3 days" in words
    assert f"{TODAY - timedelta(days=1)}: 2, missed" in words
    cards = answer.split("<section")[1:]
    assert len(cards) == len(found)
    for card in cards:  # each says what it is
        assert '<p class="soft"></p>' not in card
    drawn = next(card for card in cards if "Average rating" in card)
    assert drawn.count('class="line') == 2 and "target" in drawn  # the days 3 and 4 are a gap
