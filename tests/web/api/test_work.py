"""Routes that start work: what is started for whom, how often, and what came of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from include.freeze import begin_freeze, end_freeze
from include.web.host import RunNotStartedError
from tests.support.rows import NOW, insert, insert_settled, insert_signal
from tests.support.web import ANNA, BERT

GENERATE = "/api/atge/generate"
BACKTEST = "/api/atge/trigger-backtest"


@pytest.fixture
def due(api) -> str:
    with api.engine.begin() as connection:
        times = {"generated_at": NOW - timedelta(hours=3), "expires_at": NOW - timedelta(hours=1)}
        return str(insert_signal(connection, user_id=ANNA, **times))


@pytest.fixture
def settled(api) -> str:
    with api.engine.begin() as connection:
        return str(insert_settled(connection, "completed_success", 12.5, user_id=ANNA))


def only(api):
    ((dag_id, run_id), conf), *more = api.runs.started.items()
    assert more == []
    return dag_id, run_id, conf


def test_a_signal_is_generated_for_the_keys_user(api):
    client = api.with_key("write", "read")
    answer = client.post(GENERATE, json={"symbol": "btcusdt", "timeframe": "4h"})
    assert answer.status_code == 202
    body = answer.json()
    dag_id, run_id, conf = only(api)
    assert dag_id == "generate_signals"
    assert run_id == f"api__{body['runId']}"
    assert conf == {"symbol": "BTC", "timeframe": "4h", "user": str(ANNA)}
    assert body["statusUrl"] == answer.headers["Location"] == f"/api/atge/runs/{body['runId']}"
    state = client.get(body["statusUrl"]).json()
    assert (state["state"], state["userId"], state["result"]) == ("queued", str(ANNA), None)


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({}, "symbol"),
        ({"symbol": "NOSUCHCOIN"}, "symbol"),
        ({"symbol": ""}, "symbol"),
        ({"symbol": "B\x00TC"}, "symbol"),
        ({"symbol": 5}, "symbol"),
        ({"symbol": "BTC", "timeframe": "2h"}, "timeframe"),
        ({"symbol": "BTC", "user_id": str(BERT)}, "user_id"),
        ({"symbol": "BTC", "userId": "me"}, "userId"),
        ({"symbol": "BTC", "nonsense\x00": 10**30}, "nonsense"),
        ([], "body"),
    ],
)
def test_a_wrong_body_is_named(api, body, parameter):
    answer = api.with_key("write").post(GENERATE, json=body)
    assert answer.status_code == 422
    assert parameter in answer.json()["errors"][0]["parameter"]
    assert answer.json()["errors"][0]["where"] == "body"
    assert api.runs.started == {}


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[" * 100_000, b'{"symbol": "\\ud800"}', b"\xff", b'{"symbol": ' + b"9" * 5000 + b"}"]
)
def test_a_body_that_is_none_is_refused_in_words(api, raw):
    answer = api.with_key("write").post(GENERATE, content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code in (413, 422)
    assert answer.json()["error"]


def test_a_body_that_is_too_large_is_refused_unread(api):
    client = api.with_key("write")
    assert client.post(GENERATE, content=b" " * 70_000).status_code == 413
    chunks = (b" " * 1000 for _ in range(70))
    headers = {"Content-Type": "application/json"}
    assert client.post(GENERATE, content=chunks, headers=headers).status_code == 413


def test_a_key_works_for_its_own_user_and_an_operator_for_any(api):
    body = {"symbol": "BTC", "userId": str(BERT)}
    assert api.with_key("write").post(GENERATE, json=body).status_code == 403
    assert api.as_person("operator").post(GENERATE, json={"symbol": "BTC"}).status_code == 422
    assert api.with_key("operate").post(GENERATE, json=body).status_code == 202
    assert only(api)[2]["user"] == str(BERT)


def test_a_person_needs_airflows_permission_for_the_very_dag(api):
    body = {"symbol": "BTC", "userId": str(BERT)}
    refused = api.as_person("settler").post(GENERATE, json=body)
    assert refused.status_code == 403
    assert "generate_signals" in refused.json()["error"]
    assert api.as_person("operator").post(GENERATE, json=body).status_code == 202


def test_one_signal_a_minute_and_so_many_a_day_whoever_asks(serve):
    api = serve(api_signals_per_day=2)
    clients = [api.with_key("write"), api.with_key("operate", user=BERT)]
    bodies = [{"symbol": "BTC"}, {"symbol": "ETH", "userId": str(ANNA)}]
    assert clients[0].post(GENERATE, json=bodies[0]).status_code == 202
    refused = clients[1].post(GENERATE, json=bodies[1])
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    pass_time(api, "1 minute")
    assert clients[1].post(GENERATE, json=bodies[1]).status_code == 202
    pass_time(api, "1 hour")
    refused = clients[0].post(GENERATE, json=bodies[0])
    assert refused.status_code == 429
    assert 22 * 3600 < int(refused.headers["Retry-After"]) < 23 * 3600
    pass_time(api, "23 hours")
    assert clients[0].post(GENERATE, json=bodies[0]).status_code == 202


def pass_time(api, how_much):
    with api.engine.begin() as connection:
        for column in ("asked_at", "started_at"):
            connection.execute(text(f"UPDATE api_runs SET {column} = {column} - interval '{how_much}'"))


def test_a_key_that_comes_again_gets_the_same_answer(api):
    client, key = api.with_key("write"), {"Idempotency-Key": "k-1"}
    first = client.post(GENERATE, json={"symbol": "BTC"}, headers=key)
    again = client.post(GENERATE, json={"symbol": "BTC"}, headers=key)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    only(api)
    other = client.post(GENERATE, json={"symbol": "ETH"}, headers=key)
    assert other.status_code == 422
    assert other.json()["errors"][0]["parameter"] == "Idempotency-Key"
    elsewhere = api.with_key("write", user=BERT).post(GENERATE, json={"symbol": "BTC"}, headers=key)
    assert elsewhere.json()["runId"] != first.json()["runId"]
    pass_time(api, "24 hours")
    later = client.post(GENERATE, json={"symbol": "ETH"}, headers=key)
    assert later.json()["runId"] != first.json()["runId"]


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "\x00", "ü"])
def test_an_idempotency_key_is_plain_text(api, key):
    headers = {"Idempotency-Key": key.encode("latin-1")}
    answer = api.with_key("write").post(GENERATE, json={"symbol": "BTC"}, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "Idempotency-Key"


def test_the_same_request_at_once_starts_one_run(api, due):
    client = api.with_key("write")

    def ask(_):
        return client.post(BACKTEST, json={"tradeSignalId": due}, headers={"Idempotency-Key": "k"}).content

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(ask, range(8)))
    assert len(answers) == 1
    only(api)


def test_what_airflow_has_not_taken_is_started_by_the_same_key(api, due):
    client = api.with_key("write")

    def ask():
        return client.post(BACKTEST, json={"tradeSignalId": due}, headers={"Idempotency-Key": "k"})

    for certain, rows in ((True, 0), (False, 1)):
        api.runs.fails = RunNotStartedError("Airflow is away", certain=certain)
        refused = ask()
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
        assert "Airflow is away" in refused.json()["error"]
        with api.engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM api_runs")).scalar_one() == rows
    api.runs.fails = None
    run_id = ask().json()["runId"]
    assert only(api)[1] == f"api__{run_id}"
    assert ask().json()["runId"] == run_id


def test_a_due_trade_is_settled_and_a_settled_one_replayed(api, due, settled):
    client = api.with_key("read", "write")
    first = client.post(BACKTEST, json={"tradeSignalId": due}).json()
    dag_id, _, conf = only(api)
    assert (dag_id, conf) == ("settle_trades", {})
    state = client.get(first["statusUrl"]).json()
    assert (state["dagId"], state["result"]["status"], state["tradeSignalId"]) == (
        "settle_trades",
        "active",
        due,
    )
    api.runs.started.clear()
    client.post(BACKTEST, json={"tradeSignalId": settled})
    dag_id, _, conf = only(api)
    assert dag_id == "replay_trades"
    assert conf["trade_ids"] == [settled]
    assert conf["dry_run"] is False
    assert "key:top_" in conf["reason"]


def refuse(api, path, trade, word):
    answer = api.with_key("write").post(f"/api/atge/{path}", json={"tradeSignalId": str(trade)})
    assert answer.status_code == 409
    assert word in answer.json()["error"]
    assert api.runs.started == {}


CLAIM = """
INSERT INTO settlement_claims (trade_signal_id, claim_id, batch, claimed_at, lease_expires_at, attempts)
VALUES (:id, 'x', 0, now(), now() + interval '1 minute', 1)
"""


def test_what_cannot_be_settled_says_why(api, due):
    with api.engine.begin() as connection:
        running = insert_signal(connection, user_id=ANNA, expires_at=NOW + timedelta(hours=1))
        odd = insert_signal(connection, user_id=ANNA, expires_at="infinity")
        cancelled = insert_signal(connection, user_id=ANNA, status="cancelled")
    refuse(api, "trigger-backtest", running, "runs until")
    refuse(api, "trigger-backtest", odd, "infinity")
    refuse(api, "trigger-backtest", cancelled, "cancelled")
    with api.engine.begin() as connection:
        connection.execute(text(CLAIM), {"id": due})
    refuse(api, "trigger-backtest", due, "just now")
    waits = "lease_expires_at = now(), next_attempt_at = now() + interval '1 hour', reason = 'no candles'"
    with api.engine.begin() as connection:
        connection.execute(text(f"UPDATE settlement_claims SET {waits}"))
    refuse(api, "trigger-backtest", due, "no candles")


def test_only_a_settled_trade_without_an_analysis_is_analysed(api, due, settled):
    refuse(api, "analyze", due, "active")
    answer = api.with_key("write").post("/api/atge/analyze", json={"tradeSignalId": settled})
    assert answer.status_code == 202
    dag_id, _, conf = only(api)
    assert dag_id == "analyse_trades"
    assert (conf["ids"], conf["dry_run"]) == ([settled], False)
    api.runs.started.clear()
    with api.engine.begin() as connection:
        connection.execute(text("UPDATE trade_results SET ai_analysis = 'It went up.'"))
    refuse(api, "analyze", settled, "already")


def test_candles_are_fetched_for_a_trade_that_has_begun(api, due):
    api.with_key("write").post("/api/atge/historical-data", json={"tradeSignalId": due})
    assert only(api)[0::2] == ("collect_candles", {"trade_ids": [due]})
    api.runs.started.clear()
    with api.engine.begin() as connection:
        times = {"generated_at": NOW + timedelta(hours=1), "expires_at": NOW + timedelta(hours=2)}
        ahead = insert_signal(connection, user_id=ANNA, **times)
    refuse(api, "historical-data", ahead, "not begun")


@pytest.mark.parametrize("path", ["trigger-backtest", "historical-data"])
def test_a_trade_of_another_user_is_none(api, due, path):
    def ask(client, trade):
        return client.post(f"/api/atge/{path}", json={"tradeSignalId": str(trade)}).status_code

    assert ask(api.with_key("write", user=BERT), due) == 404
    assert ask(api.with_key("operate", user=BERT), due) == 202
    assert ask(api.as_person("operator"), uuid4()) == 404


def test_a_run_is_shown_to_its_user_with_its_result_or_why_not(api):
    client = api.with_key("read", "write")
    answer = client.post(GENERATE, json={"symbol": "BTC"}).json()
    url, run = answer["statusUrl"], f"api__{answer['runId']}"
    assert api.with_key("read", user=BERT).get(url).status_code == 404
    assert api.with_key("operate", user=BERT).get(url).status_code == 200
    assert api.as_person("viewer").get(url).status_code == 200
    assert client.get(f"/api/atge/runs/{UUID(int=5)}").status_code == 404
    assert client.get("/api/atge/runs/x").status_code == 422
    with api.engine.begin() as connection:
        insert(
            connection, "signal_attempts", request_key=f"{run}/a", run_id=run, run_url="", batch=0,
            user_id=ANNA, symbol="BTC", timeframe="1h", outcome="no_trade",
            reason="the market is flat", finished_at=NOW, lease_expires_at=NOW,
        )  # fmt: skip
    api.runs.finish(run)
    shown = client.get(url).json()
    assert (shown["state"], shown["reason"]) == ("success", "the market is flat")
    assert shown["result"] == {"outcome": "no_trade", "tradeSignalId": None}
    assert shown["askedAt"].endswith("Z")


def test_a_run_that_failed_says_why(api, settled):
    client = api.with_key("read", "write")
    answer = client.post("/api/atge/analyze", json={"tradeSignalId": settled}).json()
    run = f"api__{answer['runId']}"
    api.runs.finish(run, "failed")
    with api.engine.begin() as connection:
        for task, message in ((None, "the run failed"), ("analyse_batch", "stopped: the budget is spent")):
            connection.execute(
                text(
                    "INSERT INTO atge_error_logs (error_type, error_message, severity, context) VALUES "
                    "('analysis', :message, 'low', "
                    "jsonb_build_object('run_id', CAST(:run AS text), 'task_id', CAST(:task AS text)))"
                ),
                {"message": message, "run": run, "task": task},
            )
    assert "budget" in client.get(answer["statusUrl"]).json()["reason"]
    del api.runs.states[run]
    shown = client.get(answer["statusUrl"]).json()
    assert shown["state"] == "unknown"
    assert "Airflow" in shown["reason"]


def test_no_work_is_started_while_a_freeze_holds(api):
    begin_freeze(api.engine, author="ann", reason="a move", lasts=timedelta(hours=2))
    client = api.with_key("write", "read")
    refused = client.post(GENERATE, json={"symbol": "BTC"})
    assert refused.status_code == 503
    assert "frozen by ann until" in refused.json()["error"]
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert api.runs.started == {}
    assert client.post(GENERATE, json={"symbol": "NOSUCHCOIN"}).status_code == 422, (
        "what is wrong stays wrong"
    )
    end_freeze(api.engine, "ann")
    assert client.post(GENERATE, json={"symbol": "BTC"}).status_code == 202
