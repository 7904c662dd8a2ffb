"""What the demo shows on the page of portfolios."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from include.telemetry.exporters import EndedRuns, read_metrics, write_metrics
from local.demo_portfolio import DAYS, fill_portfolio
from tests.support.prometheus import without_data


def test_the_demo_fills_the_page_and_a_second_one_adds_what_is_missing(database, sandbox):
    with database.begin() as connection:  # all but the last three days were worked out before
        connection.execute(
            text(
                "INSERT INTO risk_assessments (day, outcome, took)"
                " SELECT CAST(:yesterday AS date) - n, 'complete', interval '1 s'"
                " FROM generate_series(3, 100) AS n"
            ),
            {"yesterday": datetime.now(UTC).date() - timedelta(days=1)},
        )
    assert "39 positions" in fill_portfolio(database, sandbox.url)
    with database.connect() as connection:
        forecasts = connection.execute(text("SELECT count(*), count(var) FROM risk_forecasts")).one()
        assert tuple(forecasts) == (45, 45) and DAYS > 3
    shown, _ = write_metrics(read_metrics(database, lambda since: EndedRuns([], [])), "", {})
    missing = without_data(shown.decode(), "tradeops_portfolio", "tradeops_risk")
    assert missing == {"tradeops_risk_exceptions_to_expected_ratio"}  # three days are too few to judge
