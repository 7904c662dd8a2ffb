"""`make demo`: a fresh batch of sample trades, settled by the real scheduler, shown as a table."""

import contextlib
import json
import shutil
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from include.settings import SANDBOX, Endpoint, Settings
from include.settings.reader import SETTINGS_VARIABLE, SettingsError, read_object
from local import postgres
from local.airflow_api import AirflowApi
from local.demo_access import fill_access
from local.demo_portfolio import fill_portfolio
from local.health import MAIN_DAG
from local.in_force import settings_text
from local.prepare import read_note, write_note
from local.samples import Market, batch_name, make_trades
from local.stack import Stack, print_table, up
from local.state import StackError, State

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine

SOURCES = ("candle_sources", "archive_path")  # what a demo sets
NOTE = "demo"  # under which the stack remembers what the last demo set
SANDBOX_SYMBOLS = ("BTC", "ETH", "SOL", "XRP", "ADA")
SANDBOX_SPAN = timedelta(days=8)
MOST_SYMBOLS = 12  # of an archive
MOST_CANDLES = 100_000  # of a symbol, the newest
MOST_SAID = 20  # files and rows of an archive that are left out, by name
RUN_TIMEOUT = 1800.0  # seconds; about 20 are normal, and a busy machine takes many times that
SAY_AGAIN = 30.0  # seconds between two lines while waiting

INSERT = """
INSERT INTO trade_signals
  (id, user_id, symbol, direction, timeframe, entry_price, stop_loss, take_profit_1, take_profit_2,
   take_profit_3, allocation_1, allocation_2, allocation_3, ai_model, ai_reasoning, generated_at, expires_at)
VALUES
  (:id, :user_id, :symbol, :direction, :timeframe, :entry_price, :stop_loss, :take_profit_1, :take_profit_2,
   :take_profit_3, :allocation_1, :allocation_2, :allocation_3, :ai_model, :ai_reasoning, :generated_at,
   :expires_at)
"""
BATCHES = "SELECT count(DISTINCT ai_model) FROM trade_signals WHERE ai_model LIKE 'sample-batch-%'"
TRADES = """
SELECT symbol, direction, timeframe, status, coalesce(exit_reason, status_reason, '') AS reason,
  net_profit_loss
FROM vw_complete_trades WHERE ai_model = :batch ORDER BY status, reason, symbol, generated_at, id
"""
SUMMARY = """
SELECT status, coalesce(exit_reason, status_reason, '') AS reason, count(*) AS trades,
  sum(net_profit_loss) AS net
FROM vw_complete_trades WHERE ai_model = :batch GROUP BY 1, 2 ORDER BY 1, 2
"""


def run_demo(state: State, candles: Path | None) -> None:
    """Start the stack, insert a batch, run the sweep on it, show what became of each trade.

    Args:
        state: the stack.
        candles: file or folder whose candles the trades lie on; None: the sandbox market of the last days.

    Raises:
        StackError: the candles cannot be used, or the platform's database or sources of candles are not the
            stack's own (exit code 2, nothing was inserted), or the run failed.
    """
    if candles is not None and not candles.exists():
        raise StackError(f"CANDLES={candles} does not exist; nothing was inserted.", 2)
    stack = up(state)
    if not stack.database.own:
        raise StackError(
            f"The platform's database is the {stack.database.words}; a demo has no business there. Nothing "
            "was inserted, and no setting was changed. For a demo beside it: "
            "TRADEOPS_STACK=/another/folder make demo",
            2,
        )
    server = postgres.find(state.postgres)
    if server is None:
        raise StackError("The stack's PostgreSQL has ended. Start it again with: make up")
    from include.database import connect

    with contextlib.ExitStack() as closing:
        engine = connect(stack.database_url, application="tradeops:demo")
        closing.callback(engine.dispose)
        api = closing.enter_context(contextlib.closing(stack.api(_say)))
        chosen: dict[str, object] = {"candle_sources": ["sandbox"]}
        if candles is not None:
            chosen = {"candle_sources": ["archive"], "archive_path": str(candles.resolve())}
        settings = _settings_to_change(state, server, chosen)
        markets = _read_markets(stack, engine, chosen)
        _choose_source(api, server, settings, chosen)
        batch, inserted = _insert_batch(engine, markets)
        print(f"\nInserted {inserted} sample trades, batch {batch_name(batch)}.", flush=True)
        runs = _sweep(state, api)
        print(f"Portfolio of the sandbox: {fill_portfolio(engine, stack.sandbox_url)}", flush=True)
        states = fill_access(engine, stack.sandbox_url)
        counted = ", ".join(f"{count} {state}" for state, count in states.items())
        print(f"Token access of {sum(states.values())} sample holders: {counted}.", flush=True)
        _show(stack, engine, api, batch, runs)


