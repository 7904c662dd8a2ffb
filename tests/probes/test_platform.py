"""The platform's own services and the places of trade, over real HTTP and a real PostgreSQL."""

import socket
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from include.http.client import Client
from include.probes import Probe
from include.probes.platform.bingx import ask_bingx
from include.probes.platform.broker import ask_redis
from include.probes.platform.ibkr import ask_ibkr
from include.probes.platform.postgres import ask_postgres, measure_database
from include.probes.platform.solana import ask_solana
from include.services import find_service
from include.settings import Settings
from include.storage import StorageError, Stored, open_storage
from tests.probes.conftest import CONTACT
from tests.probes.redis_server import RedisServer
from tests.support.http_server import Server, reply
from tests.support.recorded import load_recorded

SOURCES = ["sandbox", "kraken", "coingecko", "coinmarketcap", "ccxt:binance"]


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# -- PostgreSQL ----------------------------------------------------------------------------------------------


def test_the_database_tells_of_itself(look, database_url):
    result = look("postgres", database_url=database_url)
    assert result.status == "healthy", result.reason
    assert "on disk" in result.reason
    assert 0 < result.quota_used <= result.quota_limit
    assert result.quota_window is None
    assert result.latency_ms > 0


def test_an_old_transaction_of_ours_is_reported(look, database, database_url):
    probe = Probe("postgres", "platform", partial(ask_postgres, database_url, old=timedelta(0)))
    with database.connect() as connection:
        connection.execute(text("SELECT 1"))  # and it stays open
        result = look(probe)
    assert result.status == "degraded"
    assert "a transaction is open for" in result.reason


@pytest.mark.parametrize("spoilt", ["port", "password", "database"])
def test_a_database_that_lets_nobody_in_is_down_and_its_password_is_not_shown(look, database_url, spoilt):
    changes = {
        "port": {"port": closed_port()},
        "password": {"password": "hunter22hunter"},
        "database": {"database": "nowhere"},
    }
    url = make_url(database_url).set(**changes[spoilt]).render_as_string(hide_password=False)
    result = look("postgres", database_url=url)
    assert result.status == "down"
    assert "database '" in result.reason
    assert (make_url(url).password or "") not in result.reason


def test_figures_of_a_server_without_the_extension_say_so(database):
    with database.connect() as connection:
        figures = measure_database(connection)
    assert figures["slow_statements"] is None
    assert figures["commits"] > 0


STATEMENTS = """
CREATE TEMP VIEW pg_stat_statements AS
SELECT (SELECT oid FROM pg_database WHERE datname = current_database()) AS dbid, 7::bigint AS calls,
  mean AS mean_exec_time, 7 * mean AS total_exec_time, query
FROM (VALUES (1::float8, 'SELECT 1'), (200, 'ALTER ROLE x PASSWORD ''tulip-harbour-7'''), {more})
  AS seen (mean, query)
"""


def test_slow_statements_are_told_without_their_secrets(database):
    """The extension is a view here: the embedded server lacks it."""
    with database.connect() as connection:
        connection.execute(text(STATEMENTS.format(more="(900, 'SELECT   pg_sleep($1)')")))
        slow = measure_database(connection)["slow_statements"]
        connection.rollback()
    assert [(one["mean_ms"], one["calls"]) for one in slow] == [(900, 7), (200, 7)]
    assert slow[0]["statement"] == "SELECT pg_sleep($1)"
    assert "tulip-harbour" not in slow[1]["statement"]


def test_an_extension_that_refuses_costs_no_other_figure(database):
    """As one does that is there and was not loaded at the server's start."""
    with database.connect() as connection:
        connection.execute(text(STATEMENTS.format(more="(1 / (random() * 0), 'x')")))
        figures = measure_database(connection)
        connection.rollback()
    assert figures["slow_statements"] is None
    assert figures["commits"] > 0


# -- the broker ----------------------------------------------------------------------------------------------


def test_without_celery_the_broker_is_not_in_use_rather_than_healthy(look):
    result = look("broker")
    assert (result.status, result.reason) == (None, "not in use: the executor needs no broker")


def test_a_broker_of_another_kind_is_not_judged(look):
    assert "no probe for this kind" in look("broker", broker_url="amqp://user:word@host/").reason


def test_a_broker_that_answers_is_healthy(look):
    with RedisServer(password="very-secret") as server:
        result = look("broker", broker_url=f"redis://:very-secret@127.0.0.1:{server.port}/0")
    assert (result.status, result.reason) == ("healthy", "answers a ping")


@pytest.mark.parametrize(
    ("pong", "password", "words"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", None, "loading"),
        (b"+PANG\r\n", None, "answered a ping with False"),
        (b"+PONG\r\n", "another", "invalid"),
        (None, None, "imeout"),
    ],
)
def test_a_broker_that_does_not_pong_is_down(look, pong, password, words):
    with RedisServer(pong, password) as server:
        ask = partial(ask_redis, f"redis://:very-secret@127.0.0.1:{server.port}/0", seconds=0.5)
        result = look(Probe("broker", "platform", ask))
    assert result.status == "down"
    assert words in result.reason
    assert "very-secret" not in result.reason


