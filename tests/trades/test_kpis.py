"""The KPI row of a day: every figure by hand, nothing out of nothing, and what was measured stays."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from sqlalchemy import text

from include.trades.performance import refresh_performance
from include.trades.rollup import due_days, roll_up_days
from tests.support.rows import insert, insert_signal
from tests.support.trades import rows, run

DAY = datetime(2026, 3, 2, tzinfo=UTC)
FIGURES = ["success_rate", "latency_p50", "latency_p95", "latency_p99", "data_quality", "analysis_success"]
FIGURES += ["generation_within", "backtest_within", "analysis_within", "error_rate"]
FIGURES += ["uptime", "uptime_looked_at"]
VERDICTS = ["data_quality_met", "generation_met", "backtest_met", "analysis_met", "error_rate_met"]
VERDICTS += ["uptime_met"]
FIGURES += ["average_rating", "positive_share"]
VERDICTS += ["analysis_success_met", "average_rating_met", "positive_share_met"]


def kpis(database):
    refresh_performance(database)
    roll_up_days(database, [DAY.date()])
    (row,) = rows(database, "SELECT * FROM daily_kpis")
    return row


def settle(database, status, *, late=60.0, completed_at=None, **result):
    """A trade that was settled `late` seconds after its expiry, at noon."""
    completed_at = completed_at or DAY + timedelta(hours=12)
    with database.begin() as connection:
        times = {"completed_at": completed_at, "expires_at": completed_at - timedelta(seconds=late)}
        id_ = insert_signal(connection, status=status, **times)
        net = {"completed_success": 5, "completed_failure": -5}.get(status)
        values = {"net_profit_loss": net, "profit_loss_percentage": net, "data_quality_score": 100} | result
        insert(connection, "trade_results", trade_signal_id=id_, **values)


def measure(database, metric_type, value, unit="seconds", at=DAY, outcome="ok"):
    statement = text(
        "INSERT INTO atge_performance_metrics (timestamp, metric_type, metric_name, value, unit, metadata) "
        "VALUES (:at, :type, 'x', :value, :unit, jsonb_build_object('outcome', CAST(:outcome AS text)))"
    )
    about = {"at": at, "type": metric_type, "value": value, "unit": unit, "outcome": outcome}
    with database.begin() as connection:
        connection.execute(statement, about)


def call_model(database, outcome):
    with database.begin() as connection:
        values = {"day": DAY.date(), "at": DAY, "purpose": "post_mortem", "model_asked": "m"}
        insert(connection, "llm_calls", **values, outcome=outcome, lapses_at=DAY)


def fail(database, error_type="api", at=DAY):
    with database.begin() as connection:
        insert(connection, "atge_error_logs", timestamp=at, error_type=error_type, error_message="x")


def test_nothing_out_of_nothing(database):
    row = kpis(database)
    assert (row.trades_settled, row.operations, row.errors) == (0, 0, 0)
    for name in FIGURES + VERDICTS:
        assert getattr(row, name) is None, name
    shown = rows(database, "SELECT kpi, value, met FROM vw_daily_kpis WHERE NOT unfinished ORDER BY place")
    assert shown[0] == ("trades settled", 0, None)
    assert {tuple(line[1:]) for line in shown[1:]} == {(None, None)}


def test_the_trades_of_a_day_and_only_of_that_day(database):
    settle(database, "completed_success", ai_analysis="well", completed_at=DAY)
    settle(database, "completed_success", data_quality_score=98)
    settle(database, "completed_success")
    settle(database, "completed_failure", completed_at=DAY + timedelta(hours=24, microseconds=-1))
    settle(database, "expired")
    settle(database, "incomplete_data", exit_reason="poor_data", data_quality_score=62, late=86_400)
    settle(database, "incomplete_data", exit_reason="no_candles", data_quality_score=None, late=86_400)
    settle(database, "incomplete_data", exit_reason="invalid: stop_loss", data_quality_score=None)
    settle(database, "completed_failure", completed_at=DAY - timedelta(microseconds=1))
    settle(database, "completed_failure", completed_at=DAY + timedelta(hours=24))
    with database.begin() as connection:
        insert_signal(connection, expires_at=DAY)
    row = kpis(database)
    assert (row.trades_settled, row.trades_won, row.trades_lost) == (5, 3, 1)
    assert (row.trades_not_entered, row.trades_incomplete) == (1, 3)
    assert (row.success_rate, row.analysis_success) == (75, 25)
    # the trade without candles counts as 0; the invalid one was never judged
    assert row.data_quality == pytest.approx(Decimal((100 + 98 + 100 + 100 + 100 + 62 + 0) / 7))
    assert (row.data_quality_target, row.data_quality_met) == (90, False)


def test_quality_must_be_over_its_target(database):
    settle(database, "completed_success", data_quality_score=90)
    assert kpis(database).data_quality_met is False
    settle(database, "completed_success", data_quality_score=91)
    assert kpis(database).data_quality_met is True


def test_the_latency_is_from_expiry_to_settled(database):
    seconds = np.random.default_rng(3).exponential(200, 101).round(3)
    for late in seconds:
        settle(database, "completed_success", late=float(late))
    settle(database, "incomplete_data", late=86_400, exit_reason="poor_data")  # its patience, no slow sweep
    settle(database, "completed_success", late=-500)  # by another platform, before its expiry
    row = kpis(database)
    found = [float(row.latency_p50), float(row.latency_p95), float(row.latency_p99)]
    assert found == pytest.approx(list(np.percentile(seconds, [50, 95, 99])), abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "limit", "target"), [("generation", 10, 95), ("backtest", 30, 100), ("analysis", 15, 95)]
)
def test_measured_times_against_limit_and_target(database, kind, limit, target):
    metric_type = f"{kind}_time"
    for _ in range(19):
        measure(database, metric_type, limit - 0.001)
    measure(database, metric_type, 100, at=DAY - timedelta(microseconds=1))
    measure(database, metric_type, 100, at=DAY + timedelta(days=1))
    measure(database, metric_type, 100, "count")
    found = kpis(database)
    row = [getattr(found, f"{kind}_{what}") for what in ("measured", "within", "limit", "target", "met")]
    assert row == [19, 100, limit, target, True]
    measure(database, metric_type, limit * 1000, "ms")  # just too slow, and in the other unit
    found = kpis(database)
    assert (getattr(found, f"{kind}_within"), getattr(found, f"{kind}_met")) == (95, target == 95)
    measure(database, metric_type, 0.1, outcome="ModelUnavailableError")  # quick, and nothing came of it
    found = kpis(database)
    assert getattr(found, f"{kind}_within") == pytest.approx(Decimal(1900 / 21))
    assert getattr(found, f"{kind}_met") is False


def test_the_error_rate_is_the_outcome_of_the_operations_that_were_measured(database):
    for _ in range(198):
        measure(database, "api_response", 100, "ms")
    measure(database, "api_response", 100, "ms", outcome="unavailable")
    measure(database, "api_response", 100, "ms", at=DAY - timedelta(microseconds=1), outcome="refused")
    call_model(database, "answered")
    for outcome in ("under_way", "budget_spent", "unpriced"):
        call_model(database, outcome)  # not ended, or never made
    for _ in range(50):
        measure(database, "database_query", 1, "ms", outcome="QueryCanceled")  # steps, not operations
    fail(database)  # a row of a failure is no operation
    row = kpis(database)
    assert (row.operations, row.errors, row.error_rate, row.error_rate_met) == (200, 1, Decimal("0.5"), True)
    call_model(database, "timeout")
    measure(database, "backtest_time", 5, outcome="RuntimeError")
    row = kpis(database)
    assert (row.operations, row.errors, row.error_rate_met) == (202, 3, False)


def test_without_a_measured_operation_there_is_no_error_rate(database):
    fail(database)
    row = kpis(database)
    assert (row.error_rate, row.error_rate_met) == (None, None)


def test_what_was_measured_stays_when_the_measurements_are_cleaned_away(database):
    settle(database, "completed_success")
    for seconds in (1, 1, 20):
        measure(database, "generation_time", seconds)
    measure(database, "generation_time", 1, outcome="refused")
    before = kpis(database)
    run(database, "DELETE FROM atge_performance_metrics")
    assert kpis(database) == before
    settle(database, "completed_failure")  # the day changes for another reason
    after = kpis(database)
    assert (after.success_rate, after.generation_measured, after.generation_within) == (50, 4, 50)
    assert (after.operations, after.errors, after.error_rate) == (4, 1, 25)


def test_a_late_analysis_brings_the_kpis_of_its_day_up_to_date(database):
    settle(database, "completed_success")
    assert kpis(database).analysis_success == 0
    run(database, "UPDATE trade_results SET ai_analysis = 'well'")
    assert due_days(database) == [DAY.date()]
    assert kpis(database).analysis_success == 100


def test_today_is_there_from_its_first_trade_on_and_marked_as_unfinished(database):
    """The next run writes its row when it is over; until then the views measure it."""
    now = rows(database, "SELECT now() AS now")[0].now
    settle(database, "completed_success", completed_at=now, fees_paid=1)
    settle(database, "completed_failure", completed_at=now)
    settle(database, "completed_failure", completed_at=now - timedelta(days=1))
    yesterday = now.date() - timedelta(days=1)
    roll_up_days(database, [yesterday])
    days = rows(
        database,
        "SELECT day, value, unfinished FROM vw_daily_kpis WHERE kpi = 'success rate, %' ORDER BY day",
    )
    assert days == [(yesterday, 0, False), (now.date(), 50, True)]
    stats = rows(
        database,
        "SELECT day, sum(total_trades), sum(fees_paid), unfinished FROM vw_daily_trade_stats "
        "GROUP BY day, unfinished ORDER BY day",
    )
    assert [tuple(row) for row in stats] == [(yesterday, 1, 0, False), (now.date(), 2, 1, True)]


def test_a_day_that_is_over_is_not_measured_again(database):
    settle(database, "completed_success")
    kpis(database)
    days = rows(database, "SELECT DISTINCT day, unfinished FROM vw_daily_kpis ORDER BY day")
    assert days[0] == (DAY.date(), False) and days[1].unfinished and len(days) == 2


def rate(database, rating, at=DAY):
    with database.begin() as connection:
        insert(connection, "atge_user_feedback", timestamp=at, feedback_type="trade_accuracy", rating=rating)


def test_ratings_must_be_over_their_targets(database):
    for rating in (5, 4, 4, 3, None):
        rate(database, rating)
    rate(database, 1, at=DAY - timedelta(microseconds=1))
    rate(database, 1, at=DAY + timedelta(days=1))
    row = kpis(database)
    assert (row.ratings, row.average_rating, row.average_rating_met) == (4, 4, False)
    assert (row.average_rating_target, row.positive_share_target) == (4, 80)
    assert (row.positive_share, row.positive_share_met) == (75, False)
    rate(database, 5)
    row = kpis(database)
    assert (row.average_rating, row.average_rating_met) == (Decimal("4.2"), True)
    assert (row.positive_share, row.positive_share_met) == (80, False)  # not over it


def test_feedback_that_comes_late_or_is_changed_makes_its_day_due_and_that_of_today_none(database):
    kpis(database)
    rate(database, 5, at=rows(database, "SELECT now() AS now")[0].now)
    rate(database, None)
    assert due_days(database) == []
    for change in ("UPDATE atge_user_feedback SET rating = 2", "DELETE FROM atge_user_feedback"):
        run(database, change)
        assert due_days(database) == [DAY.date()]
        kpis(database)
    rate(database, 5)
    assert due_days(database) == [DAY.date()]


def test_the_share_of_analysed_trades_has_a_target(database):
    for _ in range(19):
        settle(database, "completed_success", ai_analysis="well")
    settle(database, "completed_failure")
    assert (kpis(database).analysis_success, kpis(database).analysis_success_met) == (95, False)
    run(database, "UPDATE trade_results SET ai_analysis = 'well'")
    assert kpis(database).analysis_success_met is True
    shown = rows(database, "SELECT target, met FROM vw_daily_kpis WHERE kpi LIKE 'analysis success%'")
    assert ("over 95", True) in [tuple(row) for row in shown]
