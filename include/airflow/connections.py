"""What a task asks Airflow for: the settings, the database, the addresses and keys of services.

The product itself never sees Airflow: it is handed a `Settings`, an `Engine` or an `Endpoint`.
"""

import logging
import os
from contextlib import ExitStack, contextmanager
from logging.handlers import WatchedFileHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import Connection, Variable
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException, AirflowRuntimeError

from include.settings import Endpoint, Settings
from include.settings.reader import SETTINGS_VARIABLE, SettingsError, read_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import Context
    from sqlalchemy import Engine

    from include.actor import Actor
    from include.alerts.channels import StoredConnection
    from include.candles import Source
    from include.exchange.bingx import BingX
    from include.http import Service
    from include.storage import Storage

logger = logging.getLogger(__name__)

DATABASE_CONNECTION = "tradeops_db"
LOG_FILE = "TRADEOPS_LOG_FILE"
LOG_SHARE = "TRADEOPS_LOG_SHARE"
STORE_CONNECTION = "object_store"
EXCHANGE_CONNECTION = "bingx"
DRILL_CONNECTION = "bingx_drill"


class UnreadableError(AirflowFailException, SettingsError):  # type: ignore[misc]  # Airflow has no types here
    """A setting or an option of a connection cannot be read. The task fails at once: no retry mends it."""


class SettingsMissingError(RuntimeError):
    """There is no Variable with the settings, or it could not be fetched just now, which a retry may mend."""


def load_settings() -> Settings:
    """Read the settings: the environment first, then the Variable `tradeops_settings` over it.

    Raises UnreadableError, in words, when any of it cannot be read.
    """
    from include.settings_check import read_checked_settings

    try:
        return read_checked_settings(settings_text())
    except ValueError as error:
        raise UnreadableError(str(error)) from None


def load_settings_or_defaults() -> tuple[Settings, str | None]:
    """Load the settings; where they cannot be read, give the defaults and say what is wrong.

    For alerts, the one place where broken settings stop nothing: somebody must learn that they are broken.
    """
    try:
        return load_settings(), None
    except (SettingsError, SettingsMissingError) as error:
        logger.error("the settings cannot be read, alerts go on by the defaults: %s", error)
        return Settings.model_construct(), str(error)


def settings_text() -> str:
    """Read the Variable `tradeops_settings` as it is written.

    Airflow's own decoding is not used: what cannot be decoded becomes its default there. Nor is a default
    given here: Airflow cannot tell a Variable that is missing from one that it could not fetch just now.

    Raises SettingsMissingError when there is none, or it could not be fetched.
    """
    try:
        return str(Variable.get(SETTINGS_VARIABLE))
    except AirflowRuntimeError as error:
        raise SettingsMissingError(
            f"Variable {SETTINGS_VARIABLE} is missing, or Airflow could not fetch it just now. If it is "
            "missing, make it in Admin > Variables; its value {} leaves every setting as it is"
        ) from error


def extra_of(connection: Connection) -> dict[str, Any]:
    """Read a connection's extra. Airflow's `extra_dejson` takes one that cannot be read for empty.

    Raises UnreadableError: an option such as `sslmode` must not be lost without a word.
    """
    if not connection.extra:
        return {}
    try:
        read_object(connection.extra, f"the extra of connection {connection.conn_id}")
    except SettingsError as error:
        raise UnreadableError(str(error)) from None
    return dict(connection.extra_dejson)  # Airflow hides its secrets


def database_url(connection_id: str = DATABASE_CONNECTION) -> str:
    """Compose a database's URL from its connection, by default the platform's. It holds the password."""
    from include.database import compose_url

    connection = Connection.get(connection_id)
    return compose_url(
        connection.host or "",
        connection.port,
        connection.schema or "",
        connection.login or "",
        connection.password or "",
        extra_of(connection),
    )


@contextmanager
def open_database(purpose: str, *, measured: bool = True) -> "Iterator[Engine]":
    """Open the platform's database for one task and close it afterwards; telemetry goes there meanwhile.

    `purpose` is what `pg_stat_activity.application_name` shows, after `tradeops:`. The audit trail of trades
    names the task that runs in this process. `measured` is false for
    those who look at the measurements: they would measure themselves.
    """
    from include.database import connect
    from include.telemetry import trace, writing_to

    _begin_logs()
    task = _current_task()
    engine = connect(
        database_url(), application=f"tradeops:{purpose}", platform=True, actor=task and _actor_of(task)
    )
    try:
        with writing_to(engine, statements=measured), trace(task and str(task["ti"].id)):
            yield engine
    finally:
        engine.dispose()


