"""What the API is handed in tests, instead of Airflow: people by name, and runs in a dictionary."""

import copy
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from starlette.requests import Request

from include.settings import Settings
from include.storage import open_storage
from include.web import DeskHost, WebHost, build_api, build_cron
from include.web.api.app import PLACES, describe_routes
from include.web.api_keys import make_key
from include.web.dag_forms import DagField, DagForm
from include.web.host import RunState

ANNA, BERT = UUID(int=0xA11A), UUID(int=0xBE27)  # two users of the platform


@dataclass(frozen=True)
class FakePerson:
    """A login of Airflow; the roles of its simple auth manager."""

    name: str
    reads: bool = True
    starts: frozenset[str] = frozenset()

    def may_read(self) -> bool:
        return self.reads

    def may_start(self, dag_id: str) -> bool:
        return bool({dag_id, "*"} & self.starts)

    def may_configure(self) -> bool:
        return "*" in self.starts


@dataclass
class FakeRuns:
    """Runs that are started and never go on by themselves."""

    started: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    states: dict[str, RunState] = field(default_factory=dict)
    returns: dict[tuple[str, str], Any] = field(default_factory=dict)
    fails: Exception | None = None

    def forget(self) -> None:
        self.started.clear()
        self.states.clear()
        self.returns.clear()
        self.fails = None

    def start(self, dag_id: str, run_id: str, conf: Mapping[str, Any], started_by: str) -> None:
        if self.fails:
            raise self.fails
        self.started.setdefault((dag_id, run_id), dict(conf))
        self.states.setdefault(run_id, RunState("queued", None, None))

    def finish(self, run_id: str, state: str = "success") -> None:
        self.states[run_id] = RunState(state, datetime.now(UTC), datetime.now(UTC))

    def read(self, dag_id: str, run_id: str) -> RunState | None:
        return self.states.get(run_id)

    def returned(self, dag_id: str, run_id: str, task_id: str) -> Any:
        return self.returns.get((run_id, task_id))

    def find_running(self, dag_id: str) -> str | None:
        going = ("queued", "running")
        return next(
            (run for dag, run in self.started if dag == dag_id and self.states[run].state in going), None
        )


FORM = [
    DagField(
        "symbols", [], {"type": ["null", "array"], "items": {"type": "string"}}, "[A](/tradeops/trades) <b>"
    ),
    DagField("redo", ["settlement"], {"type": "array", "items": {"enum": ["candles", "settlement"]}}, ""),
    DagField("first_day", None, {"type": ["null", "string"], "format": "date"}, "from this day on"),
    DagField("hours", 2, {"type": "number", "minimum": 0.1, "title": "Hours"}, ""),
    DagField("end", None, {"type": ["integer", "null"], "title": "End"}, ""),
    DagField("dry_run", True, {"type": "boolean", "title": "Dry run"}, "report only"),
    DagField("action", "list", {"type": "string", "enum": ["list", "verify"]}, ""),
    DagField("reason", None, {"type": ["null", "string"], "maxLength": 500, "title": "Why"}, "for later"),
    DagField("users", [], {"type": ["null", "array"], "items": {"pattern": "^[0-9a-f-]+$"}}, ""),
    DagField("backup_id", None, {"type": ["null", "string"], "pattern": "-(database|full)-"}, ""),
]  # fmt: skip


def fake_form(dag_id: str) -> DagForm | None:
    """One DAG with a field of each kind."""
    return DagForm(dag_id, "Does a thing", FORM, False) if dag_id == "replay_trades" else None


PEOPLE = {
    "viewer": FakePerson("viewer"),
    "operator": FakePerson("operator", starts=frozenset({"*"})),
    "settler": FakePerson("settler", starts=frozenset({"settle_trades"})),
    "stranger": FakePerson("stranger", reads=False),
}


async def find_person(request: Request) -> FakePerson | None:
    """Whoever `Authorization: Bearer <name>` names."""
    return PEOPLE.get(request.headers.get("Authorization", "").removeprefix("Bearer "))


def desk_host(*, runs: FakeRuns | None = None, **settings: Any) -> DeskHost:
    """What the pages are handed, with these settings, DAGs without a schedule, and folders for storage."""
    chosen = Settings.model_construct(**settings)
    return DeskHost(
        settings=lambda: chosen,
        schedules=dict,
        storage=open_storage,
        dag_form=fake_form,
        runs=runs or FakeRuns(),
    )


@dataclass
class ApiUnderTest:
    """The API as the plugin mounts it, and clients of it."""

    engine: Engine
    settings: Settings
    runs: FakeRuns
    secrets: dict[str, str]
    server: FastAPI

    def client(self, authorization: str | None = None) -> TestClient:
        headers = {"Authorization": f"Bearer {authorization}"} if authorization else {}
        return TestClient(self.server, headers=headers)

    def key(self, *scopes: str, user: UUID = ANNA) -> str:
        return make_key(
            self.engine, user_id=user, scopes=scopes or ("read", "write"), name="a test", made_by="tests"
        )

    def with_key(self, *scopes: str, user: UUID = ANNA) -> TestClient:
        return self.client(self.key(*scopes, user=user))

    def as_person(self, name: str) -> TestClient:
        return self.client(name)


def make_api(engine: Engine, **settings: Any) -> ApiUnderTest:
    """The API over a database, mounted as in Airflow."""
    runs, secrets = FakeRuns(), {}
    chosen = Settings.model_construct(**settings)
    host = WebHost(
        engine=lambda: engine,
        settings=lambda: chosen,
        person=find_person,
        cron_secret=lambda: secrets.get("cron"),
        runs=runs,
    )
    server = FastAPI(openapi_url=None)
    for place in PLACES:
        server.mount(place, build_api(host, place))
    server.mount("/api/cron", build_cron(host))
    return ApiUnderTest(engine, chosen, runs, secrets, server)


def describe_api() -> dict[str, Any]:
    """The OpenAPI document, which needs no database; a copy, which a test may change."""
    return copy.deepcopy(describe_routes())


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """A server of an application in a thread, for clients of any kind; its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
