"""What is counted and watched of portfolios: for Prometheus and our own alert rules."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from include.alerts.readings import SampleSelection, read_sources
from include.portfolio.assess import assess
from include.portfolio.snapshot import store_failure
from include.telemetry.exporters import EndedRuns, read_metrics
from tests.support.portfolios import YESTERDAY, give_snapshot, give_values


def metrics(engine):
    reading = read_metrics(engine, lambda since: EndedRuns([], []), fresh=0.0)
    return {(name, *dict(labels).values()): value for name, labels, _, value in reading.samples}


def gauges(engine):
    """Gauge -> labels -> value, as the rules read them now."""
    wanted = [SampleSelection(name, "gauges") for name in ("portfolio_syncs", "risk", "risk_verdicts")]
    with engine.connect() as connection:
        at = connection.execute(text("SELECT now()")).scalar_one()
        readings = read_sources(connection, wanted, at)
    assert readings.failed == {}
    return {gauge: values for (_, gauge), values in readings.gauges.items()}


def test_nothing_is_invented_where_there_is_no_portfolio(database):
    found = metrics(database)
    assert [found["tradeops_risk_traffic_lights", zone] for zone in ("green", "yellow", "red")] == [0, 0, 0]
    unknown = ("last_sync_timestamp_seconds", "sync_seconds")
    names = {key[0] for key in found}
    assert not names & {f"tradeops_portfolio_{name}" for name in unknown}
    assert "tradeops_risk_assessment_seconds" not in names
    assert not any(gauges(database).values())


def test_looks_calculations_and_verdicts_are_counted_and_watched(database):
    give_snapshot(database, YESTERDAY, 7)
    with database.begin() as connection:
        store_failure(connection, "ibkr", "nobody is logged in")
        connection.execute(text("UPDATE portfolio_syncs SET source = 'exchange' WHERE outcome = 'complete'"))
    returns = [0.01, -0.01] * 110
    give_values(database, "file:a", returns[:120], YESTERDAY - timedelta(days=100))
    with database.begin() as connection:  # a hundred forecasts of the past, of which twelve were too low
        connection.execute(
            text(
                "INSERT INTO risk_forecasts (portfolio_id, day, method, confidence, made_at, var, es,"
                " observations) SELECT 'file:a', CAST(:last AS date) - n, 'normal', 0.99,"
                " CAST(:last AS date) - n - 1, 0.02, 0.03, 100 FROM generate_series(0, 99) AS n"
            ),
            {"last": YESTERDAY},
        )
    days = [-0.05 if number % 9 == 0 else 0.0 for number in range(100)]
    give_values(database, "file:a", days, YESTERDAY)
    with database.begin() as connection:  # as each day wrote them
        connection.execute(
            text(
                "INSERT INTO risk_outcomes (portfolio_id, day, method, confidence, horizon, loss, exception)"
                " SELECT portfolio_id, day, method, confidence, horizon, -daily_return,"
                " -daily_return > var FROM risk_forecasts JOIN portfolio_values USING (portfolio_id, day)"
            )
        )
    assess(database, YESTERDAY, scenarios={}, benchmark=None)
    with pytest.raises(Exception, match="invalid"):
        give_snapshot(database, YESTERDAY, 7, hour=21)
        assess(database, YESTERDAY, scenarios={"odd": {"*": "much"}}, benchmark=None)
    found = metrics(database)
    assert found["tradeops_portfolio_syncs_total", "ibkr", "failed"] == 1
    assert found["tradeops_portfolio_syncs_total", "file", "complete"] == 2
    assert found["tradeops_risk_assessments_total", "complete"] == 1
    assert found["tradeops_risk_assessments_total", "failed"] == 1
    assert found["tradeops_risk_assessment_seconds",] > 0
    assert found["tradeops_risk_exceptions_to_expected_ratio", "normal", "0.99"] == pytest.approx(12)
    assert found["tradeops_risk_traffic_lights", "red"] == 1
    watched = gauges(database)
    assert list(watched["failed"].values()) == [1]
    assert [value for labels, value in watched["traffic_light"].items() if "normal" in str(labels)] == [2]
    (age,) = watched["age_seconds"].values()
    assert 0 < age < 86_400 * 2
    (of_the_file,) = watched["file_age_seconds"].values()
    assert of_the_file == pytest.approx(age - 3600, abs=1), "an hour younger"
