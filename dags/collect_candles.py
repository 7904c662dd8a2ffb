"""### Keeps the store of candles complete for symbols with open trades

Every fifteen minutes: the windows of all trades that were open in the run's interval are merged by symbol,
what `market_candles` holds is subtracted, and only the gaps are fetched, source after source. So the sweep
usually finds all that it needs. An active trade's whole window is wanted: what an earlier run could not get
is asked for again.

A **backfill** (in the UI, or with `make airflow`, see `docs/statistics.md`) fills past intervals for the
trades that were open then; run twice, it asks for nothing that came the first time. What no source could
give is in the task's log and in `candle_fetches`. Sources and their limits: `docs/sources.md`.

**Triggered** with trades, it fetches what their windows lack, whatever became of them, and nothing else.

A form filled in, as `conf`: `{"trade_ids": ["0f8fad5b-d9cb-469f-a165-70867728950e"]}`
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from airflow.sdk import CronDataIntervalTimetable, dag

from include.airflow.connections import load_settings, open_database, open_sources
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import Form, read_form, trade_ids
from include.airflow.tags import Subject, tagged
from include.airflow.task import task

INTERVAL = timedelta(minutes=15)
NEXT_STEP = (
    "Nothing is lost: the next run asks for the same gaps, and the sweep fetches what it lacks by itself. If "
    "this repeats, open the task's log: it names the source and the reason."
)


class CollectionForm(Form):
    """Whose candles; without trades those of the interval."""

    trade_ids: list[UUID] | None


@task(area="api", outside=True, pool="market_data")
def collect(
    data_interval_start: datetime | None = None, data_interval_end: datetime | None = None
) -> dict[str, Any]:
    """Fetch what the trades open in the interval lack; count candles written and symbols left short.

    Sources that gave nothing are named with their reason.
    """
    from include.trades.collect import collect_interval, collect_trades

    # A run that was triggered by hand has no interval: it looks at the last quarter of an hour.
    end = data_interval_end or datetime.now(UTC)
    start = data_interval_start or end - INTERVAL
    settings, chosen = load_settings(), read_form(CollectionForm).trade_ids
    with open_database("collect") as engine, open_sources(settings, engine) as sources:
        if chosen:
            return collect_trades(engine, chosen, sources, settings)
        return collect_interval(engine, start, end, sources, settings)


@dag(
    schedule=CronDataIntervalTimetable("*/15 * * * *", timezone="UTC"),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    max_active_runs=4,
    dagrun_timeout=timedelta(minutes=30),
    params={"trade_ids": trade_ids("Ids of trades, one a line. None: those open in the interval.")},
    **explained(__doc__),
    **tagged(Subject.CANDLES),
    **dag_defaults(owner="market-data", area="api", freezes_with="work", next_step=NEXT_STEP),
)
def collect_candles() -> None:
    """Wire the one step."""
    collect()


collect_candles()
