"""The page on API keys: made, shown once, listed, revoked, by people who may edit Airflow's connections."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from include.web.api_keys import (
    KEY_SCOPES,
    KEY_STATES,
    ApiKeyError,
    make_key,
    page_keys,
    revoke_key,
)
from include.web.cursors import place_cursor, read_place
from include.web.forms import read_form, render_form
from include.web.host import Person
from include.web.offers import offer_users

LISTED = 50  # keys on a page
USERS_OFFERED = 200  # by the form
MAX_FIND = 100  # characters
MAY_NOT = "API keys are for people who may edit Airflow's connections (role Op or Admin)"


def api_keys(
    open_database: Callable[[], AbstractContextManager[Engine]],
    find_person: Callable[[Request], Awaitable[Person | None]],
) -> APIRouter:
    """Make the routes `/api-keys`, `/api-keys/make` and `/api-keys/revoke`."""
    router = APIRouter()

    async def keeper(request: Request) -> Person:
        person = await find_person(request)
        if person is None or not await run_in_threadpool(person.may_configure):
            raise HTTPException(403, MAY_NOT)
        return person

    def show(
        request: Request,
        status: int = 200,
        *,
        state: str = "",
        find: str = "",
        behind: tuple[datetime, UUID] | None = None,
        **shown: str | None,
    ) -> HTMLResponse:
        with open_database() as engine:
            keys = page_keys(engine, limit=LISTED + 1, state=state or None, find=find or None, behind=behind)
            with engine.connect() as connection:
                users = offer_users(connection, USERS_OFFERED)
        chosen = {"state": state, "find": find}
        more = None
        if len(keys) > LISTED:
            last = keys[LISTED - 1]
            place = place_cursor(_order(state, find), last.created_at, last.id)
            more = _address(request, **chosen, behind=place)
        said = {"made": None, "revoked": None, "refused": None} | shown
        return render_form(
            "api_keys.html",
            request,
            status=status,
            keys=keys[:LISTED],
            users=users,
            scopes=KEY_SCOPES,
            states=KEY_STATES,
            chosen=chosen,
            first=_address(request, **chosen) if behind else None,
            next=more,
            **said,
        )

    @router.get("/api-keys", response_class=HTMLResponse)
    def show_keys(
        request: Request,
        _: Annotated[Person, Depends(keeper)],
        state: str = "",
        find: str = "",
        behind: str = "",
    ) -> HTMLResponse:
        if state and state not in KEY_STATES:
            raise HTTPException(422, f"state is {state[:50]!r}: choose of {', '.join(KEY_STATES)}")
        if len(find) > MAX_FIND or not find.isprintable():
            raise HTTPException(422, f"what is looked for has at most {MAX_FIND} characters that can be seen")
        place = _read_place(behind, _order(state, find.strip()))
        return show(request, state=state, find=find.strip(), behind=place)

    @router.post("/api-keys/make", response_class=HTMLResponse)
    def make(
        request: Request,
        person: Annotated[Person, Depends(keeper)],
        form: Annotated[dict[str, str], Depends(read_form)],
    ) -> HTMLResponse:
        try:
            with open_database() as engine:
                key = make_key(
                    engine,
                    user_id=_user(form.get("user", "")),
                    scopes=form.get("scope", "").split(),
                    name=form.get("name", ""),
                    made_by=person.name,
                    lasts=_days(form.get("days", "")),
                )
        except ApiKeyError as error:
            return show(request, 422, refused=str(error))
        return show(request, made=key)

    @router.post("/api-keys/revoke", response_class=HTMLResponse)
    def revoke(
        request: Request,
        person: Annotated[Person, Depends(keeper)],
        form: Annotated[dict[str, str], Depends(read_form)],
    ) -> HTMLResponse:
        try:
            with open_database() as engine:
                key = revoke_key(engine, form.get("key", ""), person.name)
        except ApiKeyError as error:
            return show(request, 422, refused=str(error))
        return show(request, revoked=key.prefix)

    return router


def _address(request: Request, **chosen: str) -> str:
    given = urlencode({name: value for name, value in chosen.items() if value})
    return f"{request.scope['root_path']}/api-keys" + (f"?{given}" if given else "")


def _order(state: str, find: str) -> str:
    return f"keys {state} {find}"


def _read_place(cursor: str, order: str) -> tuple[datetime, UUID] | None:
    if not cursor:
        return None
    try:
        moment, (key_id,) = read_place(cursor, order)
        return moment, UUID(key_id)
    except ValueError:  # a foreign cursor is one too
        raise HTTPException(422, "behind names no place in this list: begin at its first page") from None


def _user(text: str) -> UUID:
    try:
        return UUID(text.strip())
    except ValueError:
        raise ApiKeyError("the user is no UUID (like 0f8fad5b-d9cb-469f-a165-70867728950e)") from None


def _days(text: str) -> timedelta | None:
    if not text.strip():
        return None
    if not text.strip().isascii() or not text.strip().isdecimal() or len(text.strip()) > 4:
        raise ApiKeyError("the days are a whole number, or nothing for a key that does not expire")
    return timedelta(days=int(text))
