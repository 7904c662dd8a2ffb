"""`/metrics` itself: what it says, in which process, while the database is away, and to a real Prometheus."""

import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from include.database import DatabaseError, connect
from include.telemetry.exporters import EndedRuns, MetricsUnavailableError, read_metrics, write_metrics
from include.telemetry.exporters.families import METRICS
from include.web.metrics import KNOWN
from tests.support.prometheus import PROMETHEUS, PROMTOOL, scraping, unanswered
from tests.support.rows import NOW, insert, insert_settled, insert_signal

SECRET = "a-secret-of-the-scraper"
CONTRACT = Path(__file__).parents[3] / "shared" / "contract" / "metrics.md"
SERVER = """
import sys
from contextlib import contextmanager
from datetime import timedelta
import uvicorn
from include.database import DatabaseError, connect
from include.telemetry.exporters import EndedRuns
from include.web.root import build_root

@contextmanager
def open_database():
    engine = connect(sys.argv[1], application="metrics")
    try:
        yield engine
    finally:
        engine.dispose()

async def find_person(request):
    return None

def find_runs(since):
    return EndedRuns(["settle_trades"], [])

app = build_root(
    open_database=open_database, look_at_parts=dict, find_last_runs=dict, read_settings=lambda: "{}",
    has_connection=lambda name: False, find_runs=find_runs, find_person=find_person,
    find_secret=lambda: sys.argv[2],
)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[3]), log_level="warning")
"""


def no_runs(since):
    return EndedRuns([], [])


def exposition(engine, *, fresh=0.0, find_runs=no_runs):
    body, _ = write_metrics(read_metrics(engine, find_runs, fresh=fresh), "", KNOWN)
    return body.decode()


def samples(text_):
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text_)
        for sample in family.samples
    }


def fill(database):
    """Rows as a demo leaves them: something of everything that the platform does by itself."""
    with database.begin() as connection:
        connection.execute(text("INSERT INTO http_services (service) VALUES ('bingx')"))
        connection.execute(text("INSERT INTO http_limits VALUES ('bingx', '{500}', '{10}')"))
        insert_settled(connection, "completed_success", 1.0)
        insert_settled(connection, "completed_failure", -1.0)
        insert_signal(connection, expires_at=NOW)
        connection.execute(
            text("UPDATE trade_signals SET status = 'expired', completed_at = now() WHERE status = 'active'")
        )
        metric = {"value": 20, "unit": "ms"}
        asked = json.dumps({"outcome": "ok", "path": "/openApi/swap/v2/server/time", "status": 200})
        insert(
            connection,
            "atge_performance_metrics",
            metric_type="api_response",
            metric_name="http.bingx",
            metadata=asked,
            **metric,
        )
        for kind, name in (("database_query", "a query"), ("backtest_time", "settle_batch")):
            insert(connection, "atge_performance_metrics", metric_type=kind, metric_name=name, **metric)
        insert(
            connection,
            "atge_user_feedback",
            user_id=None,
            feedback_type="performance",
            rating=5,
        )
        connection.execute(
            text(
                "INSERT INTO probe_results (service, kind, status, reason, checked_at, check_every, "
                "run_url) VALUES ('bingx', 'platform', 'healthy', 'fine', now(), '1 minute', '')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO llm_calls (purpose, model_asked, outcome, cost_usd, lapses_at) "
                "VALUES ('signal', 'm', 'answered', 0.1, now())"
            )
        )
        connection.execute(
            text(
                "INSERT INTO metric_changes (metric, labels, value, latest) VALUES "
                "('tradeops_newest_candle_timestamp_seconds', '{\"source\": \"sandbox\"}', 1e9, true)"
            )
        )
        connection.execute(
            text(
                "INSERT INTO backups (id, kind, status, location, started_at, finished_at, bytes, manifest) "
                "VALUES ('b', 'database', 'complete', '/b', now(), now(), 10, '{}')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO restore_drills (backup_id, started_at, restore_seconds, total_seconds, success, "
                "findings) VALUES ('b', now(), 3, 4, true, '[]')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO portfolio_syncs (source, portfolio_id, outcome, taken_at, currency, value,"
                " positions, took) VALUES ('ibkr', 'ibkr:DU1', 'complete', now(), 'USD', 1, 1, '1 s')"
            )
        )
        for statement in (
            "INSERT INTO risk_assessments (day, outcome, took) VALUES (current_date, 'complete', '1 s')",
            "INSERT INTO token_prices (source, taken_at, price) VALUES ('jupiter', now(), 0.01)",
            "INSERT INTO token_requirements (valid_from, requirement, reason) VALUES (now(), 10, 'first')",
            "INSERT INTO access_checks (checked_at, run_id, claim, claimed_until, finished_at)"
            " VALUES (now(), 'r', gen_random_uuid(), now(), now())",
            "INSERT INTO access_counts VALUES (now(), 1, 1, 0, 0)",
        ):
            connection.execute(text(statement))
        connection.execute(
            text(
                "INSERT INTO access_grants (user_id, state, since, grace_ends_at, reason)"
                " VALUES (gen_random_uuid(), 'grace', now(), now() + interval '2 days', 'a raise')"
            )
        )


