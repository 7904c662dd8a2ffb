"""Generating signals in tests: the DAG's steps, one after the other, against the sandbox over real HTTP."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, text

from include.candles import open_source
from include.settings import Endpoint, Settings, SignalRequest
from include.signals.attempts import open_attempts, report_run
from include.signals.generate import collect_batch, compute_batch, propose_batch, snapshot_batch, store_batch
from tests.support.sandbox import Sandbox

USER = uuid.UUID("00000000-0000-0000-0000-000000000001")
OTHER = uuid.UUID("00000000-0000-0000-0000-000000000002")
SETTINGS = Settings(candle_sources=("sandbox",))
URL = "http://airflow:8080/dags/generate_signals/runs/run"


@dataclass
class Generation:
    """A run of the DAG's steps. `endpoints` are the connections, by id."""

    engine: Engine
    endpoints: dict[str, Endpoint]
    settings: Settings = SETTINGS
    run: str = "run 1"
    lines: dict[str, dict[str, str]] = field(default_factory=dict)  # step -> what it told

    @classmethod
    def on(cls, engine: Engine, sandbox: Sandbox, **changes: Any) -> "Generation":
        endpoints = {
            "sandbox": Endpoint(sandbox.url, "sandbox-key"),
            "market_sandbox": Endpoint(f"{sandbox.url}/market"),
            "llm": Endpoint(f"{sandbox.url}/llm/v1", "sandbox-key"),
        }
        return cls(engine, endpoints, **changes)

    def open(self, *requests: SignalRequest) -> list[int]:
        return open_attempts(self.engine, requests or [request()], self.run, URL, self.settings).batches

    def step(self, name: str, batch: int = 0) -> dict[str, str]:
        given = (self.engine, self.run, batch)
        match name:
            case "collect":
                (source,) = self.settings.candle_sources
                with open_source(source, self.settings, self.engine, self.endpoints.get) as opened:
                    told = collect_batch(*given, [opened], self.settings)
            case "snapshot":
                told = snapshot_batch(*given, self.settings, self.endpoints.get)
            case "compute":
                told = compute_batch(*given, self.settings)
            case "propose":
                told = propose_batch(*given, self.settings, self.endpoints.get)
            case "store":
                told = store_batch(*given, self.settings)
        self.lines[name] = told
        return told

    def all_steps(self, *requests: SignalRequest) -> Any:
        """Open the requests and take every step; give the ledger's row of the (first) attempt."""
        for batch in self.open(*requests):
            for name in ("collect", "snapshot", "compute", "propose", "store"):
                self.step(name, batch)
        return self.attempt()

    def attempt(self) -> Any:
        statement = "SELECT * FROM signal_attempts WHERE run_id = :run ORDER BY symbol, user_id"
        return self.rows(statement, run=self.run)[0]

    def report(self) -> Any:
        return report_run(self.engine, self.run)

    def rows(self, statement: str, **parameters: object) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(text(statement), parameters).all())

    def execute(self, statement: str, **parameters: object) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), parameters)


def request(user: uuid.UUID = USER, symbol: str = "BTC", timeframe: str = "1h") -> SignalRequest:
    return SignalRequest(user_id=user, symbol=symbol, timeframe=timeframe)
