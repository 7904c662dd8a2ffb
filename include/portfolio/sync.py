"""Looking at every portfolio that the settings name, and storing what was seen."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from include.database import sql
from include.http import ServiceError
from include.http.client import Client
from include.portfolio.ibkr import DayOfPerformance, read_accounts, read_performance, read_snapshot
from include.portfolio.other_sources import read_exchange, read_file
from include.portfolio.snapshot import PortfolioError, Snapshot, Source, store_failure, store_snapshot


def sync_ibkr(engine: Engine, client: Client) -> list[str]:
    """Store a snapshot of each account, and the days that its performance has and we lack.

    Performance is asked for when yesterday has no value yet, but not within 15 minutes of a failure: so long
    IBKR answers it once. One account that fails does not keep the others from being stored. Raises
    PortfolioError with all that failed, at the end; each is a row as well.
    """
    stored, failed = [], []
    with _kept(engine, "ibkr"):
        accounts = read_accounts(client)
    for account, currency in accounts.items():
        begun = time.monotonic()
        try:
            with _kept(engine, "ibkr", f"ibkr:{account}"):
                snapshot = read_snapshot(client, account, currency)
                _store(engine, snapshot, begun)
                stored.append(_said(snapshot))
                if _lacks_yesterday(engine, snapshot.portfolio_id):
                    days = read_performance(client, account)
                    store_performance(engine, snapshot.portfolio_id, currency, days)
        except PortfolioError as error:
            failed.append(str(error))
    if failed:
        raise PortfolioError("; ".join(failed))
    return stored


def sync_exchange(engine: Engine) -> list[str]:
    """Store what reconciliation saw last at the exchange. Raises PortfolioError, which is a row as well."""
    begun = time.monotonic()
    with _kept(engine, "exchange"):
        with engine.connect() as connection:
            snapshot = read_exchange(connection)
        if snapshot is None:
            raise PortfolioError("nobody has looked at the exchange yet: does reconcile_exchange run?")
    return [_said(snapshot)] if _store(engine, snapshot, begun) else []


def sync_file(engine: Engine, path: Path | None) -> list[str]:
    """Store the snapshots of a file that are not stored yet. Raises as `sync_exchange`."""
    begun = time.monotonic()
    with _kept(engine, "file"):
        if path is None:
            raise PortfolioError("the setting portfolio_file names none")
        snapshots = read_file(path)
    with engine.begin() as connection:
        took = timedelta(seconds=time.monotonic() - begun)
        return [_said(snapshot) for snapshot in snapshots if store_snapshot(connection, snapshot, took)]


def store_performance(engine: Engine, portfolio_id: str, currency: str, days: list[DayOfPerformance]) -> int:
    """Store the days that are over and not stored yet; how many they were."""
    rows = json.dumps([asdict(day) for day in days], default=str)
    with engine.begin() as connection:
        return connection.execute(
            sql("portfolio/store_performance"),
            {"portfolio_id": portfolio_id, "currency": currency, "days": rows},
        ).rowcount


def _lacks_yesterday(engine: Engine, portfolio_id: str) -> bool:
    with engine.connect() as connection:
        asked = {"portfolio_id": portfolio_id, "today": datetime.now(UTC).date()}
        return bool(connection.execute(sql("portfolio/lacks_yesterday"), asked).scalar_one())


def _store(engine: Engine, snapshot: Snapshot, begun: float) -> bool:
    with engine.begin() as connection:
        return store_snapshot(connection, snapshot, timedelta(seconds=time.monotonic() - begun))


def _said(snapshot: Snapshot) -> str:
    return f"{snapshot.portfolio_id}: {len(snapshot.positions)} positions"


@contextmanager
def _kept(engine: Engine, source: Source, portfolio_id: str | None = None) -> Iterator[None]:
    """Keep a failure as a row, and raise it as PortfolioError."""
    try:
        yield
    except (PortfolioError, ServiceError) as error:
        with engine.begin() as connection:
            store_failure(connection, source, str(error), portfolio_id)
        raise PortfolioError(f"{portfolio_id or source}: {error}") from error
