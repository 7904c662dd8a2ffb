"""Switching faults on and off: counting, matching, refusing; and the log of requests."""

import pytest

from sandbox.app import SERVICES
from sandbox.faults import KINDS
from sandbox.records import Log
from tests.sandbox.asking import CANDLES, KEYS, SYMBOLS, WEBHOOK, ask


def test_times_count_down_and_null_lasts(sandbox):
    sandbox.fail("market", "status", status=500, times=2)
    sandbox.fail("kraken", "garbage")
    assert sandbox.faults() == [
        {"service": "market", "kind": "status", "status": 500, "times": 2, "match": {}},
        {"service": "kraken", "kind": "garbage", "times": None, "match": {}},
    ]
    assert [sandbox.http.get(SYMBOLS).status_code for _ in range(3)] == [500, 500, 200]
    for _ in range(3):
        assert ask(sandbox, "kraken").status_code == 200
    assert [fault["service"] for fault in sandbox.faults()] == ["kraken"]


def test_faults_of_one_service_are_cleared_alone(sandbox):
    sandbox.fail("market", "garbage")
    sandbox.fail("kraken", "garbage")
    sandbox.heal("market")
    assert [fault["service"] for fault in sandbox.faults()] == ["kraken"]
    sandbox.heal()
    assert sandbox.faults() == []


def test_the_first_fault_that_fits_is_taken_first(sandbox):
    sandbox.fail("market", "status", status=429, times=1)
    sandbox.fail("market", "status", status=500, times=1)
    assert [sandbox.http.get(SYMBOLS).status_code for _ in range(3)] == [429, 500, 200]


@pytest.mark.parametrize(
    ("service", "other"),
    [
        ("market", CANDLES.replace("BTC", "SOL")),
        ("kraken", "/kraken/0/public/OHLC?pair=SOLUSD"),
        ("binance", "/binance/api/v3/klines?symbol=SOLUSDT&interval=1m"),
        ("coingecko", "/coingecko/api/v3/coins/solana/ohlc?vs_currency=usd&days=1"),
        ("coinmarketcap", "/coinmarketcap/v2/cryptocurrency/ohlcv/historical?symbol=SOL"),
        ("lunarcrush", "/lunarcrush/public/topic/solana/v1"),
    ],
)
def test_a_fault_can_be_for_one_symbol(sandbox, service, other):
    sandbox.fail(service, "status", status=500, times=1, match={"symbol": "btc/usdt"})
    assert sandbox.http.get(other, headers=KEYS).is_success
    assert sandbox.faults()[0]["times"] == 1
    assert ask(sandbox, service).status_code == 500
    assert ask(sandbox, service).is_success


def test_a_fault_can_be_for_the_facts_about_one_symbol(sandbox):
    sandbox.fail("llm", "status", status=500, match={"symbol": "ETH"})
    assert ask(sandbox, "llm").is_success
    about_eth = {
        "model": "sandbox-analyst",
        "messages": [{"role": "user", "content": 'Facts: {"trade": {"symbol": "ETHUSDT"}}'}],
    }
    assert sandbox.http.post("/llm/v1/chat/completions", json=about_eth, headers=KEYS).status_code == 500
    as_responses = {"model": "sandbox-analyst", "input": '{"symbol": "ETH"}'}
    assert sandbox.http.post("/llm/v1/responses", json=as_responses, headers=KEYS).status_code == 500


def test_a_fault_can_be_for_one_path(sandbox):
    sandbox.fail("market", "status", status=500, match={"path": "/candles"})
    assert sandbox.http.get(SYMBOLS).is_success
    assert ask(sandbox, "market").status_code == 500


