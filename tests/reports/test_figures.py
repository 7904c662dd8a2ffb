"""The figures of a report, against a second computation that reads the rows itself."""

import json
import math
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pandas as pd
import pytest
from sqlalchemy import text

from include.maintenance.forecast import TooFewSizesError, fit_line
from include.reports import ReportPeriodError, build, find_period, last_period
from include.reports.figures import NO_NUMBER, Figure, compare
from include.reports.words import change_text, value_text, verdict
from include.settings import Settings
from tests.reports.conftest import FIRST, NOW, SETTINGS
from tests.support.rows import insert_settled


def figures(sections):
    return {(section.name, figure.name): figure for section in sections for figure in section.figures}


@pytest.fixture(scope="module")
def measured(filled):
    """The last week, measured once."""
    period = last_period("weekly", NOW)
    now, sections = build.measure(filled, period, SETTINGS, 10 << 30)
    return period, now, sections


@pytest.fixture(scope="module")
def trades(filled):
    """All settled trades, with the day on which each was settled."""
    with filled.connect() as connection:
        frame = pd.read_sql(
            text(
                "SELECT symbol, status, completed_at, expires_at, net_profit_loss::float8 AS net, "
                "fees_paid::float8 AS fees "
                "FROM trade_signals JOIN trade_results ON trade_signal_id = trade_signals.id"
            ),
            connection,
        )
    frame["day"] = frame.completed_at.dt.tz_convert("UTC").dt.date
    return frame


def within(frame, period):
    return frame[(frame.day >= period.start) & (frame.day < period.end)]


def test_business_agrees_with_the_trades_themselves(measured, trades):
    period, _, sections = measured
    found = figures(sections)
    windows = [within(trades, one) for one in period.with_former()]
    net = found["business", "net"]
    assert net.value == pytest.approx(windows[0].net.sum(), abs=0.005)
    assert net.before == pytest.approx(windows[1].net.sum(), abs=0.005)
    assert net.mean == pytest.approx(sum(window.net.sum() for window in windows[1:]) / 4, abs=0.005)
    assert found["business", "fees"].value == pytest.approx(windows[0].fees.sum(), abs=0.005)
    won = (windows[0].status == "completed_success").sum()
    assert found["business", "settled"].value == len(windows[0])
    assert found["business", "won"].value == won
    rate = found["business", "success_rate"]
    assert rate.value == pytest.approx(100 * won / len(windows[0]))
    # Wilson by its definition: the shares from which the observed one lies 1.96 standard errors away.
    for share in (rate.low / 100, rate.high / 100):
        away = abs(won / len(windows[0]) - share) / math.sqrt(share * (1 - share) / len(windows[0]))
        assert away == pytest.approx(1.95996, abs=1e-4)
    profit, loss = windows[0][windows[0].net > 0].net.sum(), -windows[0][windows[0].net < 0].net.sum()
    assert found["business", "profit_factor"].value == pytest.approx(profit / loss)


def test_equity_and_its_deepest_fall_agree_with_a_running_sum(measured, trades):
    period, _, sections = measured
    sums = trades[trades.day < period.end].groupby("day").net.sum().cumsum()
    business = next(section for section in sections if section.name == "business")
    points = {date.fromisoformat(point["day"]): point["equity"] for point in business.series["equity"]}
    assert points.keys() == set(sums.index)
    assert all(points[day] == pytest.approx(sums[day], abs=0.005) for day in points)
    inside = [sums.get(period.start - timedelta(days=1), 0.0), *sums[sums.index >= period.start]]
    peaks = pd.Series(inside).cummax()
    deepest = (peaks - pd.Series(inside)).max()
    assert figures(sections)["business", "drawdown"].value == pytest.approx(deepest, abs=0.005)


def test_symbols_and_the_best_and_worst_trades(measured, trades):
    period, _, sections = measured
    window = within(trades, period)
    tables = {table.name: table for section in sections for table in section.tables}
    by_symbol = {row[0]: row for row in tables["symbols"].rows}
    for symbol, rows in window.groupby("symbol"):
        assert by_symbol[symbol][1] == len(rows)
        assert by_symbol[symbol][4] == pytest.approx(rows.net.sum(), abs=0.005)
    assert [row[4] for row in tables["best_trades"].rows] == sorted(window.net, reverse=True)[:3]
    assert [row[4] for row in tables["worst_trades"].rows] == sorted(window.net)[:3]


