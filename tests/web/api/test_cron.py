"""The routes for schedulers outside."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from include.web.host import RunNotStartedError
from tests.support.rows import NOW, insert_settled, insert_signal
from tests.support.web import ANNA

SWEEP = "/api/cron/check-expired-trades"
CLEAN = "/api/cron/cleanup-monitoring-data"
SECRET = "the-cron-secret"


@pytest.fixture
def cron(api):
    api.secrets["cron"] = SECRET
    return api


def ask(api, path=SWEEP, method="POST", secret=SECRET):
    return api.client(secret).request(method, path)


@pytest.mark.parametrize("path", [SWEEP, CLEAN, "/api/cron/nowhere"])
def test_without_a_secret_it_is_never_open(api, path):
    for secret in (None, "", "None", "undefined", SECRET):
        for configured in ({}, {"cron": ""}):
            api.secrets.clear()
            api.secrets.update(configured)
            answer = ask(api, path, secret=secret)
            assert answer.status_code == 503
            assert "api_cron" in answer.json()["error"]
    assert api.runs.started == {}


@pytest.mark.parametrize("path", [SWEEP, CLEAN, "/api/cron/nowhere"])
@pytest.mark.parametrize("headers", [{}, {"x-cron-secret": ""}, {"Authorization": "Bearer top_x"}], ids=str)
def test_a_wrong_secret_is_refused(cron, path, headers):
    answer = cron.client().post(path, headers=headers)
    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers
    assert cron.runs.started == {}


def test_neither_a_person_nor_a_key_is_the_scheduler(cron):
    assert cron.as_person("operator").post(SWEEP).status_code == 401
    assert cron.with_key("operate").post(SWEEP).status_code == 401
    assert cron.client(SECRET).get("/api/atge/openapi.json").status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "headers", [{"Authorization": f"Bearer {SECRET}"}, {"x-cron-secret": SECRET}], ids=str
)
def test_a_sweep_is_started_and_counted(cron, method, headers):
    past = {"user_id": ANNA, "generated_at": NOW - timedelta(hours=3), "expires_at": NOW - timedelta(hours=1)}
    with cron.engine.begin() as connection:
        insert_signal(connection, **past)
        waiting = insert_signal(connection, **past)
        insert_signal(connection, user_id=ANNA)
        insert_signal(connection, **past, status="cancelled")
        insert_settled(connection, "completed_success", 1, **past)
        connection.execute(
            text(
                "INSERT INTO settlement_claims "
                "(trade_signal_id, claim_id, batch, claimed_at, lease_expires_at, next_attempt_at, attempts) "
                "VALUES (:id, 'x', 0, now(), now(), now() + interval '1 hour', 1)"
            ),
            {"id": waiting},
        )
    body = cron.client().request(method, SWEEP, headers=headers).json()
    assert body["success"] is True
    assert body["timestamp"].endswith("Z")
    assert body["stats"] == {"checked": 2, "triggered": 1, "errors": 1}
    assert body["expiredStats"] == {"totalExpired": 3, "pendingBacktest": 2, "completedBacktest": 1}
    assert list(cron.runs.started.values()) == [{}]
    again = cron.client().request(method, SWEEP, headers=headers).json()
    assert again["stats"]["triggered"] == 0
    assert len(cron.runs.started) == 1


def test_the_clean_up_is_no_dry_run_and_started_once(cron):
    assert ask(cron, CLEAN).json()["started"] is True
    assert list(cron.runs.started.values()) == [{"dry_run": False}]
    assert ask(cron, CLEAN, "GET").json()["started"] is False


def test_an_airflow_that_does_not_take_it_is_503(cron):
    cron.runs.fails = RunNotStartedError("Airflow's database is away", certain=False)
    answer = ask(cron)
    assert answer.status_code == 503
    assert "Airflow" in answer.json()["error"]


def test_other_methods_are_refused(cron):
    assert ask(cron, SWEEP, "DELETE").status_code == 405


def test_schedulers_are_limited_together_and_a_wrong_secret_counts_nothing(serve):
    api = serve(api_requests_per_minute=2)
    api.secrets["cron"] = SECRET
    for _ in range(5):
        assert ask(api, secret="wrong").status_code == 401
    assert [ask(api, CLEAN).status_code for _ in range(3)] == [200, 200, 429]
    assert ask(api, CLEAN).headers["Retry-After"]
