"""The sweep under the real scheduler, with workers, services and the database taken away in the middle."""

import json
import signal
import time
from datetime import UTC, datetime, timedelta

import httpx
import psutil
import pytest

from local import postgres
from tests.support.running_stack import DagRun, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1800)]

LEASE = 15  # seconds


@pytest.fixture(autouse=True)
def quiet(stack):
    """Each test begins with nothing due, a healthy sandbox and short leases.

    The schedule goes on: a scheduled sweep may take a test's trades before the one that the test triggers, so
    tests ask who holds the trades.
    """
    stack.pause("settle_trades", False)
    httpx.delete(f"{stack.sandbox_url}/_faults")
    stack.empty()
    httpx.delete(f"{stack.sandbox_url}/_recorded")
    stack.configure(candle_sources=["sandbox"], lease=LEASE, batch_size=20)


def insert(stack, symbol, count):
    """Expired trades around the sandbox's price of three hours ago."""
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=3)
    answer = httpx.get(
        f"{stack.sandbox_url}/market/candles",
        params={
            "symbol": symbol,
            "start": start.isoformat(),
            "end": (start + timedelta(minutes=1)).isoformat(),
        },
    )
    price = float(answer.raise_for_status().json()["candles"][0][1])
    stack.execute("""
        INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss,
          take_profit_1, take_profit_2, take_profit_3, generated_at, expires_at)
        SELECT gen_random_uuid(), %s, '1h', p, p * 0.98, p * 1.002, p * 1.004, p * 1.006,
          CAST(%s AS timestamptz) + n * interval '1 minute', CAST(%s AS timestamptz) + interval '2 hours'
        FROM generate_series(1, %s) AS n, (SELECT CAST(%s AS numeric) AS p) AS price
        """,
        symbol, start, start, count, price,
    )  # fmt: skip


def holder(stack, symbol):
    """The run that claimed the trades of a symbol, its own or the schedule's, and the batch they are in."""

    def claimed():
        return stack.execute(
            "SELECT DISTINCT claim_id, batch FROM settlement_claims "
            "JOIN trade_signals ON id = trade_signal_id WHERE symbol = %s",
            symbol,
        )

    ((run_id, batch),) = wait_for(claimed, f"a claim on {symbol}")
    return DagRun(stack, "settle_trades", run_id), batch


def sweep_up(stack):
    """Trigger a sweep and wait until every sweep has ended."""
    stack.trigger("settle_trades")
    stack.wait_for_sweeps()


def workers_of(run, task_id, map_index):
    """The process that runs a task, and the executor's worker that supervises it.

    Both carry the task instance's id in their titles, cut off where the scheduler's command line ended; the
    worker's parent is the scheduler itself, which must live.
    """
    for task in run.instances():
        if (task["task_id"], task["map_index"]) == (task_id, map_index):
            for process in psutil.process_iter(["cmdline"]):
                title = " ".join(process.info["cmdline"] or [])
                if title.startswith("airflow worker -- ") and "Executor" not in title and task["id"] in title:
                    return [process.parent(), process]
    return []


def hang(stack, symbol):
    """The market does not answer questions about a symbol until the faults are cleared."""
    fault = {"service": "market", "kind": "hang", "match": {"symbol": symbol}}
    httpx.post(f"{stack.sandbox_url}/_faults", json=fault).raise_for_status()


def release(stack):
    """Let leases lapse and waiting trades be due at once, as the clock would."""
    stack.execute(
        "UPDATE settlement_claims SET lease_expires_at = now() - interval '1 second', next_attempt_at = NULL",
    )


def assert_all_settled_once(stack, count):
    """Each trade has one result, no claim is left, and the statistics agree with the trades."""
    counted = "SELECT count(*) FROM "
    ((trades, results, active, claims),) = stack.execute(
        f"SELECT ({counted} trade_signals), (SELECT count(DISTINCT trade_signal_id) FROM trade_results), "
        f"({counted} trade_signals WHERE status = 'active'), ({counted} settlement_claims)",
    )
    assert (trades, results, active, claims) == (count, count, 0, 0)


