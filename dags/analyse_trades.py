"""### Lets the language model explain settled trades that you choose

By hand only. Choose trades by `ids`, or by a window of settlement, narrowed down by symbols and users. Trades
that have an analysis are left out, unless `redo` is on: then they get a new one, by the `model` that you name
or the one of the settings, and the former analysis stays in `trade_analyses`. Trades that the sweep has given
up are tried again.

**A dry run is the default**: the return value of `choose_trades` says how many trades it would be, and
what that may cost. Switch `dry_run` off to do it.

| task | reads | writes |
|---|---|---|
| `choose_trades` | settled trades, tokens of the last 30 days | `analysis_requests`: the run's work list |
| `list_batches` | the report | nothing |
| `analyse_batch` | 100 trades of the list at most | `trade_results.ai_analysis`, `trade_analyses` |
| `count_outcomes` | the work list | nothing: what became of each trade, counted |

The daily budget holds here too. A batch that stops (the model is down, the budget is spent) fails with the
reason; clear it, and it goes on with what is left. What became of each trade, and why: `analysis_requests`.
More: `docs/analysis.md`.

A form filled in, as `conf`: `{"since": "2026-11-20T00:00:00Z", "symbols": ["BTC"], "dry_run": false}`
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Param, dag
from airflow.sdk.exceptions import AirflowFailException

from include.airflow.connections import endpoint, load_settings, open_database, second_model_if_any
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import (
    dry_run,
    form_refused_on,
    is_dry_run,
    optional_text,
    read_form,
    symbols,
    trade_ids,
    users,
)
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import note_done, numbered, task

NEXT_STEP = (
    "Nothing is lost: analyses that were written are stored. If `choose_trades` failed, its words say what "
    "to change in the form. A failed `analyse_batch` says why it stopped; clear it when that is mended (for "
    "the budget: after midnight UTC), and it goes on with what is left."
)
MOMENT = {"type": ["null", "string"], "format": "date-time"}


@task(area="analysis")
def choose_trades(this_run: str) -> dict[str, Any]:
    """Find the trades and estimate the cost; write the work list, unless it is a dry run."""
    from include.analysis import Selection, plan_analyses

    settings, selection = load_settings(), read_form(Selection)
    with open_database("plan analyses") as engine, form_refused_on(ValueError):
        return plan_analyses(engine, this_run, selection, settings, dry_run=is_dry_run())


@task(area="analysis")
def list_batches(planned: dict[str, Any]) -> list[int]:
    """Give the batches that have something to do."""
    return list(planned["batches"])


@task(
    area="analysis",
    outside=True,
    effect=Effect.SPENDS,
    pool="llm",
    execution_timeout=timedelta(minutes=30),
    max_active_tis_per_dagrun=2,
    map_index_template=numbered("batch"),
)
def analyse_batch(this_run: str, batch: int) -> dict[str, int]:
    """Write the analyses of one batch; fail with the reason if some are left."""
    from include.analysis import analyse_batch

    settings = load_settings()
    with open_database("analyse") as engine:
        analysed = analyse_batch(
            engine, endpoint("llm"), this_run, batch, settings, second=second_model_if_any(settings)
        )
    note_done(f"{analysed.stored} written")
    if analysed.stopped and not analysed.transient:
        raise AirflowFailException(f"stopped: {analysed.stopped}")
    if analysed.stopped:
        raise RuntimeError(f"stopped, {analysed.stored} are stored: {analysed.stopped}")
    return {"stored": analysed.stored, **analysed.put_off}


@task(area="analysis")
def count_outcomes(this_run: str) -> dict[str, int]:
    """Count what became of the trades."""
    from include.analysis import read_outcomes

    with open_database("report analyses") as engine:
        return read_outcomes(engine, this_run)


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=2,
    dagrun_timeout=timedelta(hours=24),
    params={
        "ids": trade_ids("Ids of settled trades, one a line."),
        "since": Param(
            None,
            **MOMENT,
            title="Since",
            description="Or those settled since then (UTC).",
        ),
        "until": Param(None, **MOMENT, title="Until", description="And before this time (UTC)."),
        "symbols": symbols("Only these, one a line, such as BTC. None: all of them."),
        "users": users("Only trades of these users, one id a line. None: of all users."),
        "redo": Param(
            False,
            type="boolean",
            title="Write anew",
            description="Also trades that have an analysis already. Each costs again.",
        ),
        "model": optional_text("Model", "Its name. None: the one of the setting analysis_model."),
        "limit": Param(
            1000,
            type="integer",
            minimum=1,
            maximum=10_000,
            title="At most",
            description="Number of trades.",
        ),
        **dry_run("Only count them and estimate the cost."),
    },
    **explained(__doc__),
    **tagged(Subject.TRADES, Effect.SPENDS),
    **dag_defaults(owner="trading", area="analysis", freezes_with="work", next_step=NEXT_STEP),
)
def analyse_trades() -> None:
    """Wire the steps."""
    this_run = "{{ run_id }}"
    chosen = list_batches(choose_trades(this_run))
    analyse_batch.partial(this_run=this_run).expand(batch=chosen) >> count_outcomes(this_run)


analyse_trades()
