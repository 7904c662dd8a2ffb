"""Airflow's own parts over real HTTP, and workers over a real (in-process) broker."""

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.signals import setup_logging

from include.probes import ProbeContext, make_probes, run_round
from include.probes.platform.workers import ping_workers
from include.probes.probe import ServiceDownError
from include.settings import Endpoint, Settings
from tests.probes.conftest import EVERY, NO_PAUSE, RUN
from tests.support.http_server import Server, reply

PARTS = ("api-server", "scheduler", "dag-processor", "triggerer")
BEAT = "2026-03-02T00:00:00+00:00"
WELL = {
    "metadatabase": {"status": "healthy"},
    "scheduler": {"status": "healthy", "latest_scheduler_heartbeat": BEAT},
    "triggerer": {"status": "healthy", "latest_triggerer_heartbeat": BEAT},
    "dag_processor": {"status": "healthy", "latest_dag_processor_heartbeat": BEAT},
}


@pytest.fixture
def ask(database):
    """A round of Airflow's parts, whose api-server answers so; gives status and reason by service."""

    def ask(*answers, connections=lambda _name: None, url=None):
        with Server(list(answers)) as server:
            address = url or server.url
            context = ProbeContext("platform", database, Settings(), connections, airflow_url=address)
            probes = make_probes(context, ["airflow"])
            results = run_round(database, probes, every=EVERY, quota_share=NO_PAUSE, run_url=RUN)
            ask.received = server.received
        assert all(result.own_part for result in results)
        return {result.service: (result.status, result.reason) for result in results}

    return ask


def test_all_parts_are_asked_for_with_one_request(ask):
    found = ask(reply(WELL))
    assert {name: status for name, (status, _) in found.items()} == dict.fromkeys(PARTS, "healthy")
    (request,) = ask.received
    assert (request.method, request.path) == ("GET", "/api/v2/monitor/health")
    assert "authorization" not in request.headers


def test_a_part_whose_heart_stopped_is_down_and_one_that_never_ran_is_not_in_use(ask):
    stopped = {"status": "unhealthy", "latest_scheduler_heartbeat": BEAT}
    never = {"status": None, "latest_triggerer_heartbeat": None}
    found = ask(reply(WELL | {"scheduler": stopped, "triggerer": never, "dag_processor": None}))
    assert found["scheduler"][0] == "down"
    assert "does not beat: the last one was" in found["scheduler"][1]
    assert found["triggerer"] == found["dag-processor"] == (None, "not in use: it never ran")
    assert found["api-server"][0] == "healthy"


@pytest.mark.parametrize("beat", [None, "yesterday", 7, "2026-03-02T00:00:00"], ids=str)
def test_a_heartbeat_that_is_no_time_breaks_nothing(ask, beat):
    found = ask(reply(WELL | {"scheduler": {"status": "unhealthy", "latest_scheduler_heartbeat": beat}}))
    assert found["scheduler"][0] == "down"


def test_an_api_server_whose_database_is_away_is_degraded(ask):
    found = ask(reply(WELL | {"metadatabase": {"status": "unhealthy"}}))
    assert found["api-server"] == ("degraded", "Airflow's database is unhealthy")


@pytest.mark.parametrize("body", [{"status": "ok"}, [], {"metadatabase": "well"}], ids=str)
def test_an_answer_that_is_not_airflows_is_down(ask, body):
    assert {status for status, _ in ask(reply(body)).values()} == {"down"}


def test_an_api_server_that_is_not_there_takes_the_knowledge_of_all_parts_with_it(ask):
    found = ask(url="http://127.0.0.1:9")
    assert {status for status, _ in found.values()} == {"down"}


def test_a_connection_says_where_else_it_is(ask):
    with Server([reply(WELL)]) as elsewhere:
        found = ask(connections={"airflow": Endpoint(elsewhere.url)}.get, url="http://127.0.0.1:9")
    assert found["api-server"][0] == "healthy"


def test_without_an_address_nobody_is_asked(database):
    context = ProbeContext("platform", database, Settings(), lambda _name: None)
    assert [probe.ask for probe in make_probes(context, ["airflow"])] == [None] * 4


@pytest.fixture
def own_logging():
    """Celery leaves the logging of this process alone: it would set the root's level for all later tests."""

    def leave_it(**_):
        pass

    setup_logging.connect(leave_it)
    yield
    setup_logging.disconnect(leave_it)


def test_workers_that_answer_are_counted_and_none_is_an_outage(own_logging):
    app = Celery("tests", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.broker_transport_options = {"polling_interval": 0.02}  # a second by itself, as long as a ping
    with pytest.raises(ServiceDownError, match="no worker answered"):
        ping_workers(app, "memory://", seconds=0.2)
    with start_worker(app, perform_ping_check=False):
        assert ping_workers(app, "memory://", seconds=1.0).words == "1 answer a ping"


def test_without_celery_this_look_shows_that_a_worker_works(look):
    result = look("workers")
    assert (result.status, result.own_part) == ("healthy", True)


def test_workers_behind_a_broker_that_is_away_are_down_without_its_password(look):
    result = look("workers", broker_url="redis://:hunter22hunter@127.0.0.1:9/0")
    assert result.status == "down"
    assert "hunter22hunter" not in result.reason