def test_health_agrees_with_the_rows(measured, filled, trades):
    period, _, sections = measured
    found = figures(sections)
    window = within(trades, period)
    waited = (window.completed_at - window.expires_at).dt.total_seconds()
    assert found["health", "latency_p95"].value == pytest.approx(waited.quantile(0.95))
    assert found["health", "latency_p50"].value == pytest.approx(waited.median())
    fired = [FIRST + timedelta(days=day) for day in range(0, 40, 4)]
    assert found["health", "incidents_critical"].value == sum(
        period.start <= day < period.end for day in fired
    )
    assert found["health", "uptime"].value == pytest.approx(100)
    probes = next(table for table in sections[1].tables if table.name == "probes")
    with filled.connect() as connection:
        looks = pd.read_sql(text("SELECT service, status, checked_at FROM probe_results"), connection)
    looks = looks[
        (looks.checked_at >= pd.Timestamp(period.begins_at))
        & (looks.checked_at < pd.Timestamp(period.ends_at))
    ]
    for service, count, healthy, _, down in probes.rows:
        rows = looks[looks.service == service]
        assert (count, down) == (len(rows), (rows.status == "down").sum())
        assert healthy == pytest.approx(100 * (rows.status == "healthy").mean())


def test_errors_durations_and_cost_agree_with_the_rows(measured, filled):
    period, _, sections = measured
    found = figures(sections)
    with filled.connect() as connection:
        errors = pd.read_sql(text("SELECT timestamp, severity FROM atge_error_logs"), connection)
        timed = pd.read_sql(
            text("SELECT timestamp, metric_type, value::float8, unit FROM atge_performance_metrics"),
            connection,
        )
        calls = pd.read_sql(text("SELECT day, cost_usd::float8 AS cost FROM llm_calls"), connection)
    spans = [(pd.Timestamp(one.begins_at), pd.Timestamp(one.ends_at)) for one in period.with_former()]
    counts = [((errors.timestamp >= begin) & (errors.timestamp < end)).sum() for begin, end in spans]
    assert found["errors", "errors"].value == counts[0]
    assert found["errors", "errors"].before == counts[1]
    assert found["errors", "errors"].mean == pytest.approx(sum(counts[1:]) / 4)
    begin, end = spans[0]
    inside = timed[(timed.timestamp >= begin) & (timed.timestamp < end)]
    backtests = inside[inside.metric_type == "backtest_time"].value * 1000
    assert found["performance", "backtest_time_p95"].value == pytest.approx(backtests.quantile(0.95))
    in_week = calls[(calls.day >= period.start) & (calls.day < period.end)]
    assert found["cost", "model_cost"].value == pytest.approx(in_week.cost.sum())
    assert found["cost", "budget_used"].value == pytest.approx(100 * in_week.cost.sum() / 0.70)
    assert found["cost", "model_calls_failed"].value == 7


def test_measurements_that_retention_has_deleted_are_not_compared(measured):
    _, _, sections = measured
    figure = figures(sections)["performance", "api_response_p95"]
    assert figure.value is not None and figure.mean is None  # four weeks back is more than thirty days


def test_the_forecast_agrees_with_ordinary_least_squares(measured, filled):
    from scipy import stats

    _, _, sections = measured
    with filled.connect() as connection:
        sizes = pd.read_sql(
            text("SELECT day, sum(bytes)::float8 AS bytes FROM table_sizes GROUP BY day ORDER BY day"),
            connection,
        )
    days = sizes.day.map(date.toordinal).to_numpy()
    fit = stats.linregress(days, sizes.bytes)
    found = figures(sections)
    growth = found["capacity", "growth"]
    quantile = stats.t.ppf(0.975, len(days) - 2)
    assert growth.value == pytest.approx(fit.slope)
    assert growth.low == pytest.approx(fit.slope - quantile * fit.stderr)
    ahead = found["capacity", "size_in_30_days"]
    on = days[-1] + 30
    assert ahead.value == pytest.approx(fit.intercept + fit.slope * on)
    residuals = sizes.bytes - fit.intercept - fit.slope * days
    deviation = math.sqrt((residuals**2).sum() / (len(days) - 2))
    spread = ((days - days.mean()) ** 2).sum()
    half = quantile * deviation * math.sqrt(1 + 1 / len(days) + (on - days.mean()) ** 2 / spread)
    assert ahead.high - ahead.value == pytest.approx(half)


def test_a_line_says_when_the_disk_is_full_and_when_it_knows_too_little():
    sizes = {date(2026, 1, 1) + timedelta(days=day): 100 + 10 * day for day in range(10)}
    assert fit_line(sizes).full_after(100) == (date(2026, 1, 20),) * 3  # no scatter: no interval
    assert fit_line(dict.fromkeys(sizes, 100)).full_after(100) == (None, None, None)
    with pytest.raises(TooFewSizesError, match="6 days"):
        fit_line(dict(list(sizes.items())[:6]))


def test_a_figure_that_is_not_known_says_why(database):
    """A platform without a past: nothing is 0 that nobody has counted."""
    _, sections = build.measure(database, last_period("daily", NOW), SETTINGS, None)
    found = figures(sections)
    for figure in found.values():
        assert figure.value is not None or figure.why, figure.name
        assert figure.before is None and figure.mean is None, figure.name
    assert found["business", "net"].value is None and "roll_up_stats" in found["business", "net"].why
    assert "simple auth manager" in found["security", "failed_logins"].why
    assert "database_volume" in found["capacity", "disk_free"].why


