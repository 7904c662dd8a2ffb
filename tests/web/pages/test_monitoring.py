"""The page on monitoring, and its figures as files: over nothing, over some rows, and asked wrongly."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from tests.support.pages import page
from tests.support.rows import insert, insert_settled

NASTY = "<script>alert(1)</script>"
NOW = datetime.now(UTC)
ERROR = {"error_type": "api", "severity": "critical", "error_message": NASTY}
TIMED = {"metric_type": "generation_time", "metric_name": NASTY, "unit": "seconds"}


def store_some(database) -> None:
    with database.begin() as connection:
        trade = insert_settled(connection, "completed_success", 5)
        insert(connection, "atge_error_logs", **ERROR, timestamp=NOW, trade_signal_id=trade)
        insert(connection, "atge_error_logs", **ERROR, timestamp=NOW - timedelta(days=3))
        for value in (4, 40):
            insert(connection, "atge_performance_metrics", **TIMED, value=value, timestamp=NOW)
        for rating in (5, 4, 1):
            values = {"feedback_type": "performance", "rating": rating, "comment": NASTY}
            insert(connection, "atge_user_feedback", **values, timestamp=NOW)


def test_with_no_row_the_page_says_so(client):
    words = page(client, "/tradeops/monitoring").words
    assert "Nothing was measured" in words and "No feedback" in words and "not measured" in words


def test_errors_durations_and_feedback_of_the_range(client, database):
    store_some(database)
    answer = client.get("/tradeops/monitoring?range=24h").text
    words = page(client, "/tradeops/monitoring?range=24h").words
    assert NASTY not in answer and "&lt;script&gt;" in answer and "style=" not in answer
    assert "66.7 %" in words and "3 ratings" in words  # two of three are positive
    assert "22 s" in words and "exceeded" in words  # the mean of 4 and 40 s is over the limit of 10
    assert "50.0 %" in words  # of today's stay within it
    assert "critical: 1" in words
    assert "critical: 2" in page(client, "/tradeops/monitoring?range=7d").words


def test_the_figures_are_files(client, database):
    store_some(database)
    found = client.get("/tradeops/monitoring/figures?range=7d&format=json").json()
    assert found["timeRange"] == "7d" and found["stats"]["errors"]["total"] == 2
    answer = client.get("/tradeops/monitoring/figures?range=7d&format=csv")
    rows = {(row["figure"], row["part"]): row["value"] for row in csv.DictReader(io.StringIO(answer.text))}
    assert rows["errors", "api"] == "2.0" and rows["generation_milliseconds", ""] == "22000.0"
    assert ("analysis_milliseconds", "") not in rows
    written = client.get("/tradeops/monitoring/figures?range=7d&format=prometheus").text
    samples = {
        (sample.name, sample.labels.get("type", "")): (sample.value, sample.labels["range"])
        for family in text_string_to_metric_families(written)
        for sample in family.samples
    }
    assert samples["tradeops_monitoring_errors", "api"] == (2, "7d")
    assert samples["tradeops_monitoring_generation_milliseconds", ""] == (22_000, "7d")


@pytest.mark.parametrize(
    "path", ["monitoring?range=%00", "monitoring/figures?range=2y", "monitoring/figures?format=xml"]
)
def test_what_is_not_offered_is_said(client, path):
    assert "one of" in page(client, f"/tradeops/{path}", 422).words


def test_odd_numbers_stop_nothing(client, database):
    with database.begin() as connection:
        for odd in ("NaN", "Infinity"):
            insert(connection, "atge_performance_metrics", **TIMED, value=odd, timestamp=NOW)
        connection.execute(text("UPDATE atge_performance_metrics SET metadata = '{}'"))
    assert "not measured" in page(client, "/tradeops/monitoring?range=1h").words
    assert client.get("/tradeops/monitoring/figures?range=1h&format=prometheus").status_code == 200
