"""The page on the model's costs: figures against a second sum, the forecast, the window."""

from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from include.llm.costs import forecast_month, read_costs
from include.web import build_app
from tests.support.pages import page
from tests.support.trades import rows, run
from tests.support.web import desk_host, find_person

NASTY = "<script>alert(1)</script>"
CALLS = """
INSERT INTO llm_calls (day, purpose, model_asked, outcome, reserved_usd, cost_usd, prompt_tokens,
  completion_tokens, lapses_at)
SELECT (now() AT TIME ZONE 'UTC')::date - n % 10, (ARRAY['post_mortem', 'signal'])[1 + n % 2], :model,
  (ARRAY['answered', 'timeout', 'budget_spent'])[1 + n % 3], 0.01, CASE n % 3 WHEN 1 THEN NULL ELSE 0.25 END,
  100, 20, now()
FROM generate_series(1, 60) AS n
"""


def opened(database, **settings) -> TestClient:
    @contextmanager
    def open_database():
        yield database

    return TestClient(build_app(open_database, [], find_person, desk_host(**settings)))


def test_the_figures_are_those_of_the_calls(database):
    with database.begin() as connection:
        connection.execute(text(CALLS), {"model": NASTY})
    words = page(opened(database, llm_daily_budget_usd=Decimal(5)), "/costs?days=7&by=model").words
    (told,) = rows(
        database,
        "SELECT sum(cost_usd) AS cost, count(*) FILTER (WHERE outcome <> 'budget_spent') AS calls, "
        "count(*) FILTER (WHERE outcome = 'budget_spent') AS refused FROM llm_calls "
        "WHERE day > (now() AT TIME ZONE 'UTC')::date - 7",
    )
    assert f"{told.cost:.2f} USD" in words
    assert str(told.calls) in words.partition("Calls")[2][:20]
    assert str(told.refused) in words.partition("Refused by the budget")[2][:20]
    assert NASTY in words  # a model's name is data
    with database.connect() as connection:
        found = read_costs(connection, datetime.now(UTC).date(), 7)
    total = found.total()
    assert (total.cost, total.calls, total.refused) == (told.cost, told.calls, {"budget_spent": told.refused})
    assert sum(sums.cost for sums in found.by("purpose", "model").values()) == told.cost
    answered = rows(
        database,
        "SELECT sum(cost_usd) / count(*) FILTER (WHERE outcome = 'answered') AS each FROM llm_calls "
        "WHERE purpose = 'signal' AND day > (now() AT TIME ZONE 'UTC')::date - 7",
    )
    assert found.by("purpose")["signal",].cost_of_answer == answered[0].each


def test_the_second_model_has_a_budget_and_a_line_of_its_own(database):
    client = opened(database, llm_daily_budget_usd=Decimal(5), llm_second_daily_budget_usd=Decimal(2))
    insert = (
        "INSERT INTO llm_calls (purpose, model_asked, choice, outcome, cost_usd, lapses_at) "
        "VALUES ('signal', 'm', :choice, 'answered', :usd, now())"
    )
    for choice, usd in (("first", 1), ("second", Decimal("0.25"))):
        run(database, insert, choice=choice, usd=usd)
        day = (
            "INSERT INTO llm_budget_days (day, choice, spent_usd) "
            "VALUES ((now() AT TIME ZONE 'UTC')::date, :choice, :usd)"
        )
        run(database, day, choice=choice, usd=usd)
        words = " ".join(page(client, "/costs?by=choice").words.split())
        assert ("Second model: Today" in words) == (choice == "second")
    assert "0.25 USD of a budget of 2.00 USD" in words.partition("Second model: Today")[2][:60]
    assert "1.00 USD of a budget of 5.00 USD" in words
    with database.connect() as connection:
        found = read_costs(connection, datetime.now(UTC).date(), 7)
    assert {key: sums.cost for key, sums in found.by("model", "choice").items()} == {
        ("m", "first"): 1, ("m", "second"): Decimal("0.25"),
    }  # fmt: skip


def test_a_page_without_a_call_says_what_makes_one(database):
    shown = page(opened(database, llm_daily_budget_usd=None), "/costs")
    assert "No model was asked" in shown.words
    assert any("generate_signals" in link for link in shown.links)


@pytest.mark.parametrize("query", ["days=8", "days=", "days=%00", "by=user", "days=" + "9" * 10_000])
def test_an_odd_question_is_answered_in_words(database, query):
    assert "choose one of" in page(opened(database), f"/costs?{query}", 422).words


def test_many_models_are_one_group_and_a_budget_out_of_reach_is_said(database):
    run(
        database,
        "INSERT INTO llm_calls (purpose, model_asked, outcome, cost_usd, lapses_at) "
        "SELECT 'signal', 'model ' || n, 'answered', 0.001 * n, now() FROM generate_series(1, 9) AS n",
    )
    words = page(opened(database, llm_daily_budget_usd=Decimal(500)), "/costs?by=model").words
    assert "all others" in words
    assert "lies above the chart" in words


def test_the_forecast_is_the_mean_of_whole_days_for_those_that_are_left():
    today = date(2026, 11, 20)
    spent = {today - timedelta(days=n): Decimal(n) for n in range(1, 12)} | {today: Decimal("0.5")}
    month = forecast_month(spent, today, min(spent))
    mean = Decimal(1 + 2 + 3 + 4 + 5 + 6 + 7) / 7
    assert (month.mean, month.mean_days, month.days) == (mean, 7, 30)
    assert month.spent == sum(range(1, 12)) + Decimal("0.5")
    assert month.forecast == sum(range(1, 12)) + mean + 10 * mean
    more_today = forecast_month(spent | {today: Decimal(9)}, today, min(spent))
    assert more_today.forecast == sum(range(1, 12)) + 9 + 10 * mean
    first_day = forecast_month({today: Decimal(2)}, today, today)
    assert (first_day.forecast, first_day.mean) == (None, None)
    began = today - timedelta(days=2)
    two_days = forecast_month({began: Decimal(4), today: Decimal(0)}, today, began)
    assert (two_days.mean, two_days.mean_days) == (2, 2)  # a day without a call cost nothing


def test_days_without_a_call_after_the_first_one_ever_belong_to_the_mean(database):
    today = date(2026, 11, 20)
    days = {60: 1, 3: 7}
    with database.begin() as connection:
        for ago, usd in days.items():
            values = {"day": today - timedelta(days=ago), "usd": usd}
            connection.execute(
                text("INSERT INTO llm_budget_days (day, spent_usd) VALUES (:day, :usd)"), values
            )
        month = read_costs(connection, today, 1).month
    assert (month.mean, month.mean_days) == (1, 7)


def test_a_year_is_read_from_the_kept_totals_alone(database):
    with database.connect() as connection:
        plan = connection.execute(
            text(
                "EXPLAIN (FORMAT JSON) SELECT * FROM llm_daily_costs "
                "WHERE day BETWEEN '2026-01-01' AND '2026-12-31'"
            )
        ).scalar_one()
    assert "llm_daily_totals" in str(plan)
    assert "llm_calls" not in str(plan)
