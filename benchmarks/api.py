"""The HTTP API beside what it cannot undercut: a bare FastAPI route with the same bytes, and a bare COPY.

`python -m benchmarks.api 100000` takes 100,000 trades instead of a million; a tenth of them is one user's.
On a PostgreSQL of its own in `.stack/bench-postgres`. The API runs in a process of its own, behind uvicorn,
with its guard: every request is let in by its key, and counted. Requests to the API and to the bare route
take turns.
"""

import http.client
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

from sqlalchemy import Engine, text

from include.database import connect, migrate
from include.trades.results import sql_with_results
from include.web.api_keys import make_key
from local import postgres
from local.ports import free_port

FOLDER = Path(__file__).parents[1] / ".stack" / "bench-postgres"
USER = UUID("00000000-0000-0000-0000-000000000001")
REQUESTS = 300  # of each kind
PATHS = {"trades": "/api/atge/trades?limit=25", "stats": "/api/atge/stats"}
GOAL_ROUTE, GOAL_EXPORT, GOAL_MEMORY = 3.0, 0.5, 300.0  # times, share of COPY, MiB

# Triggers sleep meanwhile: what they would write is written below.
ROWS = (
    "ALTER TABLE trade_signals DISABLE TRIGGER USER",
    "ALTER TABLE trade_results DISABLE TRIGGER USER",
    """
    INSERT INTO trade_signals (user_id, symbol, direction, timeframe, entry_price, stop_loss,
      take_profit_1, take_profit_2, take_profit_3, confidence_score, ai_reasoning, ai_model, status,
      generated_at, expires_at,
      completed_at)
    SELECT
      CASE n % 10 WHEN 0 THEN CAST(:user AS uuid)
        ELSE ('00000000-0000-0000-0001-' || lpad((n % 1000)::text, 12, '0'))::uuid END,
      'COIN' || n % 17, CASE n % 3 WHEN 0 THEN 'SHORT' ELSE 'LONG' END,
      (ARRAY['15m', '1h', '4h', '1d'])[1 + n % 4],
      100, 97, 101, 102, 103, 50 + n % 50, repeat('because ', 30), 'model ' || n % 7,
      CASE n % 3 WHEN 1 THEN 'completed_failure' ELSE 'completed_success' END,
      at, at + interval '4 hours', at + interval '4 hours 15 minutes'
    FROM generate_series(1, :trades) AS n
    CROSS JOIN LATERAL (SELECT now() - interval '1 day' - n * interval '1 minute' AS at) AS times
    """,
    """
    INSERT INTO trade_results (trade_signal_id, tp1_hit, tp1_hit_at, tp1_hit_price, entry_at,
      actual_entry_price, exit_at, actual_exit_price, exit_reason, gross_profit_loss, fees_paid,
      slippage_cost, net_profit_loss,
      profit_loss_percentage, data_source, data_resolution, data_quality_score, ai_analysis)
    SELECT id, true, expires_at, 101, generated_at, 100, expires_at, 101 + random(), 'targets', random() * 10,
      random(), random(), CASE status WHEN 'completed_success' THEN 1 ELSE -1 END * random() * 8, random(),
      'archive', '1m', 100, repeat('The trade went as it was meant to. ', 10)
    FROM trade_signals
    """,
    """
    INSERT INTO trade_technical_indicators (trade_signal_id, rsi_14, ema_20, ema_50, ema_200, atr_14,
      candle_count)
    SELECT id, 55.5, 100.1, 99.5, 98.25, 1.5, 500 FROM trade_signals WHERE user_id = :user
    """,
    """
    INSERT INTO trade_market_snapshot (trade_signal_id, current_price, volume_24h, galaxy_score, data_sources)
    SELECT id, 100, 1234567.89, 67.5, '{}' FROM trade_signals WHERE user_id = :user
    """,
    "INSERT INTO trade_counts (user_id, trades) SELECT user_id, count(*) FROM trade_signals GROUP BY user_id",
    "SELECT refresh_atge_performance(ARRAY[CAST(:user AS uuid)])",
    "ALTER TABLE trade_signals ENABLE TRIGGER USER",
    "ALTER TABLE trade_results ENABLE TRIGGER USER",
)