def test_a_broker_that_is_away_is_down(look):
    result = look("broker", broker_url=f"redis://127.0.0.1:{closed_port()}/0")
    assert result.status == "down"
    assert "refused" in result.reason


# -- the store -----------------------------------------------------------------------------------------------


def test_a_store_is_written_to_and_left_clean(look, tmp_path):
    store = open_storage(str(tmp_path))
    result = look("storage", Settings(probe_storage=str(tmp_path)), open_storage=lambda _: store)
    assert (result.status, list(store.list())) == ("healthy", [])
    assert "wrote, listed and deleted" in result.reason


class Shelf:
    """A store in memory that forgets, or breaks, as it is told."""

    location = "shelf"

    def __init__(self, *kept, forgets=False, breaks=False):
        self.kept = {one.key: one for one in kept}
        self.forgets, self.breaks = forgets, breaks

    def write(self, key, chunks):
        if self.breaks:
            raise StorageError("the bucket is full")
        if not self.forgets:
            self.kept[key] = Stored(key, 8, datetime.now(UTC))

    def list(self, prefix=""):
        return iter([one for key, one in self.kept.items() if key.startswith(prefix)])

    def delete(self, key):
        self.kept.pop(key, None)

    def free_bytes(self):
        return None


@pytest.mark.parametrize(
    ("shelf", "words"),
    [(Shelf(forgets=True), "not in the list"), (Shelf(breaks=True), "the bucket is full")],
)
def test_a_store_that_fails_is_down(look, shelf, words):
    result = look("storage", Settings(probe_storage="s3://x"), open_storage=lambda _: shelf)
    assert result.status == "down"
    assert words in result.reason


def test_what_a_killed_probe_left_is_cleared_away_and_nothing_else(look):
    old, new = datetime.now(UTC) - timedelta(hours=2), datetime.now(UTC)
    shelf = Shelf(Stored("probes/a", 8, old), Stored("probes/b", 8, new), Stored("exports/c", 8, old))
    look("storage", Settings(probe_storage="s3://x"), open_storage=lambda _: shelf)
    assert set(shelf.kept) == {"probes/b", "exports/c"}


def test_a_store_without_its_connection_or_with_a_bad_location_is_not_asked(look):
    def refuse(_):
        raise StorageError("a location is a folder or s3://")

    named = Settings(probe_storage="s3://x")
    for opened, words in (
        (lambda _: None, "no connection `object_store`"),
        (refuse, "cannot be opened: a location"),
    ):
        result = look("storage", named, open_storage=opened)
        assert result.status is None
        assert words in result.reason


# -- the model and the sources of candles --------------------------------------------------------------------


def test_the_model_is_among_those_that_there_are(look, sandbox):
    result = look("llm")
    assert (result.status, result.reason) == ("healthy", "2 models")
    (request,) = sandbox.requests("llm")
    assert (request["method"], request["path"]) == ("GET", "/llm/v1/models")  # which costs nothing


def test_a_model_that_is_not_there_is_degraded(look):
    result = look("llm", Settings(analysis_model="gpt-none"))
    assert result.status == "degraded"
    assert "gpt-none" in result.reason


def test_a_second_model_is_looked_at_when_one_is_set(look, probe_of):
    named = Settings(llm_second_model="sandbox-second")
    assert (look("llm_second", named).status, look("llm_second", named).reason) == ("healthy", "1 models")
    wrong = look("llm_second", Settings(llm_second_model="gpt-none"))
    assert wrong.status == "degraded" and "`llm_second_model`" in wrong.reason
    with pytest.raises(ValueError, match="not enough values"):
        probe_of("llm_second")


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_of_candles_answers_its_cheapest_question(look, sandbox, source):
    result = look(source, Settings(candle_sources=(source,)))
    assert (result.status, result.sandbox) == ("healthy", True), result.reason
    assert result.latency_ms > 0
    name = {"sandbox": "market", "ccxt:binance": "binance"}.get(source, source)
    assert len(sandbox.requests(name)) == 1


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_that_fails_is_down_and_one_that_throttles_is_degraded(look, sandbox, source):
    name = {"sandbox": "market", "ccxt:binance": "binance"}.get(source, source)
    chosen = Settings(candle_sources=(source,))
    sandbox.fail(name, "status", status=500, times=1)
    assert look(source, chosen).status == "down"
    if source == "kraken":  # which tells it in the body alone
        sandbox.fail(name, "error_in_200", times=1)
    else:
        sandbox.fail(name, "status", status=429, retry_after=60, times=1)
    result = look(source, chosen)
    assert result.status == "degraded", result.reason
    assert len(sandbox.requests(name)) == 2  # asked once each time, without retries


