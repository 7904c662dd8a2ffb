"""What the real scheduler adds: due trades until the last is settled, a quiet sweep, a signal, an idle stack.

`python -m benchmarks.airflow 20000 100000` settles so many trades through a stack of its own in
`.stack/bench-airflow`, as `make up` starts it, with all DAGs on their schedules but for the scheduled sweep.
`IDLE_MINUTES=10` is how long the stack is watched doing nothing besides. CPU time is that of all processes of
the stack: what ended is counted by who started it.
"""

import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import psutil

from benchmarks._market import store_market
from benchmarks.sweep import DAY, DAYS, START, Market, fill
from include.database import connect
from local import postgres
from local.state import State
from tests.support.running_stack import DagRun, RunningStack, started, wait_for

FOLDER = Path(__file__).parents[1] / ".stack" / "bench-airflow"
GOALS = {20_000: 10.0, 100_000: 40.0}  # seconds from the trigger to the last trade
LEFT = "SELECT count(*) FROM trade_signals WHERE status = 'active'"
TASKS_GOAL, QUIET_GOAL, IDLE_GOAL, SIGNAL_GOAL = 12, 1.5, 0.15, 8.0


def main(*sizes: int) -> None:
    """Print the tables; take the stack away afterwards."""
    shutil.rmtree(FOLDER, ignore_errors=True)  # of a run that was killed
    with started(FOLDER) as stack:
        stack.configure(candle_sources=["sandbox"], analysis_limit=0)
        stack.pause("settle_trades", False)
        stack.run("settle_trades")  # the first run of a stack finds nothing imported
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {datetime.now(UTC):%Y-%m-%d}\n")
        print_signal(stack)
        print_sweeps(stack, sizes or tuple(GOALS))
        print_quiet_sweep(stack)
        print_idle(stack, float(os.environ.get("IDLE_MINUTES", "2")))
    shutil.rmtree(FOLDER)


def print_sweeps(stack: RunningStack, sizes: tuple[int, ...]) -> None:
    """Due trades on minutes that are all there, from the trigger to the last that is settled."""
    engine = connect(stack.database_url, application="bench", statement_timeout=timedelta(minutes=10))
    store_market(engine, start=START, symbols=Market(max(sizes)).symbols, minutes=DAYS * DAY, seed=1)
    stack.pause("settle_trades")
    stack.wait_for_sweeps()
    print(f"{'trades':>9}{'settled in':>12}{'goal':>8}{'CPU':>10}{'tasks':>7}")
    for trades in sizes:
        fill(engine, Market(trades))
        stack.pause("settle_trades", False)
        begun, cpu = stack.execute("SELECT clock_timestamp()")[0][0], cpu_seconds(stack)
        run = stack.trigger("settle_trades")
        wait_for(lambda: stack.execute(LEFT) == [(0,)], "the trades to be settled", 600)
        ((last,),) = stack.execute("SELECT max(updated_at) FROM trade_signals")
        run.finish("success")
        stack.pause("settle_trades")
        seconds = (last - begun).total_seconds()
        spent, goal = cpu_seconds(stack) - cpu, GOALS.get(trades)
        print(
            f"{trades:>9,}{seconds:>10.1f} s{f'{goal:g} s' if goal else '-':>8}{spent:>8.1f} s"
            f"{ran(run):>7}  {verdict(seconds, goal)}, {verdict(ran(run), TASKS_GOAL)} of {TASKS_GOAL} tasks",
            flush=True,
        )
    engine.dispose()


def print_quiet_sweep(stack: RunningStack) -> None:
    """A sweep that finds nothing due, beside the same time without one."""
    stack.pause("settle_trades", False)
    samples = []
    for _ in range(5):
        begun, cpu = time.monotonic(), cpu_seconds(stack)
        stack.run("settle_trades")
        seconds, spent = time.monotonic() - begun, cpu_seconds(stack) - cpu
        cpu = cpu_seconds(stack)
        time.sleep(seconds)
        samples.append(spent - (cpu_seconds(stack) - cpu))
    middle = median(samples)
    print(f"a sweep with nothing due: {middle:.2f} s of CPU more than none, {verdict(middle, QUIET_GOAL)}\n")


def print_signal(stack: RunningStack) -> None:
    """From the trigger to the stored trade, the quickest of three."""
    stack.pause("generate_signals", False)
    samples = []
    for _ in range(3):
        user = str(uuid.uuid4())
        begun = stack.execute("SELECT clock_timestamp()")[0][0]
        stack.run("generate_signals", symbol="ETH", timeframe="1h", user=user)
        ((stored,),) = stack.execute("SELECT created_at FROM trade_signals WHERE user_id = %s", user)
        samples.append((stored - begun).total_seconds())
    print(f"a signal, from trigger to stored: {min(samples):.1f} s, {verdict(min(samples), SIGNAL_GOAL)}\n")


def print_idle(stack: RunningStack, minutes: float) -> None:
    """The share of a core that the stack takes with nothing to do but its schedules."""
    for dag in stack.api("GET", "/dags?limit=500")["dags"]:
        stack.pause(dag["dag_id"], False)
    time.sleep(60)  # what the schedules had left undone
    begun, cpu = time.monotonic(), cpu_seconds(stack)
    time.sleep(minutes * 60)
    share = (cpu_seconds(stack) - cpu) / (time.monotonic() - begun)
    memory = sum(process.memory_full_info().pss for process in processes_of(stack)) / 2**20
    print(
        f"idle for {minutes:g} minutes, all DAGs on their schedules: {share:.1%} of a core, "
        f"{verdict(share, IDLE_GOAL)}; {memory:,.0f} MiB\n",
        flush=True,
    )


def verdict(value: float, goal: float | None) -> str:
    """What the issue asks of the figure."""
    return "no goal" if goal is None else "goal met" if value <= goal else f"goal of {goal:g} not met"


def ran(run: DagRun) -> int:
    """How many tasks of the run a worker was started for."""
    return sum(task["start_date"] is not None and task["pid"] is not None for task in run.instances())


def processes_of(stack: RunningStack) -> Iterator[psutil.Process]:
    """The components, the database's server, and all that they have started and that lives."""
    state = State(stack.folder)
    pids = [json.loads(record.read_text())["pid"] for record in state.record("x").parent.glob("*.json")]
    server = postgres.find(state.postgres)
    for pid in (*pids, *([server.pid] if server else [])):
        process = psutil.Process(pid)
        yield process
        yield from process.children(recursive=True)


def cpu_seconds(stack: RunningStack) -> float:
    """CPU time of the living, and of those of their children that have ended."""
    spent = 0.0
    for process in processes_of(stack):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:  # it has just ended: who started it counts it next time
            continue
        spent += times.user + times.system + times.children_user + times.children_system
    return spent


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