def test_sweeps_that_overlap_settle_each_trade_once_and_explain_it(stack):
    insert(stack, "BTC", 45)
    insert(stack, "ETH", 30)
    stack.trigger("settle_trades")
    sweep_up(stack)
    assert_all_settled_once(stack, 75)
    ((missing, cached),) = stack.execute(
        """
        SELECT count(*) FILTER (WHERE status LIKE 'completed%' AND ai_analysis IS NULL),
          (SELECT sum(total_trades) FROM atge_performance_cache c JOIN trade_signals s USING (user_id))
        FROM vw_complete_trades
        """,
    )
    assert missing == 0
    ((completed,),) = stack.execute("SELECT count(*) FROM trade_signals WHERE status LIKE 'completed%'")
    assert cached == completed > 0
    assert stack.run("settle_trades").tasks()["claim"] == "skipped"


def test_a_worker_killed_in_the_middle_of_a_sweep_costs_no_trade_and_doubles_none(stack):
    insert(stack, "BTC", 20)
    insert(stack, "ETH", 20)
    hang(stack, "ETH")
    stack.trigger("settle_trades")

    def under_way():
        run, batch = holder(stack, "ETH")
        return workers_of(run, "settle_batch.collect_candles", batch)

    # One batch is held in the middle by a market that does not answer, the other goes on.
    for process in wait_for(under_way, "a worker in the middle of the sweep"):
        process.send_signal(signal.SIGKILL)
    httpx.delete(f"{stack.sandbox_url}/_faults")
    time.sleep(LEASE + 1)  # the dead worker's lease lapses
    sweep_up(stack)  # the dead worker's sweep too: Airflow notices after a minute, and tries its task again
    release(stack)  # trades of which another sweep met the market while it did not answer
    sweep_up(stack)
    assert_all_settled_once(stack, 40)


def test_a_failing_sweep_tells_slack_once_and_loses_nothing(stack):
    # First the source, then the trades: whichever sweep claims them, the schedule's or this one, fails.
    stack.configure(candle_sources=["coinmarketcap"])  # nobody has stored its key
    insert(stack, "BTC", 3)
    stack.trigger("settle_trades")
    run, _ = holder(stack, "BTC")
    run.finish("failed")

    def messages():
        received = httpx.get(f"{stack.sandbox_url}/_recorded/slack").json()["messages"]
        return [text for message in received if run.id in (text := json.dumps(message))]

    wait_for(messages, "the message")
    wait_for(lambda: len(stack.execute("SELECT 1 FROM atge_error_logs")) >= 2, "the rows of task and run")
    (message,) = messages()
    for part in (
        "settle_trades.settle_batch.collect_candles[0]",
        "try 3",
        "trading",
        "no key",
        "market_coinmarketcap",
    ):
        assert part in message
    told = (
        "SELECT error_type, channel, state FROM atge_error_logs AS error "
        "JOIN alert_deliveries ON notice_id = error.id WHERE error.context ->> 'run_id' = %s"
    )
    wait_for(lambda: stack.execute(told, run.id) == [("api", "slack:#incidents", "sent")], "the one delivery")
    # Rows of the task: the run that failed with it has one of its own, as soon as Airflow notices.
    retries = (
        "SELECT count(*) FROM atge_error_logs WHERE severity = 'low' "
        "AND context ->> 'run_id' = %s AND context ->> 'task_id' IS NOT NULL"
    )
    assert stack.execute(retries, run.id) == [(2,)], "the tries before are rows that nobody is told of"
    stack.configure(candle_sources=["sandbox"], lease=LEASE)
    release(stack)
    sweep_up(stack)
    assert_all_settled_once(stack, 3)

    def healed():
        received = httpx.get(f"{stack.sandbox_url}/_recorded/slack").json()["messages"]
        return any("Healed by a later run" in json.dumps(message) for message in received)

    wait_for(healed, "deliver_alerts to tell that a later sweep works", 150)


def test_the_database_dies_in_the_middle_of_a_sweep(stack):
    insert(stack, "BTC", 20)
    insert(stack, "ETH", 20)
    hang(stack, "ETH")
    stack.trigger("settle_trades")
    wait_for(lambda: stack.execute("SELECT count(*) FROM trade_results") == [(20,)], "one batch settled")
    server = postgres.find(stack.folder / "postgres")
    psutil.Process(server.pid).send_signal(signal.SIGKILL)
    httpx.delete(f"{stack.sandbox_url}/_faults")
    done = stack.local("up", seconds=200)
    assert done.returncode == 0, done.stdout + done.stderr
    # The run that lost its database may hang on as `running`; its trades do not wait for it.
    release(stack)
    stack.trigger("settle_trades")
    active = "SELECT count(*) FROM trade_signals WHERE status = 'active'"
    wait_for(lambda: stack.execute(active) == [(0,)], "the trades to be settled", 180)
    assert_all_settled_once(stack, 40)
