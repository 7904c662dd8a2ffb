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
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Param, dag, task
from airflow.sdk.exceptions import AirflowFailException

from include.airflow.access import Effect, may_start
from include.airflow.areas import area
from include.airflow.defaults import dag_defaults, explained
from include.airflow.forms import FormRefused
from include.airflow.platform import endpoint, load_settings, open_database

NEXT_STEP = (
    "Nothing is lost: analyses that were written are stored. If `choose_trades` failed, its words say what "
    "to change in the form. A failed `analyse_batch` says why it stopped; clear it when that is mended (for "
    "the budget: after midnight UTC), and it goes on with what is left."
)
MOMENT = {"type": ["null", "string"], "format": "date-time"}
LIST = {"type": ["null", "array"], "items": {"type": "string"}}


@task
@area("analysis")
def choose_trades(this_run: str, form: str) -> dict[str, Any]:
    """Find the trades and estimate the cost; write the work list, unless it is a dry run."""
    from include.analysis import Selection, plan_analyses

    asked, settings = json.loads(form), load_settings()
    try:
        selection = Selection.from_params(asked)
        with open_database("plan analyses") as engine:
            return plan_analyses(engine, this_run, selection, settings, dry_run=asked["dry_run"] is not False)
    except ValueError as error:
        raise FormRefused(str(error)) from None


@task
@area("analysis")
def list_batches(planned: dict[str, Any]) -> list[int]:
    """Give the batches that have something to do."""
    return list(planned["batches"])


@task(pool="llm", execution_timeout=timedelta(minutes=30), max_active_tis_per_dagrun=2)
@area("analysis")
def analyse_batch(this_run: str, batch: int) -> dict[str, int]:
    """Write the analyses of one batch; fail with the reason if some are left."""
    from include.analysis import analyse_batch

    with open_database("analyse") as engine:
        analysed = analyse_batch(engine, endpoint("llm"), this_run, batch, load_settings())
    if analysed.stopped and not analysed.transient:
        raise AirflowFailException(f"stopped: {analysed.stopped}")
    if analysed.stopped:
        raise RuntimeError(f"stopped, {analysed.stored} are stored: {analysed.stopped}")
    return {"stored": analysed.stored, **analysed.put_off}


@task
@area("analysis")
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
        "ids": Param(None, **LIST, description="ids of settled trades, one a line"),
        "since": Param(None, **MOMENT, description="or: settled at or after this time (UTC)"),
        "until": Param(None, **MOMENT, description="and before this time"),
        "symbols": Param(None, **LIST, description="only these symbols, one a line, such as BTC"),
        "users": Param(None, **LIST, description="only trades of these users, one id a line"),
        "redo": Param(False, type="boolean", description="also trades that have an analysis; it costs again"),
        "model": Param(None, type=["null", "string"], description="model to ask; empty: analysis_model"),
        "limit": Param(1000, type="integer", minimum=1, maximum=10_000, description="trades at most"),
        "dry_run": Param(True, type="boolean", description="only count them and estimate the cost"),
    },
    **explained(__doc__),
    **may_start("trades", Effect.SPENDS),
    **dag_defaults(owner="trading", area="analysis", next_step=NEXT_STEP),
)
def analyse_trades() -> None:
    """Wire the steps."""
    this_run = "{{ run_id }}"
    chosen = list_batches(choose_trades(this_run, "{{ dict(params) | tojson }}"))
    analyse_batch.partial(this_run=this_run).expand(batch=chosen) >> count_outcomes(this_run)


analyse_trades()