def main(trades: int = 1_000_000) -> None:
    """Print the tables; take the servers away afterwards."""
    server = postgres.start(FOLDER, durable=True)
    try:
        migrate(server.url())
        engine = connect(server.url(), application="bench", statement_timeout=timedelta(minutes=30))
        fill(engine, trades)
        measure(engine, server.url(), trades)
        engine.dispose()
    finally:
        postgres.stop(FOLDER)
        shutil.rmtree(FOLDER)


def fill(engine: Engine, trades: int) -> None:
    """Store settled trades; every tenth is USER's."""
    with engine.begin() as connection:
        for statement in ROWS:
            connection.execute(text(statement), {"trades": trades, "user": USER} if ":" in statement else {})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def measure(engine: Engine, url: str, trades: int) -> None:
    """Measure routes and export, and print both tables."""
    key = make_key(engine, user_id=USER, scopes=["read"], name="a user's", made_by="bench")
    all_users = make_key(engine, user_id=USER, scopes=["operate"], name="an export's", made_by="bench")
    with tempfile.TemporaryDirectory() as folder:
        with _serve(url, folder) as (port, pid):
            print(
                f"{trades:,} trades; milliseconds of {REQUESTS} requests, taking turns; goal {GOAL_ROUTE}\n"
            )
            print(f"{'route':<28}{'bytes':>9}{'best':>9}{'middle':>9}{'CPU':>9}{'ratio':>9}{'of CPU':>9}")
            for name, path in PATHS.items():
                _measure_route(engine, name, path, port, pid, key, Path(folder))
        with _serve(url, folder) as (port, pid):  # a new one: what it has kept counts as its memory
            _measure_exports(engine, port, pid, all_users, trades)


def _measure_exports(engine: Engine, port: int, pid: int, key: str, trades: int) -> None:
    print(f"\n{'export':<12}{'rows a second':>16}{'of COPY':>10}{'peak, MiB':>12}   goal", GOAL_EXPORT)
    bare = _bare_copy(engine)
    print(f"{'bare COPY':<12}{trades / bare:>16,.0f}{1:>10.2f}")
    for file_format in ("csv", "json", "parquet"):
        seconds = _export(port, key, file_format)
        peak = _peak(pid)
        print(
            f"{file_format:<12}{trades / seconds:>16,.0f}{bare / seconds:>10.2f}{peak:>12,.0f}",
            flush=True,
        )
        if peak > GOAL_MEMORY:
            raise AssertionError(f"the server took {peak:.0f} MiB for {file_format}")


def _measure_route(engine: Engine, name: str, path: str, port: int, pid: int, key: str, folder: Path) -> None:
    """One route as nothing has changed, as a trade of its user has just changed, and as nobody asked before.

    The last is a page of trades behind the one before, of trades that this process has never shown.
    """
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {key}"}
    body = _get(client, path, headers)
    (folder / name).write_bytes(body)
    kinds = (
        "bare",
        "nothing has changed",
        "a trade has changed",
        "never asked before",
        "bare, parameters",
    )
    times: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    next_page = json.loads(body).get("nextCursor")
    bare = {"bare": f"/bare/{name}", "bare, parameters": f"/bare/{name}/parameters?limit=25"}
    for _ in range(REQUESTS):
        for kind in (*kinds[:3], kinds[4]):
            if kind == "a trade has changed":
                _note_change(engine)
            began, used = time.perf_counter(), _cpu(engine, pid)
            got = _get(client, bare.get(kind, path), headers)
            times[kind].append((time.perf_counter() - began, _cpu(engine, pid) - used))
            if got != body:
                raise AssertionError(f"{name}, {kind}: other bytes")
        if next_page:
            began, used = time.perf_counter(), _cpu(engine, pid)
            got = _get(client, f"{path}&cursor={next_page}", headers)
            taken = time.perf_counter() - began, _cpu(engine, pid) - used
            if next_page := json.loads(got)["nextCursor"]:  # the last page is short
                times[kinds[3]].append(taken)
    bare_wall, bare_cpu = zip(*times["bare"], strict=True)
    for kind in kinds:
        if times[kind]:
            wall, cpu = zip(*times[kind], strict=True)
            figures = [1000 * min(wall), 1000 * statistics.median(wall), 1000 * min(cpu)]
            ratios = [min(wall) / min(bare_wall), min(cpu) / min(bare_cpu)]
            shown = "".join(f"{figure:>9.2f}" for figure in figures) + "".join(
                f"{one:>9.1f}" for one in ratios
            )
            print(f"{name + ', ' + kind:<28}{len(body):>9,}{shown}", flush=True)


