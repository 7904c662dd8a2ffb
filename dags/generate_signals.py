"""### Generates trading signals

For each request: a **snapshot** of the market, technical **indicators**, a **proposal** by the language model
that is held against the market, and the **stored** signal with both, in one transaction.

| task | reads | writes |
|---|---|---|
| `check_input` | the form, or `signal_requests` | `signal_attempts`: a row a request, in batches |
| `collect_candles` | the sources in `candle_sources` | `market_candles` |
| `take_snapshot` | CoinMarketCap, CoinGecko, LunarCrush, fear & greed | `signal_attempts.snapshot` |
| `compute_indicators` | `market_candles` | `signal_attempts.indicators`, the data-quality score |
| `propose` | the model at the connection `llm` | `signal_attempts.proposal` |
| `store` | all of it | `trade_signals`, `trade_technical_indicators`, `trade_market_snapshot` |
| `report` | `signal_attempts` | nothing: it fails, with the reasons, if nothing came of the run |

**Trigger** it with a symbol, a timeframe and a user; without symbol and user it generates what the setting
`signal_requests` lists. It runs by itself when the environment's `TRADEOPS_SIGNAL_SCHEDULE` holds a cron
expression. Each task returns a line for each attempt (XCom): follow them from left to right. One signal a
minute for each user: what comes too early is skipped. Any task may be cleared; a request is stored once.
Clearing the run takes up again what ended without a signal. Why there is none: `signal_attempts`. Rules:
`docs/signals.md`.

A form filled in, as `conf`: `{"symbol": "BTC", "user": "0f8fad5b-d9cb-469f-a165-70867728950e"}`
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag, task_group
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.airflow.connections import endpoint_if_any, load_settings, open_database, open_sources, run_url
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import Form, form_refused_on, optional_user, read_form
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import numbered, task
from include.settings.reader import environment_settings
from include.signals.requests import SYMBOLS, TIMEFRAMES

NEXT_STEP = "Nothing was stored; signal_attempts says why. Mend it, then clear the run: docs/signals.md."
SYMBOL = {"type": ["null", "string"], "enum": [None, *SYMBOLS], "values_display": {"null": "those listed"}}


class SignalForm(Form):
    """One signal; without symbol and user those of the setting `signal_requests`."""

    symbol: str | None
    timeframe: str
    user: str | None


@task(area="generation")
def check_input(run: str) -> list[int]:
    """Refuse bad input in words; take up the requests; give the numbers of the batches."""
    from include.signals.attempts import open_attempts
    from include.signals.requests import SignalRequestError, read_requests

    settings, form = load_settings(), read_form(SignalForm)
    with form_refused_on(SignalRequestError):
        requests = read_requests(form.symbol or "", form.timeframe, form.user or "", settings)
    with open_database("signals") as engine:
        opened = open_attempts(engine, requests, run, run_url("generate_signals", run), settings)
    if not opened.batches:
        raise AirflowSkipException(opened.put_off)
    return opened.batches


@task(
    area="api", outside=True, pool="market_data", multiple_outputs=False, map_index_template=numbered("batch")
)
def collect_candles(run: str, batch: int) -> dict[str, str]:
    """Fetch the candles that the indicators need and the store lacks."""
    from include.signals.generate import collect_batch

    settings = load_settings()
    with open_database("signals") as engine, open_sources(settings, engine) as sources:
        return collect_batch(engine, run, batch, sources, settings)


@task(
    area="generation",
    outside=True,
    pool="market_data",
    multiple_outputs=False,
    map_index_template=numbered("batch"),
)
def take_snapshot(run: str, batch: int) -> dict[str, str]:
    """Ask the sources about the market; without a price an attempt ends here."""
    from include.signals.generate import snapshot_batch

    with open_database("signals") as engine:
        return snapshot_batch(engine, run, batch, load_settings(), endpoint_if_any)


@task(area="generation", multiple_outputs=False, map_index_template=numbered("batch"))
def compute_indicators(run: str, batch: int) -> dict[str, str]:
    """Compute the indicators and the data-quality score."""
    from include.signals.generate import compute_batch

    with open_database("signals") as engine:
        return compute_batch(engine, run, batch, load_settings())


@task(
    area="generation",
    outside=True,
    effect=Effect.SPENDS,
    pool="llm",
    multiple_outputs=False,
    map_index_template=numbered("batch"),
)
def propose(run: str, batch: int) -> dict[str, str]:
    """Ask the model for a trade and hold it against the market; ask once more if it does not fit."""
    from include.signals.generate import propose_batch

    with open_database("signals") as engine:
        return propose_batch(engine, run, batch, load_settings(), endpoint_if_any)


@task(area="generation", multiple_outputs=False, map_index_template=numbered("batch"))
def store(run: str, batch: int) -> dict[str, str]:
    """Store signal, indicators and snapshot, each signal in one transaction."""
    from include.signals.generate import store_batch

    with open_database("signals") as engine:
        return store_batch(engine, run, batch, load_settings())


@task(area="generation", multiple_outputs=False)
def report(run: str) -> dict[str, str]:
    """Say what became of each request; fail when nothing came of any of them."""
    from include.signals.attempts import report_run

    with open_database("signals") as engine:
        found = report_run(engine, run)
    if found.failed:
        raise AirflowFailException("; ".join(f"{name}: {line}" for name, line in found.lines.items()))
    return found.lines


@dag(
    schedule=environment_settings().signal_schedule,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=4,
    dagrun_timeout=timedelta(minutes=30),
    params={
        "symbol": Param(
            None,
            **SYMBOL,
            title="Symbol",
            description="One coin, for the user below. Without both, waiting requests are served.",
        ),
        "timeframe": Param(
            "1h",
            enum=[*TIMEFRAMES],
            title="Timeframe",
            description="Of the signal's candles.",
        ),
        "user": optional_user("For whom, by id; needed with a symbol."),
    },
    **explained(__doc__),
    **tagged(Subject.SIGNALS, Effect.SPENDS),
    **dag_defaults(owner="trading", area="generation", freezes_with="work", next_step=NEXT_STEP),
)
def generate_signals() -> None:
    """Wire the steps of the generation."""
    run = "{{ run_id }}"

    @task_group
    def generate(batch: int) -> None:
        asked = [collect_candles(run, batch=batch), take_snapshot(run, batch=batch)]  # at the same time
        asked >> compute_indicators(run, batch=batch) >> propose(run, batch=batch) >> store(run, batch=batch)

    generate.expand(batch=check_input(run)) >> report(run)


generate_signals()
