"""### Settles every trade whose time is up

Every five minutes: **claim** the trades that are past `expires_at`, then for each batch of them **collect**
the candles that are missing, and **settle** the trades that the quality gate lets pass on what the market
really did; then let a language model **analyse** the outcomes and **refresh** the users' statistics.

| task | reads | writes |
|---|---|---|
| `claim` | `trade_signals` | `settlement_claims`: leases, in batches |
| `collect_candles` | the sources in `candle_sources` | `market_candles` |
| `settle` | trades and candles, once | `trade_results`, `trade_signals.status`; why poor data waits |
| `validate` | the candles that were settled on | `data_quality_results`; it holds nothing up |
| `analyse` | settled trades without an analysis | `trade_results.ai_analysis` |
| `refresh_performance` | users with newly settled trades | `atge_performance_cache` |

Nothing due: the run ends after `claim`, everything else is skipped. Any task may be cleared and run again,
and two runs may overlap: a trade is settled once. A run that dies holds its trades until their lease lapses
(15 minutes); the next run takes them. A run that has not finished five minutes after it was due is reported,
with the number of trades waiting. Rules: `docs/settlement.md`. Settings: Variable `tradeops_settings`.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import dag, task_group
from airflow.sdk.exceptions import AirflowSkipException
from airflow.task.trigger_rule import TriggerRule

from include.airflow.callbacks import report_run_success
from include.airflow.connections import (
    endpoint,
    load_settings,
    open_database,
    open_sources,
    run_url,
    second_model_if_any,
)
from include.airflow.dag import dag_defaults, explained
from include.airflow.deadline import finish_within
from include.airflow.freeze import skipped_when_frozen
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import note_done, numbered, task
from include.humanize import count_text

OWNER = "trading"
DEADLINE = timedelta(minutes=5)  # after it was due
NEXT_STEP = (
    "Nothing is lost: trades that were not settled stay active, and a later sweep takes them when their "
    "lease lapses (15 minutes). If this repeats, open the task's log; docs/operating.md says what to do."
)


@task(area="database")
def claim(claim_id: str) -> list[int]:
    """Take due trades under a lease; give the numbers of the batches."""
    from include.trades.claim import claim_due

    with open_database("claim") as engine, skipped_when_frozen():
        claimed = claim_due(engine, claim_id, load_settings())
    if not claimed.batches and not claimed.other_work:
        raise AirflowSkipException("nothing to do: no trade is due, no analysis missing, no statistic stale")
    return list(claimed.batches)


@task(area="api", outside=True, pool="market_data", map_index_template=numbered("batch"))
def collect_candles(claim_id: str, batch: int) -> dict[str, Any]:
    """Fetch the candles of the batch's windows that the store lacks; say which sources were left out."""
    from include.trades.collect import collect_batch

    settings = load_settings()
    with open_database("collect") as engine, open_sources(settings, engine) as sources:
        return collect_batch(engine, claim_id, batch, sources, settings)


@task(area="backtesting", map_index_template=numbered("batch"))
def settle(claim_id: str, batch: int) -> dict[str, int]:
    """Judge the data of each trade and settle what passes, in one transaction; send poor ones back."""
    from include.trades.settle import settle_batch

    with open_database("settle") as engine:
        counts = settle_batch(engine, claim_id, batch, load_settings())
    note_done(count_text(sum(counts.values()), "trade"))
    return counts


@task(area="backtesting")
def validate(claim_id: str, began: str) -> dict[str, int]:
    """Put the candles that were settled on before the expectation suite; give their number by resolution."""
    from include.quality import validate_settled

    elapsed = datetime.now(UTC) - datetime.fromisoformat(began)
    with open_database("validate") as engine:
        return validate_settled(
            engine, claim_id, elapsed, load_settings(), run_url("settle_trades", claim_id)
        )


@task(
    area="analysis",
    outside=True,
    effect=Effect.SPENDS,
    pool="llm",
    trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
)
def analyse(claim_id: str) -> dict[str, int]:
    """Let the model explain settled trades; what fails is taken up by a later sweep."""
    from include.analysis import analyse_settled

    settings = load_settings()
    with open_database("analyse") as engine, skipped_when_frozen():
        analysed = analyse_settled(
            engine, endpoint("llm"), claim_id, settings, second=second_model_if_any(settings)
        )
    return {"stored": analysed.stored, **analysed.put_off}


@task(area="database", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
def refresh_performance() -> int:
    """Recalculate the statistics of the users concerned; give their number."""
    from include.trades.performance import refresh_performance

    with open_database("performance") as engine:
        return refresh_performance(engine)


@dag(
    schedule="*/5 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=3,
    dagrun_timeout=timedelta(minutes=30),
    deadline=finish_within(DEADLINE, owner=OWNER, next_step=NEXT_STEP),
    on_success_callback=report_run_success,
    **explained(__doc__),
    **tagged(Subject.TRADES, Effect.SPENDS),
    **dag_defaults(
        owner=OWNER, area="backtesting", freezes_with="work", next_step=NEXT_STEP, severity="critical"
    ),
)
def settle_trades() -> None:
    """Wire the steps of the sweep."""
    claim_id = "{{ run_id }}"  # every step finds its trades under the claim of its own run

    @task_group
    def settle_batch(batch: int) -> None:
        collect_candles(claim_id, batch=batch) >> settle(claim_id, batch=batch)

    batches = claim(claim_id)
    settled = settle_batch.expand(batch=batches)
    # Nobody waits for the suite or the model; statistics and analyses also run when only older work is left.
    settled >> validate(claim_id, "{{ dag_run.start_date }}")
    [batches, settled] >> refresh_performance()
    [batches, settled] >> analyse(claim_id)


settle_trades()