def ended(since=None):
    run = {"dag_id": "settle_trades", "run_id": "a", "ended_at": NOW.isoformat(), "state": "success"}
    return EndedRuns(["settle_trades"], [run])


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: apt-get install prometheus)")
@pytest.mark.parametrize("full", [False, True], ids=["empty", "full"])
def test_promtool_finds_nothing_to_say(database, full):
    if full:
        fill(database)
    said = exposition(database, find_runs=ended)
    done = subprocess.run(["promtool", "check", "metrics"], input=said, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.skipif(not CONTRACT.exists(), reason=f"the contract is not here: {CONTRACT}")
def test_every_name_of_the_contract_is_there():
    words = CONTRACT.read_text().split("Rules: `")[0]
    names = {re.sub(r"\{.*", "", name) for name in re.findall(r"`([a-z_]+(?:\{[a-z_,]+\})?)`", words)}
    own = {name for name in names if not re.match(r"(orders|order|signals|signal|bingx|exchange|db)_", name)}
    own |= {"signals_generated_total"}
    wanted = {f"tradeops_{name}" for name in own - {"tradeops_"}} | (names - own)
    assert len(wanted) > 45
    assert wanted - {metric.name for metric in METRICS} == set()


def test_the_page_has_a_row_for_every_metric():
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \| (.*) \|$", page, re.MULTILINE)
    assert rows == [
        (metric.name, metric.kind, ", ".join(f"`{label}`" for label in metric.labels), metric.words)
        for metric in METRICS
    ]


def test_counters_are_0_before_anything_happens_and_unknown_gauges_are_absent(database):
    found = samples(exposition(database))
    for name, labels in (
        ("tradeops_trades_total", {"status": "expired"}),
        ("tradeops_errors_total", {"severity": "critical", "type": "api"}),
        ("tradeops_candles_written_total", {"source": "kraken"}),
        ("tradeops_notices_total", {"channel": "slack", "outcome": "failed"}),
        ("tradeops_sweep_latency_seconds_count", {}),
        ("tradeops_feedback_rating_bucket", {"le": "3.0"}),
        ("orders_total", {}),
        ("orders_by_status", {"status": "unknown"}),
        ("bingx_order_execution_seconds_count", {}),
        ("db_connection_errors_total", {}),
    ):
        assert found[name, tuple(sorted(labels.items()))] == 0, name
    names = {name for name, _ in found}
    for unknown in (
        "exchange_balance_usdt",
        "signal_last_received_timestamp_seconds",
        "tradeops_backup_last_success_timestamp_seconds",
        "tradeops_probe_status",
        "tradeops_sweep_last_success_timestamp_seconds",
    ):
        assert unknown not in names


def test_histograms_add_up(database):
    with database.begin() as connection:
        for rating in (1, 3, 3, 5):
            insert(connection, "atge_user_feedback", user_id=None, feedback_type="performance", rating=rating)
    found = samples(exposition(database))
    buckets = [
        found["tradeops_feedback_rating_bucket", (("le", le),)] for le in ("1.0", "2.0", "3.0", "4.0", "+Inf")
    ]
    assert buckets == [1, 1, 3, 3, 4]
    assert found["tradeops_feedback_rating_sum", ()] == 12
    assert found["tradeops_feedback_rating_count", ()] == 4


def test_a_run_counts_once_however_often_it_is_seen_and_again_when_it_ends_again(database):
    asked = []

    def find(since):
        asked.append(since)
        return ended()

    key = ("tradeops_dag_runs_total", (("dag", "settle_trades"), ("state", "success")))
    for _ in range(3):
        assert samples(exposition(database, find_runs=find))[key] == 1
    assert asked[0] is None and asked[1] is not None
    run = {**ended().ended[0], "ended_at": (NOW.replace(microsecond=0)).isoformat()}
    again = samples(exposition(database, find_runs=lambda since: EndedRuns(["settle_trades"], [run])))
    assert again[key] == 2
    assert again["tradeops_sweep_last_success_timestamp_seconds", ()] == pytest.approx(NOW.timestamp())


def test_those_who_ask_within_seconds_share_a_reading(database):
    first = read_metrics(database, no_runs)
    with database.begin() as connection:
        insert_signal(connection)
    shared = read_metrics(database, no_runs)
    assert [*shared.samples] == [(n, {**labels}, le, value) for n, labels, le, value in first.samples]
    assert shared.age > 0
    assert read_metrics(database, no_runs, fresh=0.0).age == 0.0


def test_a_scrape_that_takes_too_long_is_no_empty_page(database):
    with database.begin() as holding:
        holding.execute(text("LOCK TABLE metric_totals IN ACCESS EXCLUSIVE MODE"))
        begun = time.monotonic()
        with pytest.raises(MetricsUnavailableError, match="timeout"):
            read_metrics(database, no_runs, fresh=0.0, time_limit=0.3)
        assert time.monotonic() - begun < 5  # not until the lock is released


def test_two_processes_and_a_real_prometheus(database, database_url, tmp_path):
    """A server and this process say the same; Prometheus has data for all that is shipped."""
    fill(database)
    read_metrics(database, ended, fresh=0.0)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", SERVER, database_url, SECRET, str(port)]
    server = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    url = f"http://127.0.0.1:{port}/metrics"
    try:
        _wait_until_up(url)
        assert httpx.get(url).status_code == 401
        change = "INSERT INTO atge_error_logs (error_type, error_message) VALUES ('api', 'no')"
        for _ in range(2):
            with database.begin() as connection:
                connection.execute(text(change))
                connection.execute(text("DELETE FROM metric_readings"))
            answer = httpx.get(url, headers={"Authorization": f"Bearer {SECRET}"})
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/plain; version=")
            theirs, ours = samples(answer.text), samples(exposition(database, fresh=60))
            for found in (theirs, ours):
                found.pop(("tradeops_scrape_age_seconds", ()))
            assert theirs == ours
        if PROMETHEUS is None:
            pytest.skip("Prometheus is not installed (Debian: apt-get install prometheus)")
        with scraping(tmp_path, f"127.0.0.1:{port}", SECRET) as prometheus:
            prometheus.wait_for("count_over_time(up{job='tradeops'}[1m]) >= 4")
            assert unanswered(prometheus) == []
            prometheus.wait_for("ALERTS{alertname='Watchdog', alertstate='firing'}")
            assert not prometheus.ask("ALERTS{alertname!='Watchdog', alertstate='firing'}")
    finally:
        server.terminate()
        server.wait()


def test_a_database_that_is_away_is_said():
    engine = connect("postgresql://nobody@127.0.0.1:9/nothing", application="tests")
    with pytest.raises(DatabaseError, match="reached"):
        read_metrics(engine, no_runs)


def _wait_until_up(url):
    end = time.monotonic() + 60
    while True:
        try:
            httpx.get(url)
            return
        except httpx.TransportError:
            assert time.monotonic() < end
            time.sleep(0.1)
