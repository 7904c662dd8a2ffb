"""Monitoring through the API: the documented body, and feedback."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.support.reading import insert_whole, run
from tests.support.rows import NOW, insert
from tests.support.web import ANNA, BERT

STATS, FEEDBACK = "/api/atge/monitoring/stats", "/api/atge/monitoring/feedback"
HOUR = timedelta(hours=1)


@pytest.fixture
def events(database):
    with database.begin() as connection:
        for age, kind, severity, user in (
            (0.5, "api", "critical", ANNA),
            (3, "api", "low", BERT),
            (3, "analysis", "low", None),
            (100, "database", "high", ANNA),
        ):
            insert(connection, "atge_error_logs", timestamp=NOW - age * HOUR, error_type=kind, user_id=user,
                   severity=severity, error_message=f"{age} h ago", error_stack="secret path")  # fmt: skip
        for age, kind, value, unit, user in (
            (0.5, "api_response", 100, "ms", ANNA),
            (3, "api_response", 200, "ms", None),
            (3, "analysis_time", 2.5, "seconds", BERT),
            (3, "analysis_time", "NaN", "seconds", BERT),
            (3, "generation_time", 7, "count", None),
            (100, "backtest_time", 9, "seconds", None),
        ):
            insert(connection, "atge_performance_metrics", timestamp=NOW - age * HOUR, metric_type=kind,
                   metric_name=f"{value} {unit}", value=value, unit=unit, user_id=user)  # fmt: skip
        for age, rating, user in ((0.5, 5, ANNA), (3, 2, BERT), (3, None, BERT), (100, 1, ANNA)):
            insert(connection, "atge_user_feedback", timestamp=NOW - age * HOUR, feedback_type="bug_report",
                   rating=rating, user_id=user, comment=f"{age} h ago")  # fmt: skip
    insert_whole(database)
    insert_whole(database, user=BERT, status="completed_failure")
    insert_whole(database, user=BERT, status="active")
    return database


def read(client, **parameters):
    answer = client.get(STATS, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_documented_body_with_every_known_name(api, events):
    shown = read(api.with_key("operate"))
    assert (shown["success"], shown["timeRange"], shown["timestamp"][-1]) == (True, "24h", "Z")
    stats = shown["stats"]
    errors = stats["errors"]
    assert errors["total"] == 3
    assert errors["byType"] == {
        "api": 2, "database": 0, "generation": 0, "backtesting": 0, "analysis": 1, "frontend": 0
    }  # fmt: skip
    assert errors["bySeverity"] == {"low": 2, "medium": 0, "high": 0, "critical": 1}
    assert errors["recentErrors"][0]["errorMessage"] == "0.5 h ago"
    assert "secret path" not in str(errors)
    performance = stats["performance"]
    assert performance["averageApiResponseTime"] == 150
    assert performance["averageAnalysisTime"] == 2500
    assert performance["averageGenerationTime"] is None  # a count is no duration
    assert performance["averageBacktestTime"] is None
    assert [one["durationMs"] for one in performance["slowestOperations"]] == [2500, 200, 100]
    assert stats["database"] == {
        "totalTrades": 3, "activeTrades": 1, "completedTrades": 2, "averageTradeSuccessRate": 50
    }  # fmt: skip
    assert stats["userFeedback"]["totalFeedback"] == 3
    assert stats["userFeedback"]["averageRating"] == 3.5
    assert stats["userFeedback"]["byType"]["bug_report"] == 3
    assert stats["userFeedback"]["byType"]["performance"] == 0
    assert len(stats["userFeedback"]["recentFeedback"]) == 3


@pytest.mark.parametrize(
    ("range_", "errors", "feedback"), [("1h", 1, 1), ("24h", 3, 3), ("7d", 4, 4), ("30d", 4, 4)]
)
def test_a_range_is_what_it_says(api, events, range_, errors, feedback):
    stats = read(api.with_key("operate"), timeRange=range_)["stats"]
    assert (stats["errors"]["total"], stats["userFeedback"]["totalFeedback"]) == (errors, feedback)


@pytest.mark.parametrize("range_", ["2h", "", "24H", "1h "])
def test_another_range_is_refused_with_the_options(api, range_):
    answer = api.with_key().get(STATS, params={"timeRange": range_})
    assert answer.status_code == 400
    assert answer.json()["validOptions"] == ["1h", "24h", "7d", "30d"]
    assert answer.json()["success"] is False


def test_a_key_sees_what_bears_its_user(api, events):
    stats = read(api.with_key(), timeRange="7d")["stats"]
    assert stats["errors"]["total"] == 2
    assert stats["performance"]["averageApiResponseTime"] == 100
    assert stats["performance"]["averageAnalysisTime"] is None
    assert stats["database"]["totalTrades"] == 1
    assert [one["comment"] for one in stats["userFeedback"]["recentFeedback"]] == ["0.5 h ago", "100 h ago"]
    assert api.with_key().get(STATS, params={"userId": str(BERT)}).status_code == 404
    assert read(api.as_person("viewer"), timeRange="7d", userId=str(ANNA))["stats"] == stats


def test_with_no_row_averages_are_null(api, database):
    stats = read(api.with_key("operate"))["stats"]
    assert stats["database"]["averageTradeSuccessRate"] is None
    assert stats["userFeedback"]["averageRating"] is None
    assert stats["performance"]["slowestOperations"] == []


def test_all_workers_show_the_same_figures_for_a_minute(api, serve, events):
    first = read(api.with_key("operate"))
    run(events, "DELETE FROM atge_error_logs")
    assert read(serve().with_key("operate")) == first
    run(events, "UPDATE kept_answers SET made_at = now() - interval '61 seconds'")
    assert read(serve().with_key("operate"))["stats"]["errors"]["total"] == 0


def stored(database):
    with database.connect() as connection:
        return connection.execute(text("SELECT * FROM atge_user_feedback")).mappings().all()


def test_feedback_is_stored_for_the_caller(api, database):
    trade = insert_whole(database)
    body = {"feedbackType": "trade_accuracy", "rating": 4, "comment": "good é", "tradeSignalId": str(trade),
            "metadata": {"page": "trades"}}  # fmt: skip
    answer = api.with_key("write").post(FEEDBACK, json=body)
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert answer.json()["message"]
    (row,) = stored(database)
    assert (row["user_id"], row["rating"], row["comment"], row["trade_signal_id"]) == (
        ANNA,
        4,
        "good é",
        trade,
    )
    assert row["metadata"] == {"page": "trades"}


def test_a_person_is_no_user_and_the_row_bears_the_login(api, database):
    assert api.as_person("operator").post(FEEDBACK, json={"feedbackType": "bug_report"}).status_code == 200
    (row,) = stored(database)
    assert (row["user_id"], row["metadata"]) == (None, {"person": "operator"})


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "feedbackType"),
        ({"feedbackType": "praise"}, "feedbackType"),
        ({"feedbackType": "bug_report", "rating": 0}, "rating"),
        ({"feedbackType": "bug_report", "rating": 6}, "rating"),
        ({"feedbackType": "bug_report", "rating": True}, "rating"),
        ({"feedbackType": "bug_report", "rating": 4.5}, "rating"),
        ({"feedbackType": "bug_report", "rating": "4"}, "rating"),
        ({"feedbackType": "bug_report", "comment": "\x00"}, "comment"),
        ({"feedbackType": "bug_report", "comment": "x" * 10_001}, "comment"),
        ({"feedbackType": "bug_report", "metadata": []}, "metadata"),
        ({"feedbackType": "bug_report", "metadata": {"a": "\x00"}}, "metadata.a"),
        ({"feedbackType": "bug_report", "userId": str(BERT)}, "userId"),
    ],
)
def test_wrong_feedback_is_refused_and_named(api, database, body, named):
    answer = api.with_key("write").post(FEEDBACK, json=body)
    assert answer.status_code == 422
    assert [one["parameter"] for one in answer.json()["errors"]] == [named]
    assert stored(database) == []


def test_feedback_about_another_users_trade_is_refused(api, database):
    trade = insert_whole(database, user=BERT)
    body = {"feedbackType": "bug_report", "tradeSignalId": str(trade)}
    assert api.with_key("write").post(FEEDBACK, json=body).status_code == 404
    assert stored(database) == []
    assert api.with_key("operate").post(FEEDBACK, json=body).status_code == 200


def test_secrets_in_feedback_are_masked(api, database):
    said = "my key is password=hunter2-and-more"
    api.with_key("write").post(FEEDBACK, json={"feedbackType": "bug_report", "comment": said})
    assert "hunter2" not in stored(database)[0]["comment"]
