"""### Settles trades once more, and keeps what they were settled as before

For when candles were corrected, a rule or a rate has changed, or an analysis is wrong. Triggered by hand; the
form says which **settled** trades (active and cancelled ones are left out) and what to redo:

- **candles**: fetches all of the trades' windows again, source after source; a candle of a better source is
  never replaced by one of a worse source;
- **settlement**: judges and settles again, by the gate and the rule book of the sweep, on stored candles. A
  trade whose candles are too few today keeps its result, and the report says so;
- **analysis**: sets the analysis aside, so that the next sweeps write it anew. A changed result does so too.

It is a **dry run** unless you switch that off: the report says what would change (by status, in money, the
twenty largest differences) and nothing else is written. It is on the page
[Exports and replays](/tradeops/exports), what `report` returns (its log, its XCom), and a row of `replays`.
A real one needs your reason; each result that it replaces is kept in `trade_result_history` with who, when
and why. A trade's `completed_at` stays.

| task | reads | writes |
|---|---|---|
| `choose` | the form, `trade_signals` | `replays`, `replay_trades`: the work list, in batches |
| `fetch_again` | the sources in `candle_sources` | `market_candles` |
| `replay` | the work list, `market_candles` | the results and their history, a transaction a batch |
| `refresh_performance` | users whose trades changed | `atge_performance_cache` |
| `report` | the work list | `replays.report` |

A run that died goes on where it was: clear its failed tasks. More: `docs/replays-and-exports.md`.

A form filled in, as `conf`: `{"symbols": ["BTC"], "dry_run": false, "reason": "a rate was wrong"}`
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import dag
from airflow.sdk.exceptions import AirflowSkipException
from airflow.task.trigger_rule import TriggerRule

from include.airflow.connections import load_settings, open_database, open_sources, run_url
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import (
    choices,
    dry_run,
    form_refused_on,
    optional_text,
    read_form,
    trade_filter,
    who_triggered,
)
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import note_done, numbered, task
from include.humanize import count_text

DAG_ID = "replay_trades"
NEXT_STEP = (
    "Nothing is half done: each batch is replayed whole or not at all. Clear the failed tasks; the replay "
    "goes on where it was. If `choose` failed, it says what to correct in the form: trigger the DAG again."
)
HOUR = {"execution_timeout": timedelta(hours=1), "retries": 5}  # what is ended goes on when tried again
REDO = ["candles", "settlement", "analysis"]


@task(area="backtesting")
def choose(this_run: str) -> list[int]:
    """Check the form and write the work list down, once; give the numbers of the workers that settle."""
    from include.trades.replay import ReplayRequest, start_replay
    from include.trades.trade_filter import TradeRequestError

    settings, url = load_settings(), run_url(DAG_ID, this_run)
    request = read_form(ReplayRequest, datetime.now(UTC).date())
    with open_database("replay") as engine, form_refused_on(TradeRequestError):
        started = start_replay(
            engine, this_run, request, requested_by=who_triggered(), run_url=url, settings=settings
        )
    return list(range(min(settings.replay_workers, started.batches.get("settlement", 0))))


@task(area="api", outside=True, pool="market_data", **HOUR)
def fetch_again(this_run: str) -> dict[str, int]:
    """Fetch the candles of all batches anew, in one task: the sweep needs the sources as well."""
    from include.trades.replay import read_replay, refetch_candles

    settings = load_settings()
    with open_database("replay") as engine:
        started = read_replay(engine, this_run, settings)
        if "candles" not in started.batches:
            raise AirflowSkipException("no candles are to be fetched")
        with open_sources(started.settings, engine) as sources:
            return refetch_candles(engine, started, "fetch_again", sources)


@task(
    area="backtesting",
    effect=Effect.DESTROYS,
    trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
    map_index_template=numbered("worker"),
    **HOUR,
)
def replay(this_run: str, worker: int) -> int:
    """Replay batch after batch until none is left; give the number done here."""
    from include.trades.replay import read_replay, replay_batches

    with open_database("replay") as engine:
        done = replay_batches(engine, read_replay(engine, this_run, load_settings()), f"replay {worker}")
    note_done(count_text(done, "batch", "batches"))
    return done


@task(area="database", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
def refresh_performance() -> int:
    """Recalculate the statistics of the users concerned; give their number."""
    from include.trades.performance import refresh_performance

    with open_database("replay") as engine:
        return refresh_performance(engine)


@task(area="backtesting", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
def report(this_run: str) -> dict[str, Any]:
    """Store the report, say it in the log, and give it."""
    from include.trades.replay_report import report_replay

    with open_database("replay") as engine:
        return report_replay(engine, this_run)


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=12),
    params={
        **trade_filter("whose time was up"),
        "redo": choices("What is done again", REDO, default=["settlement"]),
        **dry_run("Only report what would change."),
        "reason": optional_text(
            "Why", "Kept with every result that is replaced. Needed unless it is a dry run.", at_most=1000
        ),
    },
    **explained(__doc__),
    **tagged(Subject.TRADES, Effect.DESTROYS),
    **dag_defaults(owner="trading", area="backtesting", freezes_with="work", next_step=NEXT_STEP),
)
def replay_trades() -> None:
    """Wire the steps of a replay."""
    this_run = "{{ run_id }}"
    workers = choose(this_run)
    replayed = replay.partial(this_run=this_run).expand(worker=workers)
    last = [refresh_performance(), report(this_run)]
    workers >> fetch_again(this_run) >> replayed >> last
    workers >> last  # also where no trade is to be settled again


replay_trades()