def _current_task() -> "Context | None":
    """The context of the task that runs in this process; None: a web request, a callback."""
    from airflow.sdk import get_current_context

    try:
        return get_current_context()
    except RuntimeError:
        return None


def _actor_of(task: "Context") -> "Actor":
    """The task as the audit trail of trades names it: its DAG, itself, its run, and who triggered that."""
    from include.actor import Actor

    instance, run = task["ti"], task["dag_run"]
    return Actor(
        "task", f"{instance.dag_id}.{instance.task_id}", instance.run_id, run.triggering_user_name or None
    )


def _begin_logs() -> None:
    """Redact what this process logs; write the product's own events as JSON where the environment says.

    TRADEOPS_LOG_FILE names the file, TRADEOPS_LOG_SHARE the share of events below WARNING (default: 1).
    """
    from include.telemetry import redact_handlers, write_json_logs

    redact_handlers()
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line a request drowns what the task has to say
    path = os.environ.get(LOG_FILE)
    ours = logging.getLogger("include")
    if path and not any(isinstance(handler, WatchedFileHandler) for handler in ours.handlers):
        # Watched: whoever rotates the file moves it away, and this process goes on in a new one.
        share = _share(os.environ.get(LOG_SHARE) or "1")
        write_json_logs(WatchedFileHandler(path, delay=True), "tradeops", share=share)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1
    if not 0 <= share <= 1:
        raise UnreadableError(f"{LOG_SHARE} is {text!r}; it must be a number from 0 to 1, such as 0.1")
    return share


def endpoint(connection_id: str) -> Endpoint:
    """Look up where a service answers: the connection's host is a URL, its password the secret.

    A port given on its own is put behind the host name; a path may be part of the host, as Airflow's HTTP
    and Slack connections have it. Without a host the service's own address is meant: `base_url` is empty.
    Extra may say who vouches for its certificate. Raises AirflowNotFoundException: no such connection.
    """
    connection = Connection.get(connection_id)
    stored, more = _endpoint_of(connection), extra_of(connection)
    return Endpoint(stored.base_url, stored.secret, more.get("ca_file"), more.get("check_certificate", True))


def _endpoint_of(connection: Connection) -> Endpoint:
    host = connection.host or ""
    if host and "://" not in host:
        host = f"{connection.schema or 'https'}://{host}"
    if host and connection.port:
        scheme, _, rest = host.partition("://")
        name, slash, path = rest.partition("/")
        host = f"{scheme}://{name}:{connection.port}{slash}{path}"
    return Endpoint(host.rstrip("/"), connection.password or None)


def read_connection_if_any(connection_id: str) -> "StoredConnection | None":
    """Read all that is stored of a service; None when there is no such connection."""
    from include.alerts.channels import StoredConnection

    try:
        connection = Connection.get(connection_id)
    except AirflowNotFoundException:
        return None
    stored = _endpoint_of(connection)
    return StoredConnection(
        base_url=stored.base_url,
        secret=stored.secret,
        host=connection.host or "",
        port=connection.port,
        login=connection.login or None,
        read_extra=lambda: extra_of(connection),
    )


def second_model_if_any(settings: Settings) -> Endpoint | None:
    """Look up where the second model answers, as `endpoint`; None when the settings name none."""
    return endpoint("llm_second") if settings.llm_second_model else None


@contextmanager
def open_sources(settings: Settings, engine: "Engine") -> "Iterator[list[Source]]":
    """Open the candle sources that the settings name; each asks for its connection, `market_<name>`.

    A source without a connection is asked at the vendor's own address, without a key. One that cannot do
    without is left out, and says so. Raises UnreadableError when none is named or the settings do not fit
    them, and the first one's error when all would be left out.
    """
    from include.candles import open_sources

    if not settings.candle_sources:
        raise UnreadableError(
            f"no source of candles is set: name some in candle_sources of the Variable {SETTINGS_VARIABLE}, "
            "see docs/sources.md"
        )
    with ExitStack() as stack:
        try:
            sources = stack.enter_context(open_sources(settings, engine, endpoint_if_any))
        except ValueError as error:  # a setting that does not fit
            raise UnreadableError(f"Variable {SETTINGS_VARIABLE}: {error}") from error
        yield sources


def open_exchange(settings: Settings, engine: "Engine") -> "BingX":
    """Open the exchange where orders go: connection `bingx`, login the key, password what signs.

    The setting `trading_demo` says with which money. Raises UnreadableError when the key is missing.
    """
    from include.exchange.bingx import TRADING

    return _open_account(EXCHANGE_CONNECTION, engine, demo=settings.trading_demo, service=TRADING)


