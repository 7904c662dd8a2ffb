"""When a part of the stack counts as healthy, and what is said when it does not get there."""

import socket
import threading
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from include.local import health
from include.local.airflow_api import AirflowApi, ApiError
from include.local.health import await_healthy, component_states
from include.local.ports import free_port
from include.local.state import StackError, State

NAMES = ("sandbox", "api-server", "dag-processor", "triggerer", "scheduler")
NOW = datetime.now(UTC)


class Api:
    """Airflow's answers, as far as health is concerned."""

    def __init__(self):
        self.said = {
            key: {"status": "healthy", f"latest_{key}_heartbeat": datetime.now(UTC).isoformat()}
            for key in ("scheduler", "dag_processor", "triggerer")
        }
        self.errors = []
        self.dag = {"is_stale": False}

    def health(self):
        if self.said is None:
            raise ApiError("no answer")
        return self.said

    def __call__(self, method, path, json=None):
        if path.startswith("/importErrors"):
            return {"import_errors": self.errors}
        if self.dag is None:
            raise ApiError("404 Not Found", 404)
        return self.dag


@pytest.fixture
def state(tmp_path):
    state = State(tmp_path / "stack")
    state.prepare()
    for name in NAMES:
        state.log(name).write_text("first\nlast words\n\n")
    return state


@pytest.fixture(autouse=True)
def everything_runs(monkeypatch, tmp_path):
    """Each component's process is this one; the sandbox answers; there is a main DAG."""
    alive = dict.fromkeys(NAMES, psutil.Process())
    monkeypatch.setattr("include.local.processes.find", lambda state, name: alive.get(name))
    monkeypatch.setattr(health, "_answers", lambda url: True)
    monkeypatch.setenv("TRADEOPS_DAGS", str(tmp_path / "dags"))
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "settle_trades.py").touch()
    return alive


def test_all_is_healthy(state):
    assert set(component_states(state, "", Api()).values()) == {"healthy"}
    await_healthy(state, "", Api(), print)


def test_a_heartbeat_of_the_process_before_does_not_count(state):
    api = Api()
    old = datetime.fromtimestamp(psutil.Process().create_time(), UTC) - timedelta(seconds=1)
    api.said["scheduler"]["latest_scheduler_heartbeat"] = old.isoformat()
    assert component_states(state, "", api)["scheduler"] == "starting"


@pytest.mark.parametrize("beat", [None, ""])
def test_a_part_that_never_had_a_heartbeat_is_starting(state, beat):
    api = Api()
    api.said["triggerer"] = {"status": None, "latest_triggerer_heartbeat": beat}
    assert component_states(state, "", api)["triggerer"] == "starting"


def test_while_the_api_server_does_not_answer_the_others_are_unknown(state):
    api = Api()
    api.said = None
    states = component_states(state, "", api)
    assert states.pop("sandbox") == "healthy"
    assert set(states.values()) == {"starting"}


def test_a_part_that_ended_is_said_with_its_last_words_and_its_log(state, everything_runs):
    del everything_runs["triggerer"]
    with pytest.raises(StackError, match=r"triggerer ended: last words Log: .*triggerer\.log"):
        await_healthy(state, "", Api(), print)


def test_what_does_not_get_healthy_is_named(state, monkeypatch):
    monkeypatch.setattr(health, "HEALTHY_TIMEOUT", 0.3)
    monkeypatch.setattr(health, "SAY_AGAIN", 0.1)
    api, said = Api(), []
    api.said["scheduler"]["status"] = "unhealthy"
    with pytest.raises(StackError, match="Not healthy after 0 s: scheduler"):
        await_healthy(state, "", api, said.append)
    assert "waiting for scheduler" in said


def test_the_main_dag_is_waited_for(state, monkeypatch):
    monkeypatch.setattr(health, "HEALTHY_TIMEOUT", 0.1)
    api = Api()
    for dag in (None, {"is_stale": True}):
        api.dag = dag
        with pytest.raises(StackError, match="DAG settle_trades"):
            await_healthy(state, "", api, print)


def test_an_import_error_of_the_main_dag_ends_the_waiting_when_it_is_new(state, monkeypatch):
    monkeypatch.setattr(health, "HEALTHY_TIMEOUT", 0.1)
    api = Api()
    error = {"filename": "settle_trades.py", "stack_trace": "Traceback\nKeyError: 'x'\n"}
    api.errors = [{**error, "timestamp": (datetime.now(UTC) + timedelta(seconds=1)).isoformat()}]
    with pytest.raises(StackError, match=r"settle_trades\.py cannot be imported: KeyError: 'x'"):
        await_healthy(state, "", api, print)
    api.errors = [{**error, "timestamp": (NOW - timedelta(seconds=60)).isoformat()}]
    with pytest.raises(StackError, match="Not healthy"):
        await_healthy(state, "", api, print)


# -- the client ----------------------------------------------------------------------------------------------


def answering(reply):
    """A server that gives one answer and ends; returns its address."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer():
        with server, server.accept()[0] as connection:
            connection.recv(65536)
            connection.sendall(reply)

    threading.Thread(target=answer, daemon=True).start()
    return f"http://127.0.0.1:{server.getsockname()[1]}"


def test_no_answer_is_an_api_error_that_names_the_request():
    api = AirflowApi(f"http://127.0.0.1:{free_port()}", "admin", "word")
    with pytest.raises(ApiError, match=r"GET .*/monitor/health: ConnectError") as caught:
        api.health()
    assert caught.value.status is None
    api.close()


def test_a_refusal_holds_what_airflow_said_and_not_the_password():
    url = answering(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 7\r\n\r\nInvalid")
    api = AirflowApi(url, "admin", "the-password")
    with pytest.raises(ApiError, match="401 Invalid") as caught:
        api("GET", "/dags")
    assert caught.value.status == 401
    assert "the-password" not in str(caught.value)
    api.close()


def test_proxies_of_the_environment_are_left_aside(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    api = AirflowApi(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), "admin", "word")
    assert api.health() == {}
    api.close()