# -- the batch -----------------------------------------------------------------------------------------------


class _Holding(Protocol):
    """What the archive says it holds of one symbol."""

    symbol: str
    resolution: str
    first: "pd.Timestamp"
    last: "pd.Timestamp"


class _Archive(Protocol):
    def holdings(self) -> Sequence[_Holding]: ...

    def problems(self) -> Sequence[str]: ...


def _read_markets(stack: Stack, engine: "Engine", chosen: dict[str, object]) -> list[Market]:
    """Read the candles that the trades will lie on, from the source that will settle them."""
    from include.candles import SourceError, open_source
    from include.candles.frame import interval_of, normalise, refused_rows_text, valid

    settings = Settings.model_validate(chosen)
    now = datetime.now(UTC)
    (name,) = settings.candle_sources
    try:
        with open_source(name, settings, engine, lambda _: Endpoint(f"{stack.sandbox_url}/market")) as source:
            windows = _sandbox_windows(now)
            left_out: list[str] = []
            if name == "archive":
                archive = cast("_Archive", source)
                windows = _archive_windows(archive.holdings())
                left_out += archive.problems()
            markets = []
            for symbol, resolution, start, end in windows:
                fetched = source.fetch(symbol, resolution, start, end)
                frame, refused = normalise(fetched.candles, resolution, now=now)
                if invalid := int((~valid(frame)).sum()):
                    refused["no valid candle, such as one of zeros"] = invalid
                left_out += fetched.problems
                left_out += [f"{symbol} {resolution}: {refused_rows_text(refused)}"] if refused else []
                markets.append(Market(frame, interval_of(resolution)))
            _say_left_out(left_out)
        make_trades(markets, batch=0)
    except (SourceError, ValueError) as error:
        place = f"CANDLES={settings.archive_path}" if name == "archive" else "The sandbox market"
        raise StackError(f"{place} cannot be used: {error}; nothing was inserted.", 2) from error
    return markets


def _sandbox_windows(now: datetime) -> list[tuple[str, str, datetime, datetime]]:
    end = now.replace(second=0, microsecond=0)
    return [(symbol, "1m", end - SANDBOX_SPAN, end) for symbol in SANDBOX_SYMBOLS]


def _archive_windows(holdings: Sequence[_Holding]) -> list[tuple[str, str, datetime, datetime]]:
    """Of each market the finest resolution, and of that the newest candles, under their spelling."""
    from include.candles.frame import interval_of
    from include.symbols import market_of

    of_markets: dict[str, list[_Holding]] = {}
    for holding in sorted(
        holdings, key=lambda holding: (interval_of(holding.resolution), -holding.last.value)
    ):
        of_markets.setdefault(market_of(holding.symbol), []).append(holding)
    windows = []
    for of_market in list(of_markets.values())[:MOST_SYMBOLS]:
        newest = of_market[0]
        interval = interval_of(newest.resolution)
        first = min(holding.first for holding in of_market if holding.resolution == newest.resolution)
        start = max(first, newest.last - MOST_CANDLES * interval)
        windows.append(
            (
                newest.symbol,
                newest.resolution,
                start.to_pydatetime(),
                (newest.last + interval).to_pydatetime(),
            )
        )
    return windows