def open_public_exchange(settings: Settings, engine: "Engine") -> "BingX":
    """Open the exchange for what it tells everybody, such as its markets: without a key."""
    from include.exchange.bingx import BingX

    address = stored.base_url if (stored := endpoint_if_any(EXCHANGE_CONNECTION)) else ""
    return BingX(engine, key="", secret="", demo=settings.trading_demo, base_url=address)


def open_drill_account(engine: "Engine") -> "BingX":
    """Open the account on which the kill switch is practised: connection `bingx_drill`, with play money.

    Raises UnreadableError when there is no such connection, or its key is missing or that of `bingx`.
    """
    from include.exchange.drill import DRILL_SERVICE

    if not has_connection(DRILL_CONNECTION):
        raise UnreadableError(
            f"there is no connection {DRILL_CONNECTION}: nothing was practised. It needs an account with "
            "play money, in the sandbox or in BingX's demo trading"
        )
    if has_connection(EXCHANGE_CONNECTION):
        keys = {Connection.get(name).login for name in (EXCHANGE_CONNECTION, DRILL_CONNECTION)}
        if len(keys) == 1:
            raise UnreadableError(
                f"connection {DRILL_CONNECTION} has the key of {EXCHANGE_CONNECTION}: a drill cancels and "
                "closes everything, and needs an account of its own"
            )
    return _open_account(DRILL_CONNECTION, engine, demo=True, service=DRILL_SERVICE)


def _open_account(name: str, engine: "Engine", *, demo: bool, service: "Service") -> "BingX":
    from include.exchange.bingx import BingX

    connection = Connection.get(name)
    if not connection.login or not connection.password:
        raise UnreadableError(f"connection {name} holds no key: store it as login, its secret as password")
    return BingX(
        engine,
        key=connection.login,
        secret=connection.password,
        demo=demo,
        base_url=_endpoint_of(connection).base_url,
        service=service,
    )


def open_storage(location: str) -> "Storage":
    """Open the store at a location: `/abs/path`, `file:///abs/path` or `s3://bucket/prefix`.

    For `s3://`, the connection `object_store` says how: host = the endpoint's URL (none: AWS), login = access
    key, password = secret key (neither: boto3 looks for them itself), extra: `region`, and `checksums`, which
    is `when_supported` (the default) or `when_required` for stores that refuse newer checksums.

    Raises AirflowNotFoundException when there is no such connection, and include.storage.StorageError when
    the location or the extra cannot be used.
    """
    from include.storage import S3Access, StorageError, open_storage

    if not location.startswith("s3://"):
        return open_storage(location)
    connection = Connection.get(STORE_CONNECTION)
    extra = extra_of(connection)
    checksums = extra.get("checksums", "when_supported")
    if checksums not in ("when_supported", "when_required") or not extra.keys() <= {"region", "checksums"}:
        raise StorageError(
            f"connection {STORE_CONNECTION}: extra may hold region, and checksums, which is "
            "when_supported or when_required"
        )
    access = S3Access(
        endpoint(STORE_CONNECTION).base_url if connection.host else None,
        connection.login or None,
        connection.password or None,
        str(extra.get("region", "us-east-1")),
        when_required=checksums == "when_required",
    )
    return open_storage(location, access)


def open_storage_if_any(location: str) -> "Storage | None":
    """Open the store at a location; None when the connection that it needs is not there."""
    try:
        return open_storage(location)
    except AirflowNotFoundException:
        return None


def broker_url() -> str | None:
    """Read where Celery's broker is, with its password; None where no executor needs one."""
    from airflow.configuration import conf

    if "CeleryExecutor" not in str(conf.get("core", "executor", fallback="")):
        return None
    return str(conf.get("celery", "broker_url"))


def airflow_url() -> str:
    """Where this installation's api-server is, for those who are inside: the address that tasks talk to."""
    from airflow.configuration import conf

    inside = str(conf.get("core", "execution_api_server_url", fallback="") or "")
    return inside.rstrip("/").removesuffix("/execution") or public_url()


def endpoint_if_any(connection_id: str) -> Endpoint | None:
    """Look up where a service answers; None when there is no such connection."""
    try:
        return endpoint(connection_id)
    except AirflowNotFoundException:
        return None


def has_connection(connection_id: str) -> bool:
    """Whether there is a connection of this name, in Airflow, the environment or a secrets backend."""
    try:
        Connection.get(connection_id)
    except AirflowNotFoundException:
        return False
    return True


def public_url() -> str:
    """The address under which people open this Airflow, without a slash at its end."""
    from airflow.configuration import conf

    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/")


def run_url(dag_id: str, run_id: str) -> str:
    """Give the address under which people open a run of a DAG in this Airflow."""
    return f"{public_url()}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"
