"""When a part of the stack counts as healthy, and what is said when it does not get there."""

import socket
import threading
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from local import health
from local.airflow_api import AirflowApi, ApiError
from local.health import await_healthy, component_states
from local.ports import free_port
from local.state import StackError, State

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
        now = datetime.now(UTC).isoformat()
        self.read = [{"fileloc": "/dags/settle_trades.py", "last_parsed_time": now}]

    def health(self):
        if self.said is None:
            raise ApiError("no answer")
        return self.said

    def __call__(self, method, path, json=None):
        if path.startswith("/importErrors"):
            return {"import_errors": self.errors}
        if path.startswith("/dags?"):
            return {"dags": self.read}
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
    monkeypatch.setattr("local.processes.find", lambda state, name: alive.get(name))
    monkeypatch.setattr(health, "_answers", lambda url: True)
    monkeypatch.setenv("TRADEOPS_DAGS", str(tmp_path / "dags"))
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "settle_trades.py").touch()
    return alive


def test_all_is_healthy(state):
    assert set(component_states(state, "", Api()).values()) == {"healthy"}
    await_healthy(state, "", Api(), NOW, print)


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
        await_healthy(state, "", Api(), NOW, print)


def test_what_does_not_get_healthy_is_named(state, monkeypatch):
    monkeypatch.setattr(health, "HEALTHY_TIMEOUT", 0.3)
    monkeypatch.setattr(health, "SAY_AGAIN", 0.0)
    api, said = Api(), []
    api.said["scheduler"]["status"] = "unhealthy"
    with pytest.raises(StackError, match="Not healthy after 0 s: scheduler"):
        await_healthy(state, "", api, NOW, said.append)
    assert "waiting for scheduler" in said


def test_the_main_dag_is_waited_for(state, monkeypatch):
    monkeypatch.setattr(health, "HEALTHY_TIMEOUT", 0.1)
    api = Api()
    for dag in (None, {"is_stale": True}):
        api.dag = dag
        with pytest.raises(StackError, match="DAG settle_trades"):
            await_healthy(state, "", api, NOW, print)


def test_an_import_error_of_the_main_dag_ends_the_waiting_when_it_is_new(state, monkeypatch):
    monkeypatch.setattr(health, "HEALTHY_TIMEOUT", 0.1)
    api = Api()
    error = {"filename": "settle_trades.py", "stack_trace": "Traceback\nKeyError: 'x'\n"}
    api.errors = [{**error, "timestamp": datetime.now(UTC).isoformat()}]
    with pytest.raises(StackError, match=r"settle_trades\.py cannot be imported: KeyError: 'x'"):
        await_healthy(state, "", api, NOW, print)
    api.errors = [{**error, "timestamp": (NOW - timedelta(seconds=60)).isoformat()}]
    with pytest.raises(StackError, match="Not healthy"):
        await_healthy(state, "", api, NOW, print)


def test_every_file_of_dags_is_waited_for_so_that_none_is_broken_unseen(state, monkeypatch, tmp_path):
    monkeypatch.setattr(health, "HEALTHY_TIMEOUT", 0.1)
    (tmp_path / "dags" / "audit.py").write_text("from airflow.sdk import dag")
    (tmp_path / "dags" / "helper.py").write_text("no workflow in here")
    api = Api()
    with pytest.raises(StackError, match=r"the DAG files audit\.py\."):
        await_healthy(state, "", api, NOW, print)
    old = datetime.fromtimestamp(psutil.Process().create_time(), UTC) - timedelta(seconds=1)
    api.read.append({"fileloc": "/dags/audit.py", "last_parsed_time": old.isoformat()})
    with pytest.raises(StackError, match=r"audit\.py"):
        await_healthy(state, "", api, NOW, print)
    api.errors = [
        {"filename": "audit.py", "stack_trace": "KeyError: 'x'\n", "timestamp": datetime.now(UTC).isoformat()}
    ]
    await_healthy(state, "", api, NOW, print)


def test_an_api_that_falls_silent_meanwhile_is_waited_for(state, monkeypatch):
    monkeypatch.setattr(health, "HEALTHY_TIMEOUT", 0.1)
    api = Api()
    monkeypatch.setattr(health, "import_errors", lambda api: (_ for _ in ()).throw(ApiError("ReadTimeout")))
    with pytest.raises(StackError, match=r"Airflow's API \(ReadTimeout\)"):
        await_healthy(state, "", api, NOW, print)


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
    api = AirflowApi(f"http://127.0.0.1:{free_port()}", "admin", "word", patience=0)
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


def falling_silent(monkeypatch, *answers):
    """A client whose exchanges go as listed (an exception, or an answer), what it says, and its requests."""
    monkeypatch.setattr("local.airflow_api.SAY_AGAIN", -1.0)
    monkeypatch.setattr("local.airflow_api.time.sleep", lambda seconds: None)
    said, sent, left = [], [], list(answers)

    def send(self, method, path, json):
        sent.append((method, path))
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(AirflowApi, "_send", send)
    api = AirflowApi("http://airflow", "admin", "word", say=said.append)
    api._token = "a"
    return api, said, sent


def test_a_question_is_asked_again_and_what_is_waited_for_is_said(monkeypatch):
    silent = ApiError("GET /dags: ReadTimeout")
    api, said, _ = falling_silent(monkeypatch, silent, ApiError("503 busy", 503), {"dags": []})
    assert api("GET", "/dags") == {"dags": []}
    assert "waiting for Airflow's API, for 0 s now: GET /dags: ReadTimeout" in said


def test_what_airflow_refuses_is_not_asked_again(monkeypatch):
    api, _, sent = falling_silent(monkeypatch, ApiError("404", 404))
    with pytest.raises(ApiError):
        api("GET", "/dags/none")
    assert len(sent) == 1


def test_what_acts_is_repeated_only_when_it_never_arrived(monkeypatch):
    api, _, sent = falling_silent(monkeypatch, ApiError("no", sent=False), {}, ApiError("ReadTimeout"))
    api("POST", "/pools")
    with pytest.raises(ApiError):
        api("POST", "/pools")
    assert len(sent) == 3


def test_a_run_is_started_once_however_late_the_answer_is(monkeypatch):
    api, _, sent = falling_silent(monkeypatch, ApiError("ReadTimeout"), ApiError("there already", 409))
    api.trigger("settle_trades", "demo__1")
    assert len(sent) == 2


def test_the_deadline_of_asking_again_ends_it(monkeypatch):
    api, _, _ = falling_silent(monkeypatch, ApiError("ReadTimeout"), ApiError("ReadTimeout"))
    api._patience = -1
    with pytest.raises(ApiError):
        api("GET", "/dags")