def _say_left_out(left_out: Sequence[str]) -> None:
    """Print which files and rows of an archive no trade lies on, and why."""
    left_out = list(dict.fromkeys(left_out))
    for problem in left_out[:MOST_SAID]:
        print(f"Left out: {problem}", flush=True)
    if len(left_out) > MOST_SAID:
        print(f"Left out: {len(left_out) - MOST_SAID} more", flush=True)


def _insert_batch(engine: "Engine", markets: Sequence[Market]) -> tuple[int, int]:
    """Insert a fresh batch in one transaction; give its number and how many trades it has."""
    from sqlalchemy import text

    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('sample batches'))"))
        batch = int(connection.execute(text(BATCHES)).scalar_one()) + 1
        trades = make_trades(markets, batch)
        connection.execute(text(INSERT), trades)
    return batch, len(trades)


# -- the sweep -----------------------------------------------------------------------------------------------


def _settings_to_change(
    state: State, server: postgres.Server, chosen: dict[str, object]
) -> dict[str, object]:
    """Read the settings, in which a demo names its source of candles. Raises StackError when it may not."""
    text, where = settings_text(state, server, SETTINGS_VARIABLE)
    try:
        settings = read_object(text or "{}", where)
    except SettingsError as error:
        raise StackError(f"{error}; nothing was inserted.", 2) from error
    named = {name: settings[name] for name in SOURCES if name in settings}
    last = json.loads(read_note(server).get(NOTE, "{}"))
    if where != f"Variable {SETTINGS_VARIABLE}" and named != chosen:
        raise StackError(f"{where} holds the settings, and no demo can change them; nothing was inserted.", 2)
    if named not in ({}, {"candle_sources": [SANDBOX]}, last, chosen):
        raise StackError(
            f"{where} names {json.dumps(named)}, which no demo has set: these are settings of yours, and a "
            "demo leaves them alone. Nothing was inserted. To let a demo choose its candles, take "
            "candle_sources out of the Variable; for one beside it: TRADEOPS_STACK=/another/folder make demo",
            2,
        )
    return settings


def _choose_source(
    api: AirflowApi, server: postgres.Server, settings: dict[str, object], chosen: dict[str, object]
) -> None:
    """Let the settings Variable name the source of the candles; other settings in it stay as they are."""
    write_note(server, {NOTE: json.dumps(chosen)})
    kept = {name: value for name, value in settings.items() if name not in SOURCES}
    body = {"key": SETTINGS_VARIABLE, "value": json.dumps({**kept, **chosen})}
    api("PATCH", f"/variables/{SETTINGS_VARIABLE}?update_mask=value", body)


def _say(text: str) -> None:
    print(f"  {text}", flush=True)


def _sweep(state: State, api: AirflowApi) -> list[str]:
    """Trigger the sweep and wait until no sweep is under way; give the ids of those that ended meanwhile.

    A scheduled sweep may take the trades before ours does; then ours finds nothing and the other one counts.

    Raises:
        StackError: our run failed, or half an hour was not enough.
    """
    began = datetime.now(UTC)
    ours = f"demo__{began.isoformat()}"
    api.trigger(MAIN_DAG, ours)
    print(f"Triggered {MAIN_DAG}, run {ours}.", flush=True)
    told: set[tuple[str, str, int, str]] = set()
    said = time.monotonic()
    deadline = said + RUN_TIMEOUT
    while True:
        listed = api("GET", f"/dags/{MAIN_DAG}/dagRuns?order_by=-run_after&limit=20")["dag_runs"]
        recent = [run for run in listed if not run["end_date"] or _time(run["end_date"]) >= began]
        for run in recent:
            _tell(run["dag_run_id"], _tasks(api, run["dag_run_id"]), told)
        if any(run["dag_run_id"] == ours and run["state"] == "failed" for run in recent):
            raise StackError(_why(state, ours, _tasks(api, ours)))
        if all(run["end_date"] for run in recent):
            return [run["dag_run_id"] for run in recent]
        if time.monotonic() > deadline:
            raise StackError(f"The run {ours} did not end in {RUN_TIMEOUT / 60:.0f} minutes; see {api.url}")
        waits = ", ".join(f"{run['dag_run_id']} ({run['state']})" for run in recent if not run["end_date"])
        if time.monotonic() - said > SAY_AGAIN:
            _say(f"waiting for {waits}")
            said = time.monotonic()
        time.sleep(0.5)