def test_a_fault_in_the_data_is_not_spent_by_a_request_without_data(sandbox):
    sandbox.fail("market", "no_rows", times=1)
    assert sandbox.http.get(SYMBOLS).json()["symbols"]
    assert ask(sandbox, "market").json()["candles"] == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"service": "nasdaq", "kind": "hang"}, "no service 'nasdaq'"),
        ({"service": "market", "kind": "explode"}, "cannot suffer 'explode'"),
        ({"service": "slack", "kind": "duplicate_rows"}, "slack cannot suffer 'duplicate_rows'"),
        ({"service": "market", "kind": "refusal"}, "market cannot suffer 'refusal'"),
        ({"service": "llm", "kind": "late"}, "llm cannot suffer 'late'"),
        ({"service": "coingecko", "kind": "error_in_200"}, "cannot suffer 'error_in_200'"),
        ({"service": "kraken", "kind": "open_last_candle"}, "cannot suffer 'open_last_candle'"),
        ({"service": "fng", "kind": "wrong_symbol"}, "cannot suffer 'wrong_symbol'"),
        ({"service": "market", "kind": "status"}, "needs status"),
        ({"service": "market", "kind": "status", "status": 204}, "is no failure"),
        ({"service": "market", "kind": "status", "status": 700}, "status: "),
        ({"service": "market", "kind": "hang", "seconds": 3}, "seconds means nothing to 'hang'"),
        ({"service": "market", "kind": "latency", "seconds": -1}, "seconds: "),
        ({"service": "market", "kind": "reset", "status": 500}, "status means nothing to 'reset'"),
        ({"service": "market", "kind": "reset", "retry_after": 5}, "retry_after means nothing to 'reset'"),
        ({"service": "market", "kind": "hang", "times": 0}, "times: "),
        ({"service": "market", "kind": "hang", "often": 3}, "often: "),
        ({"service": "market", "kind": "hang", "match": {"symbol": "NOPE"}}, "unknown symbol NOPE"),
        ({"service": "market", "kind": "hang", "match": {"colour": "red"}}, "match.colour: "),
        ({"service": "slack", "kind": "hang", "match": {"symbol": "BTC"}}, "name no symbol"),
        ({"kind": "hang"}, "service: "),
        ([], "the fault: "),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_in_words(sandbox, fault, words):
    answer = sandbox.http.post("/_faults", json=fault)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert sandbox.faults() == []


def test_a_fault_that_is_not_json_is_refused(sandbox):
    assert sandbox.http.post("/_faults", content=b"{").status_code == 400


def test_every_kind_can_happen_somewhere():
    possible = {kind for service in SERVICES.values() for kind in service.all_kinds}
    assert possible == set(KINDS)


def test_requests_are_counted_without_secrets(sandbox):
    sandbox.http.get("/market/symbols?api_key=hush&plain=1&x_cg_demo_api_key=hush&X-Token=hush")
    sandbox.http.post(WEBHOOK, json={"text": "hi"})
    (request,) = sandbox.requests("market")
    assert request["query"] == [
        ["api_key", "***"], ["plain", "1"], ["x_cg_demo_api_key", "***"], ["X-Token", "***"],
    ]  # fmt: skip
    assert (request["method"], request["path"]) == ("GET", "/market/symbols")
    (posted,) = sandbox.requests("slack")
    assert posted["path"] == "/slack/services/***"
    assert sandbox.requests("kraken") == []


def test_the_log_is_bounded_but_counts_on(sandbox):
    for _ in range(3):
        sandbox.http.get("/kraken/0/public/SystemStatus")
    assert sandbox.http.get("/_requests/kraken").json()["count"] == 3
    log = Log(size=2)
    for number in range(5):
        log.append("kraken", number=number)
    assert log.count("kraken") == 5
    assert [entry["number"] for entry in log.entries("kraken")] == [3, 4]


def test_logs_of_unknown_services_are_404(sandbox):
    for log in ("_requests", "_recorded"):
        answer = sandbox.http.get(f"/{log}/nasdaq")
        assert answer.status_code == 404
        assert "no service 'nasdaq'" in answer.json()["error"]


def test_unknown_paths_are_404_and_stamped(sandbox):
    for path in ("/nothing", "/market/nothing"):
        answer = sandbox.http.get(path)
        assert (answer.status_code, answer.headers["x-sandbox"]) == (404, "1")


@pytest.mark.parametrize("round_", [1, 2])
def test_each_test_starts_fresh(sandbox, round_):
    assert (sandbox.faults(), sandbox.requests("webhook"), sandbox.received("webhook")) == ([], [], [])
    sandbox.fail("webhook", "garbage")
    sandbox.http.post("/webhook/x", json={})
    sandbox.heal()
    sandbox.http.post("/webhook/x", json={})
    assert len(sandbox.received("webhook")) == 1
