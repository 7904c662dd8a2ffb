"""The books of the language model after a clock was ahead: spent counts today, reserved lapses."""

from datetime import timedelta
from decimal import Decimal

import pytest

from include.llm.ledger import Ledger
from include.settings import ModelPrice, Settings
from tests.support.trades import rows, run

PRICE = ModelPrice(prompt=Decimal(2), completion=Decimal(8))


def reserve(database, budget):
    settings = Settings(llm_prices={"m": PRICE}, llm_daily_budget_usd=budget)
    return Ledger(database, settings, "post_mortem", "m").reserve(1000, timedelta(minutes=1), None, None)


@pytest.mark.parametrize("ahead", ["2 hours", "900 days"])
@pytest.mark.parametrize("column", ["at", "lapses_at"])
def test_a_reservation_of_the_future_lapses_now(database, column, ahead):
    run(
        database,
        "INSERT INTO llm_calls (purpose, model_asked, outcome, reserved_usd, lapses_at) "
        "VALUES ('signal', 'm', 'under_way', 0.25, now() + interval '1 minute')",
    )
    run(database, f"UPDATE llm_calls SET {column} = now() + CAST(:ahead AS interval)", ahead=ahead)
    reserve(database, Decimal(9))
    assert rows(database, "SELECT outcome, at <= now() FROM llm_calls WHERE purpose = 'signal'") == [
        ("lost", True)
    ]
    assert rows(database, "SELECT spent_usd FROM llm_budget_days") == [(Decimal("0.25"),)]


def test_what_was_spent_on_a_day_of_the_future_was_spent_today(database):
    run(
        database,
        "INSERT INTO llm_budget_days (day, spent_usd) VALUES (current_date, 1), (current_date + 9, 3.5)",
    )
    run(
        database,
        "INSERT INTO llm_calls (day, at, purpose, model_asked, outcome, cost_usd, lapses_at) "
        "VALUES (current_date + 9, now() + interval '9 days', 'signal', 'm', 'answered', 3.5, now())",
    )
    reserve(database, Decimal(9))
    assert rows(database, "SELECT day = current_date, spent_usd FROM llm_budget_days") == [
        (True, Decimal("4.5"))
    ]
    assert rows(database, "SELECT DISTINCT day = current_date FROM llm_calls") == [(True,)]
    assert rows(database, "SELECT title FROM alert_notices") == [("1 row of llm_calls is from the future",)]
