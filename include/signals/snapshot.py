"""The snapshot of a market: who is asked, what is kept of the answers for a while, and the score.

The price is asked of the sources in `price_sources`, in their order; without one there is no snapshot. What
else is missing is named with its reason. With the sandbox as source of candles every service is asked at the
sandbox, under a name of its own (`sandbox:lunarcrush`), and nothing of the two worlds mixes. In the local
stack a real vendor is asked only when a connection or a real source of candles says so.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from include.candles.local_stack import is_local_stack
from include.candles.sources import find_entry
from include.database import sql
from include.http import Limit, Retry, Service, ServiceError, Timeout
from include.http.client import Client
from include.services import find_service
from include.settings import SANDBOX, Endpoint, Settings
from include.signals.sources import (
    NoFiguresError,
    SnapshotPart,
    ask_fear_greed,
    ask_lunarcrush,
    find_price_source,
)
from include.symbols import Coin, coin_of

# A person waits for the signal: a source that cannot answer in this time is missing.
SNAPSHOT_TIMEOUT = Timeout(connect=2.0, read=4.0, total=5.0)
SNAPSHOT_RETRY = Retry(attempts=2, budget=6.0, wait_initial=0.2, wait_max=1.0, jitter=0.2)
REQUESTS_AT_ONCE = 4  # requests, and so connections to the database, which counts them

KEPT_FOR = {"price": timedelta(minutes=1), "social": timedelta(minutes=5), "fear_greed": timedelta(minutes=5)}
# What the sources renew by the hour or by the day serves for longer when they cannot be asked: the plan of
# LunarCrush allows 10 requests a minute, and a run may be about 20 coins.
GOOD_FOR_LACK_OF_BETTER = {"social": timedelta(hours=3), "fear_greed": timedelta(hours=24)}

# The score: what a whole snapshot is made of, in points of 100.
SCORE_POINTS = {"price": 30, "market": 10, "candles": 40, "fear_greed": 10, "social": 10}
MARKET_COLUMNS = ("price_change_24h", "price_change_7d", "market_cap", "volume_24h")
SOCIAL_COLUMNS = (
    "galaxy_score", "alt_rank", "social_sentiment_score", "social_volume_24h", "social_interactions_24h",
)  # fmt: skip

EndpointOf = Callable[[str], Endpoint | None]  # connection id -> where it leads, None: no such connection
Heard = tuple[SnapshotPart, str] | str  # a part and its source, or why there is none


@dataclass
class SignalSnapshot:
    """What the sources said of one coin; `values` are columns of `trade_market_snapshot`."""

    values: dict[str, float | None] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)  # part -> source, status, reason or age
    taken_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def no_price(self) -> str | None:
        """Why there is no price, None when there is one."""
        return None if "current_price" in self.values else str(self.sources["price"]["reason"])

    def as_row(self) -> dict[str, Any]:
        """The snapshot as JSON, as `trade_market_snapshot` has it, yet without the score."""
        return {**self.values, "data_sources": self.sources, "snapshot_at": self.taken_at.isoformat()}


def take_snapshots(
    engine: Engine, symbols: Sequence[str], settings: Settings, endpoint: EndpointOf
) -> dict[str, SignalSnapshot]:
    """Ask the sources about each symbol of the declared table; never raises for a source that fails.

    Several are asked at once; an answer of the last minutes is used again.
    """
    with ExitStack() as stack:
        reporter = _Reporter(stack, engine, settings, endpoint)
        with ThreadPoolExecutor(REQUESTS_AT_ONCE, thread_name_prefix="snapshot") as threads:
            mood = threads.submit(reporter.hear, "fear_greed", None)
            heard = {
                symbol: {
                    part: threads.submit(reporter.hear, part, coin_of(symbol)) for part in ("price", "social")
                }
                for symbol in symbols
            }
            snapshots = {}
            for symbol, parts in heard.items():
                snapshots[symbol] = SignalSnapshot()
                for name, future in {**parts, "fear_greed": mood}.items():
                    _add(snapshots[symbol], name, future.result())
    return snapshots


def _add(snapshot: SignalSnapshot, name: str, heard: Heard) -> None:
    if isinstance(heard, str):
        snapshot.sources[name] = {"status": "missing", "reason": heard}
        return
    part, source = heard
    snapshot.values |= part.values
    absent = sorted(column for column, value in part.values.items() if value is None)
    snapshot.sources[name] = {
        "status": "used",
        "source": source,
        "observed_at": part.observed_at.isoformat(),
        "age_seconds": round((snapshot.taken_at - part.observed_at).total_seconds()),
        **({"without": absent} if absent else {}),
        **({"problem": part.problem} if part.problem else {}),
    }


def score(values: Mapping[str, float | None], held_share: float) -> float:
    """Compute the `data_quality_score`: 100 when all is there.

    30 points for the price, 10 for its changes, market value and volume (the share that is there), 40 for the
    candles (`held_share`, 0 to 1, of the history that is wanted), 10 for fear & greed, 10 for the social
    figures (the share of five).
    """

    def share(columns: Sequence[str]) -> float:
        return sum(values.get(column) is not None for column in columns) / len(columns)

    shares = {
        "price": share(["current_price"]),
        "market": share(MARKET_COLUMNS),
        "candles": min(held_share, 1.0),
        "fear_greed": share(["fear_greed_index"]),
        "social": share(SOCIAL_COLUMNS),
    }
    return round(sum(SCORE_POINTS[part] * shares[part] for part in SCORE_POINTS), 2)


class _Reporter:
    """Asks the services, each through one client for all symbols."""

    def __init__(self, stack: ExitStack, engine: Engine, settings: Settings, endpoint: EndpointOf) -> None:
        self._engine = engine
        self._sandbox = SANDBOX in settings.candle_sources
        outside = any(find_entry(name).outside for name in settings.candle_sources)
        self._outside = outside or not _is_local_stack(engine)
        self._endpoint = endpoint
        prices = [find_price_source(name) for name in settings.price_sources]
        self._asks = {price.service: price.ask for price in prices} | {"lunarcrush": ask_lunarcrush}
        self._services = {
            "price": tuple(price.service for price in prices),
            "social": ("lunarcrush",),
            "fear_greed": ("fear_greed",),
        }
        self._clients: dict[str, Client | str] = {}  # the client, or why there is none
        for name in dict.fromkeys(name for names in self._services.values() for name in names):
            try:
                self._clients[name] = stack.enter_context(self._open(name))
            except ServiceError as error:
                self._clients[name] = error.message
            except NoFiguresError as missing:
                self._clients[name] = str(missing)

    def _open(self, name: str) -> Client:
        service = replace(find_service(name), timeout=SNAPSHOT_TIMEOUT, retry=SNAPSHOT_RETRY)
        if not self._sandbox:
            found = self._endpoint(service.connection_id)
            if found is None and not self._outside:
                raise NoFiguresError(
                    "not asked: this is the local stack, and nothing tells it to ask a real vendor; make the "
                    f"connection {service.connection_id} to do so"
                )
            return Client(service, found, self._engine)
        imitation = self._endpoint(SANDBOX)
        if imitation is not None:
            imitation = Endpoint(imitation.base_url + (service.sandbox_path or ""), imitation.secret)
        # Without the vendor's address, so that a missing connection can never lead there, and by a name of
        # its own, so that its quota and breaker are not those of the real one.
        return Client(_imitated(service), imitation, self._engine)

    def hear(self, part: str, coin: Coin | None) -> Heard:
        """Ask one service after the other for a part; say why if none has it.

        A mood that cannot be asked for now may be some hours old, and says so; a price may not.
        """
        reasons = []
        for name in self._services[part]:
            source = f"{SANDBOX}:{name}" if self._sandbox else name
            key = {"source": source, "symbol": coin.code if coin else ""}
            kept = self._recall(key, KEPT_FOR[part])
            if kept:
                return kept, source
            try:
                found = self._ask(name, coin)
            except NoFiguresError as missing:
                older = (
                    self._recall(key, GOOD_FOR_LACK_OF_BETTER[part])
                    if part in GOOD_FOR_LACK_OF_BETTER
                    else None
                )
                if older:
                    return replace(older, problem=f"kept from before: {missing}"), source
                reasons.append(f"{source}: {missing}")
                continue
            if not found.problem:
                self._keep(key, found)
            return found, source
        return "; ".join(reasons)

    def _ask(self, name: str, coin: Coin | None) -> SnapshotPart:
        client = self._clients[name]
        if isinstance(client, str):
            raise NoFiguresError(client)
        now = datetime.now(UTC)
        if coin is None:
            return ask_fear_greed(client, now)
        return self._asks[name](client, coin, now)

    def _recall(self, key: Mapping[str, str], kept: timedelta) -> SnapshotPart | None:
        with self._engine.begin() as connection:
            row = connection.execute(sql("signals/recall_snapshot"), {**key, "kept": kept}).one_or_none()
        return SnapshotPart(row.part, row.observed_at) if row else None

    def _keep(self, key: Mapping[str, str], part: SnapshotPart) -> None:
        values = json.dumps(part.values, allow_nan=False)
        with self._engine.begin() as connection:
            connection.execute(
                sql("signals/keep_snapshot"), {**key, "part": values, "observed_at": part.observed_at}
            )


def _is_local_stack(engine: Engine) -> bool:
    with engine.connect() as connection:
        return is_local_stack(connection)


def _imitated(service: Service) -> Service:
    return replace(
        service,
        name=f"{SANDBOX}:{service.name}",
        base_url=None,
        limits=(Limit(200, 1),),
        connection=SANDBOX,
    )
