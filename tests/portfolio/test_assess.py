"""After a day: outcomes, forecasts of the next, verdicts; a month worked out later gives the same rows."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from include.portfolio.assess import assess
from include.portfolio.measures import measure_portfolio
from include.portfolio.value_at_risk import CONFIDENCES, METHODS, value_at_risk
from include.portfolio.verdicts import judge_forecasts
from tests.support.portfolios import YESTERDAY, give_snapshot, give_values

ROWS = {
    "risk_forecasts": "portfolio_id, day, method, confidence, horizon, made_at, var, es, observations,"
    " missing, note",
    "risk_outcomes": "portfolio_id, day, method, confidence, horizon, profit, loss, exception",
    "risk_validations": "portfolio_id, day, method, confidence, test, observations, exceptions, statistic,"
    " p_value, verdict, missing",
    "risk_measures": "portfolio_id, day, measure, value, money, note",
    "portfolio_values": "portfolio_id, day, currency, value, profit, daily_return, reason, basis",
}
SCENARIOS = {"crash": {"X": -0.5, "*": -0.1}, "gold only": {"GOLD": -0.2}}
RETURNS = np.random.default_rng(5).standard_t(4, 300) * 0.01


def work_out(database, day, **more):
    return assess(database, day, **{"scenarios": SCENARIOS, "benchmark": None, **more})


def rows(database):
    with database.connect() as connection:
        return {
            table: sorted(map(str, connection.execute(text(f"SELECT {columns} FROM {table}"))))
            for table, columns in ROWS.items()
        }


def read(database, statement, **values):
    with database.connect() as connection:
        return connection.execute(text(statement), values).all()


def wipe(database, since):
    """Take away all that was worked out, and values since a day but those that IBKR reported."""
    with database.begin() as connection:
        for table in ("risk_outcomes", "risk_validations", "risk_measures"):
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(
            text("DELETE FROM portfolio_values WHERE day >= :day AND basis = 'positions'"), {"day": since}
        )
        connection.execute(text("ALTER TABLE risk_forecasts DISABLE TRIGGER USER"))
        connection.execute(text("DELETE FROM risk_forecasts"))
        connection.execute(text("ALTER TABLE risk_forecasts ENABLE TRIGGER USER"))


def test_a_month_replayed_in_any_order_gives_the_same_rows_as_the_days_did(database):
    """By days, each with nothing but what was known; then over all that is known now."""
    days = [YESTERDAY - timedelta(days=back) for back in range(30, -1, -1)]
    before = days[0] - timedelta(days=1)
    give_values(database, "file:a", list(RETURNS[:-31]), before)
    give_values(database, "ibkr:U1", list(RETURNS[:150]), before, basis="performance")
    give_snapshot(database, before, 100)
    for day, price, change in zip(days, 100 * np.cumprod(1 + RETURNS[-31:]), RETURNS, strict=False):
        give_snapshot(database, day, round(price, 4))
        work_out(database, day)
        give_values(database, "ibkr:U1", [change], day, basis="performance")  # is reported the next day
    work_out(database, YESTERDAY)  # what yesterday brought is known by now
    by_days = rows(database)
    assert len(by_days["risk_forecasts"]) == 2 * 31 * 15 and len(by_days["risk_outcomes"]) == 2 * 30 * 15
    seen = read(database, "SELECT portfolio_id, day, max(observations) FROM risk_validations GROUP BY 1, 2")
    assert {tuple(row) for row in seen} == {
        (portfolio, day, number - lag)
        for portfolio, lag in (("file:a", 0), ("ibkr:U1", 1))
        for number, day in enumerate(days)
        if number > lag
    }
    work_out(database, days[-3])
    assert rows(database) == by_days, "twice"
    for runs_at_once, order in ((1, days[::-1]), (3, random.Random(7).sample(days, len(days)))):
        wipe(database, days[0])
        with ThreadPoolExecutor(runs_at_once) as workers:
            list(workers.map(lambda day: work_out(database, day), order))
        assert rows(database) == by_days, f"{runs_at_once} at once"
    one = read(
        database,
        "SELECT * FROM risk_forecasts"
        " WHERE portfolio_id = 'file:a' AND method = 'historical' AND confidence = 0.99 ORDER BY day",
    )
    values = "SELECT daily_return FROM portfolio_values WHERE portfolio_id = 'file:a' ORDER BY day"
    returns = [row.daily_return for row in read(database, values)]
    for number, forecast in enumerate(one):
        known = returns[: 300 - 31 + number + 1]
        assert forecast.var == value_at_risk(known, confidence=0.99).var
        assert forecast.observations == len(known)
        assert forecast.made_at < datetime(
            forecast.day.year, forecast.day.month, forecast.day.day, tzinfo=UTC
        )


def test_the_day_is_no_part_of_its_own_forecast(database):
    give_values(database, "file:a", [*RETURNS[:150]], YESTERDAY - timedelta(days=1))
    work_out(database, YESTERDAY - timedelta(days=1))
    give_values(database, "file:a", [-0.9], YESTERDAY)
    done = work_out(database, YESTERDAY)
    assert (done.portfolios, done.forecasts, done.insufficient, done.outcomes) == (1, 15, 0, 15)
    outcome = read(database, "SELECT DISTINCT loss, profit, exception FROM risk_outcomes")
    assert [tuple(row) for row in outcome] == [(0.9, -900, True)]
    (forecast,) = read(
        database,
        "SELECT var FROM risk_forecasts WHERE day = :day AND method = 'historical' AND confidence = 0.99",
        day=YESTERDAY,
    )
    assert forecast.var == value_at_risk(RETURNS[:150]).var


def test_what_ibkr_reports_of_a_day_is_known_on_the_next(database):
    give_values(database, "ibkr:U1", list(RETURNS[:150]), YESTERDAY, basis="performance")
    assert work_out(database, YESTERDAY - timedelta(days=1)).outcomes == 15  # those of the next day, by now
    (row,) = read(database, "SELECT DISTINCT observations, day FROM risk_forecasts")
    assert tuple(row) == (148, YESTERDAY)
    assert work_out(database, YESTERDAY).outcomes == 0
    assert read(database, "SELECT count(*) FROM risk_validations")[0][0] == 0  # nobody knew them yesterday


def test_insufficient_data_is_stored_with_what_is_missing(database):
    give_values(database, "file:a", list(RETURNS[:60]), YESTERDAY)
    give_snapshot(database, YESTERDAY, 5, portfolio="file:new")
    done = work_out(database, YESTERDAY)
    assert (done.forecasts, done.insufficient) == (10, 20)
    missing = read(
        database,
        "SELECT portfolio_id, confidence, missing, note, count(*) FROM risk_forecasts WHERE var IS NULL"
        " GROUP BY 1, 2, 3, 4 ORDER BY 1, 2",
    )
    assert [tuple(row) for row in missing] == [
        ("file:a", Decimal("0.99"), 40, "Insufficient data", 5),
        ("file:new", Decimal("0.95"), 20, "Insufficient data", 5),
        ("file:new", Decimal("0.975"), 40, "Insufficient data", 5),
        ("file:new", Decimal("0.99"), 100, "Insufficient data", 5),
    ]
    notes = read(
        database,
        "SELECT note FROM risk_measures WHERE portfolio_id = 'file:new' AND value IS NULL AND money IS NULL",
    )
    assert len(notes) == 3 and sum("Insufficient data" in note for (note,) in notes) == 2


def test_a_forecast_is_not_changed_once_its_day_has_begun(database):
    give_values(database, "file:a", list(RETURNS[:120]), YESTERDAY)
    work_out(database, YESTERDAY)  # for today, which has begun
    for statement in (
        "UPDATE risk_forecasts SET var = 0, es = 1",
        "UPDATE risk_forecasts SET day = day + 5",
        "DELETE FROM risk_forecasts",
        "TRUNCATE risk_forecasts CASCADE",
    ):
        with pytest.raises(DBAPIError, match=r"day has begun|are kept"), database.begin() as connection:
            connection.execute(text(statement))
    insert = (
        "INSERT INTO risk_forecasts"
        " (portfolio_id, day, method, confidence, made_at, var, es, observations, stored_at)"
        " SELECT 'x', today + :ahead, 'normal', 0.9, today + :made, 1, 2, 9, '2020-01-01'"
        " FROM (SELECT CAST(now() AS date) AS today) AS days"
    )
    with pytest.raises(DBAPIError, match="check"), database.begin() as connection:
        connection.execute(text(insert), {"ahead": 1, "made": 2})  # made after its day
    with database.begin() as connection:
        connection.execute(text(insert), {"ahead": 3, "made": 0})
        connection.execute(text("UPDATE risk_forecasts SET es = 3 WHERE portfolio_id = 'x'"))  # not begun yet
        stored = connection.execute(text("SELECT stored_at > now() - interval '1 hour' FROM risk_forecasts"))
        assert {one for (one,) in stored} == {True}  # the database's word, not the writer's
        connection.execute(text("DELETE FROM risk_forecasts WHERE portfolio_id = 'x'"))


def test_profit_is_of_what_was_held_without_money_paid_in(database):
    first = YESTERDAY - timedelta(days=4)
    give_snapshot(database, first, 10)
    give_snapshot(database, first + timedelta(days=1), 11, hour=9, cash=1)  # not the day's last
    give_snapshot(database, first + timedelta(days=1), 12, cash=5000, quantity=20)  # paid in, and bought
    give_snapshot(database, first + timedelta(days=2), 9, quantity=0, cash=5000)  # sold: no price any more
    for back in range(3):
        work_out(database, first + timedelta(days=back))
    found = read(database, "SELECT value, profit, daily_return, reason FROM portfolio_values ORDER BY day")
    assert [(row.value, row.profit, row.daily_return) for row in found] == [
        (200, None, None), (5240, 20, pytest.approx(0.1)), (5000, None, None),
    ]  # fmt: skip
    assert "no snapshot" in found[0].reason and "1 instruments" in found[2].reason
    with database.begin() as connection:
        connection.execute(text("DELETE FROM portfolio_values"))
        connection.execute(
            text("DELETE FROM portfolio_positions WHERE taken_at::date = :day"), {"day": first}
        )
    work_out(database, YESTERDAY)  # also of the days before, which have none
    found = read(database, "SELECT value, profit, reason FROM portfolio_values ORDER BY day")
    assert [(row.value, row.profit) for row in found] == [(200, None), (5240, None), (5000, None)]
    assert "archived" in found[1].reason and "1 instruments" in found[2].reason


def test_stress_is_money_and_beta_is_against_what_is_named(database):
    give_values(database, "file:a", list(2 * RETURNS[:150]), YESTERDAY)
    give_values(database, "file:index", list(RETURNS[:140]), YESTERDAY - timedelta(days=10))
    give_snapshot(database, YESTERDAY, 7)
    work_out(database, YESTERDAY, benchmark="file:index")
    found = {
        row.measure: row
        for row in read(database, "SELECT * FROM risk_measures WHERE portfolio_id = 'file:a'")
    }
    assert (found["stress: crash"].money, found["stress: gold only"].money) == (-35, 0)
    assert found["stress: crash"].value == pytest.approx(-35 / 170)
    assert found["beta"].value == pytest.approx(2)
    assert found["beta"].note == "against file:index, 140 days"
    assert found["volatility"].value == pytest.approx(np.std(2 * RETURNS[:150], ddof=1))


def test_measures_by_hand():
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(20)]
    values = dict(zip(days, [0.1, -0.5, 0.2, *[0.0] * 17], strict=True))
    drawdown, _, beta = measure_portfolio(values, {day: 2 * one for day, one in values.items()}, "b")
    assert drawdown.value == pytest.approx(0.5) and beta.value == pytest.approx(0.5)
    *_, flat = measure_portfolio(values, dict.fromkeys(days, 0.0), "b")
    assert flat.value is None and "never changes" in flat.note


def test_verdicts():
    def judge(exceptions, days=250, es=2.0):
        hits = [1] * exceptions + [0] * (days - exceptions)
        losses = [3.0 if hit else 0.0 for hit in hits]
        found = judge_forecasts(losses, [1.0] * days, [es] * days, hits, 0.99)
        return {one["test"]: (one["verdict"], one["missing"]) for one in found}

    assert judge(2)["traffic_light"] == ("green", None) and judge(2)["kupiec"] == ("passed", None)
    assert judge(7)["traffic_light"] == ("yellow", None)
    many = judge(20)
    assert many["traffic_light"] == ("red", None)
    assert {
        many[test][0] for test in ("kupiec", "independence", "conditional_coverage", "acerbi_szekely")
    } == {"failed"}
    assert set(judge(0, days=70).values()) == {("insufficient data", 30)}
    assert judge(2, es=-1.0)["acerbi_szekely"] == ("insufficient data", 100)


def test_a_day_that_is_not_over_is_refused_and_what_fails_is_a_row(database):
    today = datetime.now(UTC).date()
    with pytest.raises(ValueError, match="not over"):
        work_out(database, today, now=datetime.combine(today, datetime.min.time(), UTC))
    give_values(database, "file:a", list(RETURNS[:150]), YESTERDAY)
    give_snapshot(database, YESTERDAY, 7)
    with pytest.raises(DBAPIError):
        work_out(database, YESTERDAY, scenarios={"odd": {"*": "much"}})
    done = read(database, "SELECT outcome, reason FROM risk_assessments")
    assert done[0].outcome == "failed" and done[0].reason
    assert read(database, "SELECT count(*) FROM risk_forecasts")[0][0] == 0
    assert work_out(database, YESTERDAY).forecasts == len(METHODS) * len(CONFIDENCES)
