"""Alert rules: 1,000 over ten million measurements in one pass, beside a pass for each rule; and the price.

On a PostgreSQL of its own in `.stack/bench-postgres`, with fsync on, as in production. The rows are those of
the 30 days that are kept. The promise is a pass in under ten seconds.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Engine, text

from include.alerts.evaluate import evaluate_rules
from include.database import connect, migrate
from local import postgres

FOLDER = Path(__file__).parents[1] / ".stack" / "bench-postgres"
ROWS = 10_000_000
SERIES = 1000
RULES = 1000
PROMISED = 10.0  # seconds
ALONE = 100  # rules that are evaluated one by one
INGESTED = 200_000
TYPES = ("api_response", "database_query", "generation_time", "backtest_time", "analysis_time")
COMMON = {"summary": "a rule", "owner": "ops", "runbook": "docs/alert-rules.md"}


def main() -> None:
    """Print the tables; take the server away afterwards."""
    server = postgres.start(FOLDER, durable=True)
    try:
        migrate(server.url())
        engine = connect(server.url(), application="bench", statement_timeout=timedelta(minutes=20))
        _fill(engine)
        with tempfile.TemporaryDirectory() as folder:
            _evaluate(engine, Path(folder))
        _ingest(engine)
        engine.dispose()
    finally:
        postgres.stop(FOLDER)
        shutil.rmtree(FOLDER)


def _fill(engine: Engine) -> None:
    """Insert the rows in order of time; the indexes are built afterwards, for it is quicker."""
    with engine.begin() as connection:
        found = connection.execute(
            text(
                "SELECT indexname, indexdef FROM pg_indexes "
                "WHERE tablename = 'atge_performance_metrics' AND indexname NOT LIKE '%_pkey'"
            )
        ).all()
        for index in found:
            connection.execute(text(f"DROP INDEX {index.indexname}"))
        connection.execute(
            text("ALTER TABLE atge_performance_metrics DROP CONSTRAINT atge_performance_metrics_pkey")
        )
        connection.execute(
            text(
                "INSERT INTO atge_performance_metrics "
                "(timestamp, metric_type, metric_name, value, unit, user_id) "
                "SELECT now() - interval '30 days' * (1 - n / :rows), (CAST(:types AS text[]))[1 + n % 5], "
                "'series_' || n % :series, round(CAST(100 + 50 * random() AS numeric), 2), 'ms', "
                "CAST(lpad(to_hex(n % 5000), 32, '0') AS uuid) FROM generate_series(1, :count) AS n"
            ),
            {"rows": float(ROWS), "count": ROWS, "series": SERIES, "types": list(TYPES)},
        )
        for index in found:
            connection.execute(text(index.indexdef))
        connection.execute(text("ALTER TABLE atge_performance_metrics ADD PRIMARY KEY (id)"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE atge_performance_metrics"))


def _rule(number: int, window: str | None = None) -> dict[str, Any]:
    match = {"metric_type": TYPES[number % 5], "metric_name": f"series_{number % SERIES}"}
    of = {"source": "durations", "match": match}
    rule = COMMON | {
        "name": f"rule_{number}",
        "of": of,
        "window": window or ("5m", "15m", "1h", "1d")[number % 4],
    }
    if window or number % 10 < 6:
        of["aggregate"] = ("avg", "max", "p95")[number % 3] if not window else "avg"
        return rule | {"kind": "threshold", "above": {"warning": 140}}
    if number % 10 == 6:
        return rule | {"kind": "rate", "of": of | {"aggregate": "count"}, "above": {"warning": 1000}}
    if number % 10 == 7:
        return rule | {"kind": "ratio", "of": of | {"aggregate": "sum"}, "to": of, "above": {"warning": 1e9}}
    if number % 10 == 8:
        return rule | {"kind": "absence", "severity": "warning"}
    return rule | {"kind": "anomaly", "severity": "info", "window": "30m", "baseline": "1d"}


def _write(folder: Path, rules: list[dict[str, Any]]) -> Path:
    own = [
        COMMON | {"name": "dog", "kind": "watchdog", "every": "1h"},
        COMMON | {"name": "refused", "kind": "rules_refused", "severity": "info"},
        COMMON | {"name": "blind", "kind": "source_failed", "severity": "info"},
    ]
    path = folder / "rules.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "owners": {"ops": "operators"},
                "escalations": {"plain": [{"after": "0s"}]},
                "routes": dict.fromkeys(("critical", "warning", "info"), "plain"),
                "rules": [*rules, *own],
            }
        )
    )
    return path


def _evaluate(engine: Engine, folder: Path) -> None:
    def run(rules: list[dict[str, Any]]) -> float:
        path = _write(folder, rules)
        seconds = []
        for _ in range(3):  # the first one adopts the rules and makes the states
            with engine.begin() as connection:
                connection.execute(text("TRUNCATE alert_evaluations"))
            seconds.append(_seconds(lambda: _check(evaluate_rules(engine, path))))
        return max(seconds)

    print(f"{RULES:,} rules over {ROWS:,} measurements of 30 days, the slowest of 3 passes")
    print(f"{'':<58}{'seconds':>9}{'of the promise':>16}")
    mixed = [_rule(number) for number in range(RULES)]
    together = run(mixed)
    _line("all kinds, windows from 5 minutes to a day", together)
    _line(
        "averages over 30 days: every window holds its whole series",
        run([_rule(n, "30d") for n in range(RULES)]),
    )
    by = {"of": {"source": "durations", "match": {"metric_type": TYPES[0]}}, "by": ["metric_name"]}
    grouped = [
        _rule(0, "1d") | by | {"name": f"rule_{n}", "above": {"warning": 100 + n}} for n in range(RULES)
    ]
    _line("one reading shared: a day by name, 200 names each", run(grouped[: RULES // 5]))
    alone = sum(run([rule]) for rule in mixed[:ALONE]) / ALONE * RULES
    what = f"one pass a rule instead, extrapolated from {ALONE}"
    print(f"{what:<58}{alone:>9.1f}{'':>8}{alone / together:>7.0f} x")


def _check(done: Any) -> None:
    assert done.skipped is None and not done.failed, done


def _line(what: str, seconds: float) -> None:
    print(f"{what:<58}{seconds:>9.2f}{seconds / PROMISED:>16.2f}")


def _ingest(engine: Engine) -> None:
    """What the index for the rules costs those who write measurements."""

    def insert() -> None:
        with engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO atge_performance_metrics (metric_type, metric_name, value, user_id) "
                    "SELECT 'api_response', 'series_' || n % 1000, n, gen_random_uuid() "
                    "FROM generate_series(1, :count) AS n"
                ),
                {"count": INGESTED},
            )

    insert()  # warm
    with_index = _seconds(insert)
    with engine.begin() as connection:
        connection.execute(text("DROP INDEX atge_performance_metrics_by_series"))
    insert()
    without = _seconds(insert)
    print(f"\nwriting {INGESTED:,} measurements into the full table: rows a second")
    print(f"{'without the index for the rules':<40}{INGESTED / without:>12,.0f}")
    print(f"{'with it':<40}{INGESTED / with_index:>12,.0f}{without / with_index:>8.2f} of that")


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