def _cpu(engine: Engine, pid: int) -> float:
    """CPU seconds so far of the API's process and of its sessions at the database."""
    if not _sessions:
        with engine.connect() as connection:
            found = connection.execute(
                text("SELECT pid FROM pg_stat_activity WHERE application_name = 'bench api'")
            )
            _sessions.extend(found.scalars())
    tasks = [*Path(f"/proc/{pid}/task").iterdir(), *(Path(f"/proc/{one}") for one in _sessions)]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


_sessions: list[int] = []


def _note_change(engine: Engine) -> None:
    """Say that a trade of USER has changed, as the triggers do, and put away the note before."""
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM trade_versions WHERE user_id = :user"), {"user": USER})
        connection.execute(text("INSERT INTO trade_versions (user_id) VALUES (:user)"), {"user": USER})


def _get(client: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> bytes:
    client.request("GET", path, headers=headers)
    answer = client.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise AssertionError(f"{path} answered {answer.status}: {body[:500]!r}")
    return body


def _bare_copy(engine: Engine) -> float:
    """Seconds that the same columns take in the same order, when nobody keeps them."""
    names = ("first", "after", "symbols", "users", "trade_ids", "statuses", "timeframes")
    with engine.connect() as connection:
        query = sql_with_results(connection, "trades/export_trades").bindparams(**dict.fromkeys(names))
        compiled = query.compile(dialect=engine.dialect)
        statement = f"COPY ({compiled} ORDER BY generated_at, id) TO STDOUT (FORMAT csv)"
        began = time.perf_counter()
        driver = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(statement, compiled.params) as copy:
            for _ in copy:
                pass
        return time.perf_counter() - began


def _export(port: int, key: str, file_format: str) -> float:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=3600)
    began = time.perf_counter()
    client.request(
        "GET", f"/api/atge/export?format={file_format}", headers={"Authorization": f"Bearer {key}"}
    )
    answer = client.getresponse()
    while answer.read(1 << 20):
        pass
    if answer.status != 200:
        raise AssertionError(f"the export answered {answer.status}")
    return time.perf_counter() - began


def _peak(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


@contextmanager
def _serve(url: str, folder: str) -> Iterator[tuple[int, int]]:
    """The API in a process of its own; its port and its id."""
    port = free_port()
    program = [sys.executable, "-m", "benchmarks.api", "serve", url, str(port), folder]
    with subprocess.Popen(program) as process:
        try:
            for _ in range(1200):
                try:
                    _get(http.client.HTTPConnection("127.0.0.1", port), "/up", {})
                    break
                except OSError:
                    time.sleep(0.1)
            yield port, process.pid
        finally:
            process.terminate()


def serve(url: str, port: str, folder: str) -> None:
    """What that process does: the API, and beside it bare routes that give the bytes of a file.

    The bare route is a plain `def` with one parameter of the path, so that FastAPI runs it in a thread; it
    holds the bytes in memory, asks no database, and knows no caller, limit or ETag. The other one declares
    the parameters of `/trades` besides.
    """
    import uvicorn
    from fastapi import FastAPI, Query
    from fastapi.responses import Response

    from include.settings import Settings
    from include.web import WebHost, build_api
    from include.web.api.trades import TradesQuery

    engine = connect(url, application="bench api", pool_size=10)
    settings = Settings.model_construct(api_requests_per_minute=1_000_000, api_export_rows=10_000_000)

    async def nobody(_: object) -> None:
        return None

    host = WebHost(
        engine=lambda: engine,
        settings=lambda: settings,
        person=nobody,
        cron_secret=lambda: None,
        runs=None,  # type: ignore[arg-type]  # nothing here starts any
    )
    app = FastAPI()
    app.mount("/api/atge", build_api(host))
    kept: dict[str, bytes] = {}

    @app.get("/up")
    def up() -> str:
        return "up"

    @app.get("/bare/{name}")
    def bare(name: str) -> Response:
        if name not in kept:
            kept[name] = (Path(folder) / name).read_bytes()
        return Response(kept[name], media_type="application/json")

    @app.get("/bare/{name}/parameters")
    def bare_with_parameters(name: str, _: Annotated[TradesQuery, Query()]) -> Response:
        return bare(name)

    uvicorn.run(app, port=int(port), log_level="error")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    else:
        main(*map(int, sys.argv[1:]))
