"""What the platform itself stands on: its database, the broker, the store, the model, sources of candles."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from urllib.parse import urlsplit

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from include.candles import SourceError, open_source
from include.candles.sources import UnknownSourceError, find_entry
from include.database import DatabaseError, connect, sql
from include.http import ServiceError
from include.http.client import Client
from include.probes.probe import (
    SECONDS,
    Connections,
    Probe,
    ProbeAnswer,
    Quota,
    ServiceDownError,
    outside_probe,
)
from include.services import find_service
from include.settings import SANDBOX, Settings
from include.storage import Storage, StorageError
from include.telemetry import redact

OLD_TRANSACTION = timedelta(hours=1)  # it keeps VACUUM from clearing anything that died since
LAG = timedelta(minutes=5)
PREFIX = "probes/"  # of the objects that are written to the store
LEFT_BEHIND = timedelta(hours=1)


def ask_postgres(url: str) -> ProbeAnswer:
    """Connect anew and ask the server about itself. Raises ServiceDownError."""
    engine = connect(
        url, application="tradeops:probe", pool_size=0, statement_timeout=timedelta(seconds=SECONDS)
    )
    started = monotonic()
    try:
        with engine.connect() as connection:
            latency = (monotonic() - started) * 1000
            found = connection.execute(sql("probes/look_at_postgres")).one()
    except (DatabaseError, SQLAlchemyError) as error:
        raise ServiceDownError(redact(" ".join(str(error).split()))[:300]) from error
    faults = []
    if found.oldest_transaction and found.oldest_transaction > OLD_TRANSACTION:
        faults.append(f"a transaction is open for {found.oldest_transaction}: nothing is vacuumed past it")
    if found.standby and found.lag and found.lag > LAG:
        faults.append(f"the standby is {found.lag} behind")
    role = "a standby" if found.standby else f"{found.replicas} standbys"
    words = f"{found.size} on disk, {found.used} of {found.most} connections, {role}"
    return ProbeAnswer(words, latency, tuple(faults), quota=Quota(found.used, found.most, None))


def broker_probe(url: str | None) -> Probe:
    """Make the probe of Celery's broker; LocalExecutor has none."""
    if url is None:
        return Probe("broker", "platform", None, "not in use: the executor needs no broker")
    if urlsplit(url).scheme not in ("redis", "rediss"):
        return Probe("broker", "platform", None, "no probe for this kind of broker, only for redis")
    return Probe("broker", "platform", partial(ask_redis, url))


def ask_redis(url: str) -> ProbeAnswer:
    """Ping the broker. Raises ServiceDownError."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    started = monotonic()
    try:
        with redis.Redis.from_url(
            url, socket_connect_timeout=SECONDS / 2, socket_timeout=SECONDS / 2, retry=Retry(NoBackoff(), 0)
        ) as client:
            pong = client.ping()
            latency = (monotonic() - started) * 1000
    except (redis.RedisError, OSError, ValueError) as error:
        raise ServiceDownError(
            redact(str(error), urlsplit(url).password)[:300] or type(error).__name__
        ) from error
    if pong is not True:
        raise ServiceDownError(f"answered a ping with {pong!r}")
    return ProbeAnswer("answers a ping", latency)


def storage_probe(settings: Settings, open_storage: Callable[[str], Storage | None]) -> Probe:
    """Make the probe of the store that `probe_storage` names."""
    if not settings.probe_storage:
        return Probe("storage", "platform", None, "not configured: `probe_storage` names no store")
    try:
        store = open_storage(settings.probe_storage)
    except StorageError as error:
        return Probe("storage", "platform", None, f"`probe_storage` cannot be opened: {error}")
    if store is None:
        return Probe("storage", "platform", None, "not configured: there is no connection `object_store`")
    return Probe("storage", "platform", partial(ask_storage, store))


def ask_storage(store: Storage) -> ProbeAnswer:
    """Write a tiny object, find it in the list, delete it, and what probes that died left.

    Raises:
        ServiceDownError: the store does not do that.
    """
    started, key = monotonic(), f"{PREFIX}{uuid.uuid4()}"
    try:
        store.write(key, [b"tradeops"])
        found = list(store.list(PREFIX))
        store.delete(key)
        latency = (monotonic() - started) * 1000
        for other in found:
            if other.key != key and other.modified < datetime.now(UTC) - LEFT_BEHIND:
                store.delete(other.key)
        free = store.free_bytes()
    except StorageError as error:
        raise ServiceDownError(str(error)) from error
    if key not in {one.key for one in found}:
        raise ServiceDownError("what was written is not in the list")
    room = "" if free is None else f", {free / 1e9:.0f} GB free"
    return ProbeAnswer(f"wrote, listed and deleted an object{room}", latency)


def model_probe(engine: Engine, settings: Settings, connections: Connections) -> Probe:
    """Make the probe of the language model: its list of models, which costs no token."""
    asked = partial(ask_models, wanted=settings.analysis_model)
    opened = partial(Client, engine=engine)
    return outside_probe(find_service("llm"), "platform", connections, settings, asked, opened)


def ask_models(open_client: Callable[[], Client], *, wanted: str) -> ProbeAnswer:
    """Ask which models there are. Raises ServiceError, ServiceDownError."""
    with open_client() as client:
        answer = client.get_json("/models")
    try:
        # Gemini lists its models as models/<name>.
        names = {str(model["id"]).removeprefix("models/") for model in answer["data"]}
    except (KeyError, TypeError) as error:
        raise ServiceDownError(f"no list of models: {error!r}") from error
    faults = () if wanted in names else (f"the model {wanted} of `analysis_model` is not among them",)
    return ProbeAnswer(f"{len(names)} models", client.milliseconds, faults, sandbox=client.sandbox)


def market_probes(engine: Engine, settings: Settings, connections: Connections) -> list[Probe]:
    """Make the probes of the configured sources of candles."""
    if not settings.candle_sources:
        return [Probe("market", "platform", None, "not configured: `candle_sources` names no source")]
    return [_market_probe(name, engine, settings, connections) for name in settings.candle_sources]


def _market_probe(name: str, engine: Engine, settings: Settings, connections: Connections) -> Probe:
    try:
        entry = find_entry(name)
    except UnknownSourceError:  # it says so when it is asked
        return Probe(name, "platform", partial(ask_source, name, engine, settings, {}.get))
    # Its connection is looked up now: the thread that asks must not ask Airflow.
    found = {entry.connection: connections(entry.connection)} if entry.connection else {}
    asked = partial(ask_source, name, engine, settings, found.get)
    service = entry.service or name
    return Probe(service, "platform", asked, limited_by=service if entry.connection else None)


def ask_source(name: str, engine: Engine, settings: Settings, connections: Connections) -> ProbeAnswer:
    """Ask a source the cheapest question that it knows. Raises ServiceError, ServiceDownError."""
    try:
        with open_source(name, settings, engine, connections, within=SECONDS) as source:
            pong = source.ping()
    except SourceError as error:
        if isinstance(error.__cause__, ServiceError):
            raise error.__cause__ from None  # it knows what kind of failure this is
        raise ServiceDownError(str(error)) from error
    except ValueError as error:
        raise ServiceDownError(str(error)) from error
    return ProbeAnswer("answers", pong.milliseconds, sandbox=pong.sandbox or name == SANDBOX)