def _tasks(api: AirflowApi, run: str) -> list[dict[str, Any]]:
    path = f"/dags/{MAIN_DAG}/dagRuns/{run}/taskInstances?limit=100&order_by=start_date"
    tasks: list[dict[str, Any]] = api("GET", path)["task_instances"]
    return tasks


def _tell(run: str, tasks: Sequence[dict[str, Any]], told: set[tuple[str, str, int, str]]) -> None:
    """Print what has happened since the last look."""
    for task in tasks:
        key = (run, task["task_id"], task["map_index"], task["state"])
        if key in told or task["state"] not in ("success", "failed", "up_for_retry", "upstream_failed"):
            continue
        told.add(key)
        took = f" in {task['duration']:.1f} s" if task["duration"] else ""
        print(f"  {task['task_id']}: {task['state']}{took}", flush=True)


def _why(state: State, run: str, tasks: Sequence[dict[str, Any]]) -> str:
    """Say which task failed and where its log is."""
    failed = next((task for task in tasks if task["state"] == "failed"), None)
    logs = state.airflow_home / "logs" / f"dag_id={MAIN_DAG}" / f"run_id={run}"
    if failed is None:
        return f"The run {run} failed. Logs: {logs}"
    mapped = f"/map_index={failed['map_index']}" if failed["map_index"] >= 0 else ""
    log = Path(f"{logs}/task_id={failed['task_id']}{mapped}/attempt={failed['try_number']}.log")
    if not log.exists():  # a worker that cannot open its log ends before the task begins
        folder = state.airflow_home / "logs"
        free = shutil.disk_usage(folder).free / 1e6
        return (
            f"The task {failed['task_id']} failed before it could write its log: {free:.0f} MB are free in "
            f"{folder}. More in {state.log('scheduler')}"
        )
    return f"The task {failed['task_id']} failed. Log: {log}"


# -- showing -------------------------------------------------------------------------------------------------


def _show(stack: Stack, engine: "Engine", api: AirflowApi, batch: int, runs: Sequence[str]) -> None:
    from sqlalchemy import text

    with engine.connect() as connection:
        trades = connection.execute(text(TRADES), {"batch": batch_name(batch)}).all()
        summary = connection.execute(text(SUMMARY), {"batch": batch_name(batch)}).all()
    print()
    print_table(
        [
            ("symbol", "direction", "timeframe", "status", "reason", "net USD"),
            *((*row[:4], _short(row.reason), _money(row.net_profit_loss)) for row in trades),
        ]
    )
    print()
    print_table(
        [
            ("status", "reason", "trades", "net USD"),
            *((row.status, _short(row.reason), str(row.trades), _money(row.net)) for row in summary),
        ]
    )
    for run in runs:
        steps = _steps(_tasks(api, run))
        if steps:  # a sweep that found nothing has none: its tasks were skipped
            print()
            print_table([(f"step of {run}", "tasks", "seconds"), *steps])
    print(f"\nAirflow: {stack.airflow_url}   user: {stack.user}   password: {stack.password}")
    print(
        f"Trades:  make psql, then: TABLE vw_complete_trades; this batch has ai_model = '{batch_name(batch)}'"
    )
    print(
        "Next:    make demo (a fresh batch), make demo CANDLES=path (on your candles), make status, make down"
    )


def _steps(tasks: Sequence[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Of each step that ran: its name, how many tasks, seconds from the first start to the last end."""
    spans: dict[str, list[tuple[datetime, datetime]]] = {}
    for task in tasks:
        if task["state"] == "success":
            spans.setdefault(task["task_id"], []).append((_time(task["start_date"]), _time(task["end_date"])))
    return [
        (name, str(len(span)), f"{(max(end for _, end in span) - min(span)[0]).total_seconds():.1f}")
        for name, span in spans.items()
    ]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _short(reason: str) -> str:
    return reason if len(reason) <= 60 else reason[:59] + "…"


def _money(value: Any) -> str:
    return "" if value is None else f"{value:.2f}"