def test_an_open_breaker_is_said_and_nobody_is_asked(look, sandbox, database):
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO http_services (service, state, failures, last_failure, open_until) "
                "VALUES ('kraken', 'open', 10, 'answered 500: broken', now() + interval '1 minute')"
            )
        )
    result = look("kraken", Settings(candle_sources=("kraken",)))
    assert (result.status, result.asked_at) == ("down", None)
    assert "10 attempts in a row failed (the latest: answered 500: broken)" in result.reason
    assert sandbox.requests("kraken") == []


def test_an_exchange_that_is_not_online_is_down(look, connections):
    with Server([reply({"error": [], "result": {"status": "maintenance"}})]) as server:
        connections.hosts["market_kraken"] = server.url
        result = look("kraken", Settings(candle_sources=("kraken",)))
    assert result.status == "down"
    assert "'maintenance'" in result.reason


def test_an_archive_is_a_source_too(look, tmp_path):
    chosen = Settings(candle_sources=("archive",), archive_path=tmp_path)
    assert "no file of candles" in look("archive", chosen).reason
    (tmp_path / "BTCUSD_1.csv").write_text("1,2,3,4,5,6,7\n")
    assert look("archive", chosen).status == "healthy"


def test_no_source_is_said(look):
    assert "`candle_sources` names no source" in look("market", Settings()).reason


# -- where trades would go -----------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["bingx", "ibkr", "solana", "llm"])
def test_places_of_trade_answer(look, service):
    result = look(service)
    assert (result.status, result.sandbox) == ("healthy", True), result.reason


@pytest.mark.parametrize("service", ["bingx", "ibkr", "solana", "llm"])
@pytest.mark.parametrize("kind", ["reset", "garbage", "html"])
def test_no_sound_answer_is_down(look, sandbox, service, kind):
    sandbox.fail(service, kind)
    assert look(service).status == "down"


def test_bingx_tells_errors_under_status_200(look, sandbox):
    sandbox.fail("bingx", "error_in_200")
    result = look("bingx")
    assert result.status == "down"
    assert "answered 200: error 100500" in result.reason


def test_a_clock_that_is_off_is_told(look, connections):
    with Server([reply({"code": 0, "msg": "", "data": {"serverTime": 0}})]) as server:
        connections.hosts["bingx"] = server.url
        result = look("bingx")
    assert result.status == "degraded"
    assert "s apart" in result.reason


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("logged_out", "down", "log in by hand"),
        ("disconnected", "down", "no connection to IBKR's servers"),
        ("competing", "degraded", "another session"),
    ],
)
def test_the_gateway_s_session(look, sandbox, kind, status, words):
    sandbox.fail("ibkr", kind)
    result = look("ibkr")
    assert result.status == status
    assert words in result.reason


def test_a_node_that_lags_says_by_how_much(look, sandbox):
    sandbox.fail("solana", "behind")
    result = look("solana")
    assert result.status == "degraded"
    assert "42 slots behind" in result.reason


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (ask_solana, {"jsonrpc": "2.0", "error": {"code": -32005, "message": "?", "data": {}}}),
        (ask_solana, {"jsonrpc": "2.0", "error": {"code": -32601, "message": "no method"}}),
        (ask_solana, {"result": "no"}),
        (ask_solana, []),
        (ask_ibkr, {}),
        (ask_ibkr, {"authenticated": "yes"}),
        (ask_ibkr, []),
        (ask_bingx, {"code": 0, "data": {}}),
        (ask_bingx, []),
    ],
)
def test_answers_in_another_shape_are_down(database, ask, answer):
    from dataclasses import replace

    from include.probes.probe import ServiceDownError
    from include.settings import Endpoint

    service = replace(find_service("sandbox"), name="testing")
    with Server([reply(answer)]) as server, pytest.raises(ServiceDownError):
        ask(Client(service, Endpoint(server.url), database))


def test_transcribed_answers_are_read(database):
    from dataclasses import replace

    from include.settings import Endpoint

    said = load_recorded("transcribed/solana_ibkr_bingx.json")
    service = replace(find_service("sandbox"), name="testing")
    for ask, name, words in (
        (ask_solana, "solana_behind", "42 slots behind"),
        (ask_ibkr, "ibkr_auth_status", "logged in"),
    ):
        with Server([reply(said[name])]) as server:
            answer = ask(Client(service, Endpoint(server.url), database))
        assert words in " ".join([answer.words, *answer.faults])


def test_the_agent_names_a_contact(look, connections):
    with Server([reply({"code": 0, "msg": "", "data": {"serverTime": 0}})]) as server:
        connections.hosts["bingx"] = server.url
        look("bingx")
    assert server.received[0].headers["user-agent"] == f"tradeops {CONTACT}"
