"""What Airflow's UI shows of the desk: the icon of its menu, and a tab on each DAG and on each run.

The tab leads to what the desk knows of the DAG. Of a run that changes trades it lists them.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from sqlalchemy import Engine

from include.database import sql
from include.web.host import Runs
from include.web.pages.navigation import page_of
from include.web.rendering import TEMPLATES, render

MAX_TRADES = 500  # of a run that are listed
ICONS = {name: Path(TEMPLATES / f"{name}.svg") for name in ("icon", "icon-dark")}
CHANGES_TRADES = frozenset({"settle_trades", "replay_trades", "analyse_trades", "generate_signals"})


def airflow(open_database: Callable[[], AbstractContextManager[Engine]], runs: Runs) -> APIRouter:
    """Make the routes `/<icon>.svg`, `/dags/<dag>` and `/dags/<dag>/runs/<run>`."""
    router = APIRouter()

    @router.get("/{name}.svg")
    def show_icon(name: str) -> Response:
        if name not in ICONS:
            raise HTTPException(404, "there is no such picture")
        return FileResponse(
            ICONS[name], media_type="image/svg+xml", headers={"Cache-Control": "private, max-age=86400"}
        )

    def lead(request: Request, dag_id: str) -> Response:
        return RedirectResponse(request.scope["root_path"] + page_of(dag_id), 303)

    @router.get("/dags/{dag_id}")
    def lead_to_page(request: Request, dag_id: str) -> Response:
        return lead(request, dag_id)

    @router.get("/dags/{dag_id}/runs/{run_id:path}", response_class=HTMLResponse)
    def show_trades_of_run(request: Request, dag_id: str, run_id: str) -> Response:
        if dag_id not in CHANGES_TRADES:
            return lead(request, dag_id)
        run = runs.read(dag_id, run_id) if "\x00" not in run_id else None
        if run is None:
            raise HTTPException(404, f"Airflow has no run {run_id[:300]!r} of {dag_id}")
        with open_database() as engine, engine.connect() as connection:
            found = connection.execute(
                sql("web/list_trades_of_run"),
                {"run_id": run_id, "began": run.began, "ended": run.ended, "limit": MAX_TRADES + 1},
            ).all()
        return render(
            "run.html",
            request,
            dag_id=dag_id,
            run_id=run_id,
            run=run,
            trades=found[:MAX_TRADES],
            more=len(found) > MAX_TRADES,
        )

    return router
