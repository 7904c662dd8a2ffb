"""The form of a DAG, filled in by the address, and a run of it: where the buttons of the desk lead."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from include.database import DatabaseError
from include.web.dag_forms import MAX_TEXT, DagField, DagForm, DagFormError
from include.web.documents import render_line
from include.web.forms import read_form, render_form
from include.web.host import DeskHost, Person, RunNotStartedError
from include.web.offers import QUERIES, with_offers
from include.web.rendering import render

logger = logging.getLogger(__name__)

RUN_PREFIX = "desk__"  # of the ids of runs that are started here


def start(
    open_database: Callable[[], AbstractContextManager[Engine]],
    host: DeskHost,
    find_person: Callable[[Request], Awaitable[Person | None]],
) -> APIRouter:
    """Make the route `/start/<dag>`: its form (GET), and a run of it (POST), for people who may start it."""
    router = APIRouter()

    async def starter(request: Request, dag_id: str) -> Person:
        person = await find_person(request)
        if person is None or not await run_in_threadpool(person.may_start, dag_id):
            raise HTTPException(403, f"starting {dag_id} is for people whom Airflow lets start it")
        return person

    def show(
        request: Request, form: DagForm, values: dict[str, Any], status: int = 200, **said: Any
    ) -> HTMLResponse:
        form = offering(form)
        return render_form(
            "start.html",
            request,
            status=status,
            form=form,
            render_line=render_line,
            fields=[(field, values[field.name]) for field in form.fields],
            run=said.pop("run", None) or uuid4(),
            **({"refused": None} | said),
        )

    def find(dag_id: str) -> DagForm:
        form = host.dag_form(dag_id)
        if form is None:
            raise HTTPException(404, f"there is no DAG {dag_id!r}")
        return form

    def offering(form: DagForm) -> DagForm:
        if not any(field.name in QUERIES for field in form.fields):
            return form
        try:
            with open_database() as engine, engine.connect() as connection:
                return with_offers(form, connection)
        except DatabaseError as error:  # a restore is asked for all the more
            logger.warning("nothing is offered in the form of %s: %s", form.dag_id, error)
            return form

    @router.get("/start/{dag_id}", response_class=HTMLResponse)
    def show_form(request: Request, dag_id: str, _: Annotated[Person, Depends(starter)]) -> HTMLResponse:
        form, given = find(dag_id), request.query_params
        known = {field.name for field in form.fields}
        wrong = sorted(set(given) - known)
        if wrong or any("\x00" in value or len(value) > MAX_TEXT for value in given.values()):
            said = f"the form has no field {wrong[0][:100]!r}" if wrong else "a value is no text of a form"
            raise HTTPException(422, said)
        values = {
            field.name: field.shown(given.getlist(field.name) if field.name in given else None)
            for field in form.fields
        }
        return show(request, form, values)

    @router.post("/start/{dag_id}", response_class=HTMLResponse)
    def start_run(
        request: Request,
        dag_id: str,
        person: Annotated[Person, Depends(starter)],
        sent: Annotated[dict[str, str], Depends(read_form)],
    ) -> Response:
        form, run = find(dag_id), sent.pop("run", "")
        try:
            run_id = f"{RUN_PREFIX}{UUID(run)}"  # sent twice, it is one run
        except ValueError:
            raise HTTPException(422, "the form is not one of this page: open the page anew") from None
        try:
            host.runs.start(dag_id, run_id, form.conf(sent), person.name)
        except (DagFormError, RunNotStartedError) as error:
            values = {
                field.name: field.shown(_as_given(field, sent.get(field.name))) for field in form.fields
            }
            return show(request, form, values, 422, refused=str(error), run=run)
        return RedirectResponse(f"{request.scope['root_path']}/start/{dag_id}/started?run={run}", 303)

    @router.get("/start/{dag_id}/started", response_class=HTMLResponse)
    def show_started(
        request: Request, dag_id: str, run: UUID, _: Annotated[Person, Depends(starter)]
    ) -> HTMLResponse:
        run_id = f"{RUN_PREFIX}{run}"
        if host.runs.read(dag_id, run_id) is None:
            raise HTTPException(404, f"Airflow has no run {run_id} of {dag_id}")
        return render("started.html", request, dag_id=dag_id, run_id=run_id)

    return router


def _as_given(field: DagField, text: str | None) -> list[str]:
    """What was sent, as an address would have it."""
    match field.kind:
        case "switch":
            return ["true" if text is not None else "false"]
        case "choices":
            return (text or "").split()
        case "lines":
            return (text or "").splitlines()
    return [text or ""]