def test_a_day_without_trades_is_a_day_with_0_trades(database):
    from include.trades.rollup import roll_up_days

    period = last_period("daily", NOW)
    roll_up_days(database, [period.start])
    found = figures(build.measure(database, period, SETTINGS, None)[1])
    assert (found["business", "settled"].value, found["business", "net"].value) == (0, 0)
    assert (
        found["business", "success_rate"].value is None
        and "no trade" in found["business", "success_rate"].why
    )
    assert found["business", "drawdown"].value == 0


def test_late_data_is_said(database):
    """A week of which one day is rolled up, and has changed since."""
    from include.trades.rollup import roll_up_days

    period = last_period("weekly", NOW)
    with database.begin() as connection:
        at = period.begins_at + timedelta(hours=5)
        insert_settled(connection, "completed_success", 5, completed_at=at, expires_at=at)
    roll_up_days(database, [period.start])
    with database.begin() as connection:
        later = at + timedelta(hours=1)
        insert_settled(connection, "completed_success", 7, completed_at=later, expires_at=later)
    now, sections = build.measure(database, period, SETTINGS, None)
    business = next(section for section in sections if section.name == "business")
    assert figures(sections)["business", "net"].value == 5
    said = " ".join(business.notes)
    assert "1 of 7 days" in said and (period.start + timedelta(days=1)).isoformat() in said
    assert "changed since" in said
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=5)


def test_odd_rows_make_no_figure_and_stop_nothing(database):
    from include.trades.rollup import roll_up_days

    period = last_period("daily", NOW)
    at = period.begins_at + timedelta(hours=5)
    with database.begin() as connection:
        for net in ("NaN", "Infinity", "1e300", "-12"):
            insert_settled(
                connection,
                "completed_success",
                None,
                symbol="N" * 200,
                completed_at=at,
                expires_at=at,
            )
            connection.execute(
                text("UPDATE trade_results SET net_profit_loss = :net WHERE net_profit_loss IS NULL"),
                {"net": net},
            )
    roll_up_days(database, [period.start])
    _, sections = build.measure(database, period, SETTINGS, None)
    found = figures(sections)
    assert found["business", "net"].value is None and found["business", "net"].why == NO_NUMBER
    assert found["business", "drawdown"].why == NO_NUMBER
    json.dumps([build.to_json(section) for section in sections], allow_nan=False)


@pytest.mark.parametrize(
    ("kind", "day", "first", "last"),
    [
        ("daily", date(2026, 3, 1), date(2026, 3, 1), date(2026, 3, 1)),
        ("weekly", date(2026, 1, 1), date(2025, 12, 29), date(2026, 1, 4)),
        ("monthly", date(2024, 2, 29), date(2024, 2, 1), date(2024, 2, 29)),
        ("monthly", date(2025, 12, 31), date(2025, 12, 1), date(2025, 12, 31)),
    ],
)
def test_periods(kind, day, first, last):
    period = find_period(kind, day, datetime(2026, 11, 27, tzinfo=UTC))
    assert (period.start, period.last_day) == (first, last)
    former = period.with_former()
    assert all(one.start == two.end for one, two in pairwise(former))
    assert len(former) == 5


@pytest.mark.parametrize(
    "day", [date(2026, 11, 27), date(2026, 12, 1), date(1999, 12, 31), date(9999, 12, 31)]
)
def test_a_period_that_is_not_over_or_out_of_reach_is_refused(day):
    with pytest.raises(ReportPeriodError):
        find_period("daily", day, datetime(2026, 11, 27, 12, tzinfo=UTC))


def test_comparisons():
    assert compare("n", "n", "count", [3, 1, 2, 3, 4]).mean == 2.5
    assert compare("n", "n", "count", [3, 1, None, 3, 4]).mean is None
    assert compare("n", "n", "count", [3, 1, 2, 3, 4], unknown_before=[True] * 5) == Figure(
        "n", "n", "count", 3
    )
    assert compare("n", "n", "USD", [math.nan, 1]).why == NO_NUMBER


def test_words():
    assert [
        change_text(*of) for of in ((44.0, 45.5, "%"), (2, 4, "count"), (3, 0, "count"), (None, 1, "s"))
    ] == [
        "-1.5 points",
        "-50.0 %",
        "from 0",
        "",
    ]
    assert value_text(-1234.5, "USD") == "-1,234.50 USD"
    assert value_text(90_000.0, "ms") == "90 s"
    assert verdict(Figure("n", "n", "count", 3, before=2, good="down")) == "worse"
    assert verdict(Figure("n", "n", "count", 3, before=3, good="down")) == ""


def test_settings_of_reports_are_checked():
    with pytest.raises(ValueError, match="fax"):
        Settings(report_channels={"daily": ["fax"]})
