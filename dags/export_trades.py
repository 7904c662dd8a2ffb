"""### Writes trades with their results into files

Triggered by hand; the form says which trades (any status; the window is of the days on which they were
proposed), the format and the place:

- **csv**: for spreadsheets. A text that a spreadsheet would take for a formula gets a `'` before it;
- **json**: one document, an array with a trade a line. Decimal numbers are texts, so that no digit is lost;
- **parquet**: decimals and times in UTC as such.

All files show the database at one moment; a million trades take no more memory than a hundred. They go to
`<place>/<run>/trades-00001.csv` and on; `manifest.json` beside them, written last, names each with its rows
and SHA-256. Places below which exports may go: the setting `export_locations`; the first is the default.

The page [Exports and replays](/tradeops/exports) lists the exports and hands out their files.
Clearing the run writes it again in place of the former files. More: `docs/replays-and-exports.md`.

A form filled in, as `conf`: `{"first_day": "2026-11-01", "symbols": ["BTC"], "format": "parquet"}`
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Param, dag

from include.airflow.connections import load_settings, open_database, open_storage, run_url
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import (
    choices,
    form_refused_on,
    optional_text,
    read_form,
    trade_filter,
    who_triggered,
)
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import task

DAG_ID = "export_trades"
STATUSES = ("active", "completed_success", "completed_failure", "expired", "incomplete_data", "cancelled")
TIMEFRAMES = ("15m", "1h", "4h", "1d", "1w")
NEXT_STEP = (
    "Files without a manifest.json beside them are not whole. If the log says what to correct in the form, "
    "trigger the DAG again; otherwise clear the run, and it writes its files anew."
)


@task(
    area="database", outside=True, effect=Effect.SENDS, pool="exports", execution_timeout=timedelta(hours=1)
)
def export(this_run: str) -> dict[str, Any]:
    """Check the form and write the files and their manifest; say where they are."""
    from include.trades.export import ExportRequest, export_trades
    from include.trades.trade_filter import TradeRequestError

    settings = load_settings()
    request = read_form(ExportRequest, datetime.now(UTC).date(), settings.export_locations)
    with open_database("export") as engine, form_refused_on(TradeRequestError):
        manifest = export_trades(
            engine,
            open_storage(request.root),
            request,
            this_run,
            file_rows=settings.export_file_rows,
            requested_by=who_triggered(),
            run_url=run_url(DAG_ID, this_run),
        )
    return {"location": manifest["location"], "rows": manifest["rows"], "files": len(manifest["files"])}


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=4,
    dagrun_timeout=timedelta(hours=4),
    params={
        **trade_filter("proposed"),
        "statuses": choices("Statuses", STATUSES),
        "timeframes": choices("Timeframes", TIMEFRAMES),
        "format": Param(
            "csv",
            enum=["csv", "json", "parquet"],
            title="Format",
            description="CSV for spreadsheets, Parquet for analysis.",
        ),
        "location": optional_text(
            "Place",
            "A folder or s3://bucket/prefix below an allowed place. None: the default.",
        ),
    },
    **explained(__doc__),
    **tagged(Subject.TRADES, Effect.SENDS),
    **dag_defaults(owner="trading", area="database", freezes_with="work", next_step=NEXT_STEP),
)
def export_trades() -> None:
    """Wire the one step."""
    export("{{ run_id }}")


export_trades()
