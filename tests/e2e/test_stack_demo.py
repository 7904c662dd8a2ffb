"""`make demo`, as a person at the terminal has it: sample trades through the real scheduler."""

import re
from datetime import UTC, datetime

import httpx
import numpy as np
import pandas as pd
import pytest

from tests.support.prometheus import PROMETHEUS, scraping, unanswered

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def demo(stack, *arguments):
    return stack.local("demo", *arguments, seconds=1700)


def count_by_status(stack, batch):
    counted = "SELECT status, count(*) FROM trade_signals WHERE ai_model = %s GROUP BY 1"
    return dict(stack.execute(counted, batch))


def newest_batch(stack):
    ((number,),) = stack.execute(
        "SELECT coalesce(max(substring(ai_model FROM '[0-9]+$')::int), 0) FROM trade_signals "
        "WHERE ai_model LIKE 'sample-batch-%'"
    )
    return number


def write_candles(folder):
    """Four days of invented minutes, as a CSV with a header."""
    random = np.random.default_rng(7)
    rows = 4 * 1440
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.0008, rows)))
    opened = np.concatenate([[50.0], close[:-1]])
    pd.DataFrame(
        {
            "timestamp": pd.date_range(datetime(2026, 3, 2, tzinfo=UTC), periods=rows, freq="min"),
            "open": opened,
            "high": np.maximum(opened, close) * 1.0005,
            "low": np.minimum(opened, close) * 0.9995,
            "close": close,
            "volume": 3.0,
        }
    ).to_csv(folder / "LTCUSDT-1m.csv", index=False)
    return folder / "LTCUSDT-1m.csv"


@pytest.fixture(autouse=True, scope="module")
def as_a_person_has_it(on_schedule):
    """What is shipped for Prometheus watches all DAGs."""


@pytest.fixture(autouse=True, scope="module")
def nobody_has_chosen_sources(stack):
    """A demo leaves those alone that another test has chosen."""
    stack.configure(candle_sources=["sandbox"])


def test_a_batch_on_the_sandbox_market_is_settled_and_shown(stack):
    before = newest_batch(stack)
    done = demo(stack)
    assert done.returncode == 0, done.stdout + done.stderr
    batch = f"sample-batch-{before + 1}"
    counts = count_by_status(stack, batch)
    assert sum(counts.values()) == 60
    # Only a symbol that nobody knows may still wait for better data.
    assert counts.get("active", 0) <= 3
    assert counts["completed_success"] and counts["completed_failure"] and counts["expired"]
    assert stack.password in done.stdout and stack.airflow_url in done.stdout
    table = done.stdout.split("net USD\n", 1)[1].split("\n\n", 1)[0].splitlines()
    assert len(table) == 60
    assert stack.settings()["candle_sources"] == ["sandbox"]


@pytest.mark.skipif(PROMETHEUS is None, reason="not installed (Debian: apt-get install prometheus)")
def test_prometheus_has_data_for_all_that_is_shipped_once_a_demo_has_run(stack, tmp_path):
    if not newest_batch(stack):
        assert demo(stack).returncode == 0
    (secret,) = re.findall(r"^SCRAPE_SECRET=(\S+)$", stack.local("env").stdout, re.MULTILINE)
    secret = secret.strip("'")
    assert httpx.get(f"{stack.airflow_url}/metrics").status_code == 401
    with scraping(tmp_path, stack.airflow_url.removeprefix("http://"), secret) as prometheus:
        prometheus.wait_for("count_over_time(up{job='tradeops'}[1m]) >= 4", 60)
        assert unanswered(prometheus) == []
        settled = prometheus.ask("sum(tradeops_trades_total{status=~'completed_.*'})")
        assert float(settled[0]["value"][1]) > 0
        runs = prometheus.ask("tradeops_dag_runs_total{dag='settle_trades', state='success'}")
        assert float(runs[0]["value"][1]) > 0
        assert prometheus.ask("tradeops_sweep_last_success_timestamp_seconds")


def test_a_batch_on_candles_of_ones_own_and_then_on_the_sandbox_again(stack, tmp_path):
    file = write_candles(tmp_path)
    before = newest_batch(stack)
    done = demo(stack, "--candles", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    batch = f"sample-batch-{before + 1}"
    counts = count_by_status(stack, batch)
    assert sum(counts.values()) == 60 and counts["completed_success"] and counts["completed_failure"]
    sources = stack.execute(
        "SELECT DISTINCT data_source FROM vw_complete_trades "
        "WHERE ai_model = %s AND status LIKE 'completed_%%'",
        batch,
    )
    assert sources == [("archive",)]
    assert stack.settings() == {"candle_sources": ["archive"], "archive_path": str(file)}
    assert demo(stack).returncode == 0
    assert stack.settings() == {"candle_sources": ["sandbox"]}


def test_candles_that_cannot_be_used_are_one_line_and_insert_nothing(stack, tmp_path):
    before = newest_batch(stack)
    (tmp_path / "notes.csv").write_text("hello\n")
    for path in (tmp_path / "nowhere", tmp_path / "notes.csv"):
        done = demo(stack, "--candles", str(path))
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert str(path) in done.stderr and "nothing was inserted" in done.stderr
    assert newest_batch(stack) == before
