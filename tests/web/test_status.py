"""`/status` over a real database: every component, its state and since when, ages, totals, figures."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from include.candles.sources import CANDLE_SOURCES
from include.database import connect
from include.freeze import begin_freeze
from include.probes import PROBES, ProbeContext, make_probes
from include.probes.overall import find_overall
from include.probes.platform.postgres import ask_postgres
from include.probes.platform_status import COMPONENTS, read_platform_status
from include.settings import Settings
from tests.web.test_root import AWAY, SECRET, Server, bearer, look

NAMED = {
    "database", "api-server", "scheduler", "dag-processor", "triggerer", "workers", "broker", "storage",
    "market sources", "model", "exchange", "RPC", "gateway", "government sources",
}  # fmt: skip
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture
def server(database):
    return Server(database)


def read(server, status=200):
    answer = server.client.get("/status", headers=bearer(SECRET))
    assert answer.status_code == status
    return answer.json()


def component(body, name):
    (found,) = [one for one in body["components"] if one["name"] == name]
    return found


def test_every_component_is_there_before_anybody_looked(server):
    body = read(server)
    assert {one["name"] for one in body["components"]} == NAMED
    assert (component(body, "model")["state"], component(body, "database")["state"]) == ("unknown", "healthy")
    assert component(body, "scheduler")["state"] == "healthy"  # seen directly
    assert (body["success"], body["status"]) == (True, "healthy")
    assert TIME.fullmatch(body["timestamp"])


def test_every_probe_of_the_platform_is_a_component(database):
    context = ProbeContext("platform", database, Settings(llm_second_model="m"), lambda _: None)
    names = [name for name in PROBES["platform"] if name != "candle_sources"]
    assert {probe.service for probe in make_probes(context, names)} == set(COMPONENTS)
    assert not set(COMPONENTS) & set(CANDLE_SOURCES)


def test_a_second_model_is_a_component_once_it_is_looked_at(server):
    look(server.database, llm_second=("down", 10))
    assert component(read(server), "second model")["state"] == "down"


def test_what_the_probes_saw_is_told_with_its_reason_and_since_when(server):
    look(server.database, llm=("down", 70), kraken=("healthy", 70))
    look(server.database, llm=("down", 10), kraken=("healthy", 10), coingecko=("degraded", 10))
    body = read(server)
    model = component(body, "model")
    assert (model["service"], model["state"], model["reason"]) == ("llm", "down", "as it is")
    since = datetime.fromisoformat(model["since"])
    assert timedelta(seconds=65) < datetime.now(UTC) - since < timedelta(seconds=200)
    sources = {one["service"]: one["state"] for one in body["components"] if one["name"] == "market sources"}
    assert sources == {"kraken": "healthy", "coingecko": "degraded"}
    assert body["status"] == "degraded"


def test_what_is_no_longer_looked_at_is_unknown_and_degrades_the_whole(server):
    look(server.database, llm=("healthy", 600))
    body = read(server)
    model = component(body, "model")
    assert (model["state"], model["stale"]) == ("unknown", True)
    assert "10 min" in model["reason"]
    assert body["status"] == "degraded"


def test_a_direct_look_is_newer_than_a_probe(server):
    look(server.database, scheduler=("healthy", 30), triggerer=("down", 30))
    server.parts = {"scheduler": "down", "triggerer": "healthy", "dag_processor": None}
    body = read(server)
    assert (component(body, "scheduler")["state"], component(body, "triggerer")["state"]) == (
        "down",
        "healthy",
    )
    assert component(body, "dag-processor")["state"] == "unknown"


@pytest.mark.parametrize(
    "services", [{}, {"llm": ("degraded", 5)}, {"llm": ("healthy", 900)}, {"llm": (None, 900)}], ids=str
)
@pytest.mark.parametrize("parts", [{}, {"scheduler": "down"}, {"airflow_database": "down"}], ids=str)
def test_health_and_status_agree(server, services, parts):
    look(server.database, **services)
    server.parts = parts
    found = read_platform_status(server.open_database, lambda: parts, dict)
    assert found.status == find_overall(server.open_database, lambda: parts)


def test_without_the_database_it_still_answers_what_it_knows(server):
    server.database = connect(AWAY, application="tests")
    server.parts = {"scheduler": "down"}
    body = read(server, 503)
    assert (body["success"], body["status"]) == (False, 503)
    assert "cannot be reached" in body["error"]
    assert component(body, "database")["state"] == "down"
    assert component(body, "scheduler")["state"] == "down"
    model = component(body, "model")
    assert (model["state"], "database is away" in model["reason"]) == ("unknown", True)


def test_regular_work_has_its_age(server):
    server.last_runs = {"sweep": datetime.now(UTC) - timedelta(minutes=3), "rollup": None}
    with server.database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO backups (id, kind, status, location, started_at, finished_at, manifest) VALUES "
                "('a', 'full', 'complete', '/b', now() - interval '2 h', now() - interval '1 h', '{}'), "
                "('b', 'full', 'failed', '/b', now(), now(), NULL)"
            )
        )
    look(server.database, llm=("healthy", 20))
    last = read(server)["last"]
    assert last.keys() == {"sweep", "rollup", "backup", "drill", "probe"}
    assert last["sweep"]["ageSeconds"] == pytest.approx(180, abs=30)
    assert last["backup"]["ageSeconds"] == pytest.approx(3600, abs=30)
    assert last["probe"]["ageSeconds"] == pytest.approx(20, abs=30)
    assert last["drill"] == last["rollup"] == {"at": None, "ageSeconds": None}


def store_figures(database, seconds, **figures):
    counted = {"commits": 0, "rollbacks": 0, "deadlocks": 0, "blocks_hit": 0, "blocks_read": 0}
    answer = {"figures": counted | {"connections": {"active": 2}, "slow_statements": None} | figures}
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO probe_results (service, kind, status, reason, checked_at, asked_at, "
                "check_every, answer, run_url) "
                "SELECT 'postgres', 'platform', 'healthy', 'x', at, at, '1 minute', "
                "CAST(:answer AS jsonb), 'x' "
                "FROM (SELECT now() - make_interval(secs => :seconds)) AS look (at)"
            ),
            {"answer": json.dumps(answer), "seconds": seconds},
        )


def test_the_database_is_told_in_rates_of_the_last_hour(server):
    store_figures(server.database, 7000, commits=1)
    store_figures(server.database, 610, commits=100, deadlocks=3, blocks_hit=1000, blocks_read=100)
    store_figures(
        server.database, 10, commits=600, rollbacks=100, deadlocks=5, blocks_hit=1900, blocks_read=200
    )
    found = read(server)["database"]
    assert (found["transactionsASecond"], found["deadlocksLately"]) == (1, 2)
    assert (found["cacheHitsPercent"], found["connections"]) == (90, {"active": 2})
    assert found["slowStatements"] is None


def test_counters_that_began_anew_say_nothing(server):
    store_figures(server.database, 610, commits=1000)
    store_figures(server.database, 10, commits=5)
    assert read(server)["database"]["transactionsASecond"] is None


def test_the_figures_are_those_of_the_server(database, database_url):
    figures = ask_postgres(database_url).figures
    assert figures["connections"]["idle"] >= 1
    assert figures["commits"] > 0
    assert figures["slow_statements"] is None  # the embedded server lacks the extension
    assert json.dumps(figures)


def test_totals(server):
    totals = read(server)["totals"]
    assert totals["databaseBytes"] > 1_000_000
    assert (totals["tradesActive"], totals["alertsFiring"], totals["errorsOfADay"]) == (0, 0, 0)


def test_a_freeze_is_told(server):
    assert read(server)["freeze"] is None
    begin_freeze(server.database, author="ann", reason="a move", lasts=timedelta(hours=1), groups=["backups"])
    freeze = read(server)["freeze"]
    assert (freeze["author"], freeze["reason"], freeze["groups"]) == ("ann", "a move", ["work", "backups"])
    assert TIME.fullmatch(freeze["endsAt"])
