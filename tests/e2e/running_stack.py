"""What an end-to-end test says to the stack, and how it waits for an answer."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from local.airflow_api import AirflowApi

# What the tests settle, roll up and tell; all of it, for the stack outlives a test, and so would a leftover.
TABLES = (
    "trade_signals, market_candles, candle_fetches, replays, performance_refreshes, atge_performance_cache, "
    "daily_stats_due, daily_trade_stats, daily_kpis, atge_error_logs, alert_notices, alert_threads"
)


@dataclass(frozen=True)
class RunningStack:
    """Where the stack answers; `api("GET", "/dags")` calls its REST API as the admin."""

    airflow_url: str
    user: str
    password: str = field(repr=False)  # a failing test shows its arguments
    database_url: str = field(repr=False)
    sandbox_url: str
    folder: Path
    api: AirflowApi
    environment: dict[str, str] = field(repr=False)  # for commands on this stack: `python -m local down`

    def execute(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """One statement on the platform's database, in a transaction of its own; the rows it gives."""
        with psycopg.connect(self.database_url, connect_timeout=5) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def configure(self, **settings: object) -> None:
        """These settings and no others, in the UI's variable."""
        value = {"key": "tradeops_settings", "value": json.dumps(settings)}
        self.api("PATCH", "/variables/tradeops_settings", value)

    def wait_for_sweeps(self) -> None:
        """Until no sweep is under way or queued."""
        unfinished = "/dags/settle_trades/dagRuns?state=running&state=queued"
        wait_for(lambda: not self.api("GET", unfinished)["dag_runs"], "all sweeps to end", 300)

    def empty(self) -> None:
        """No trades and nothing that came of any, once the sweeps under way have ended."""
        self.wait_for_sweeps()
        self.execute(f"TRUNCATE {TABLES} CASCADE")


T = TypeVar("T")


def wait_for(condition: Callable[[], T], what: str, seconds: float = 120) -> T:
    """The first true value of the condition; fails after so many seconds, more on a busy machine."""
    seconds *= 1 + os.getloadavg()[0] / (os.cpu_count() or 1)
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.5)
    return value
