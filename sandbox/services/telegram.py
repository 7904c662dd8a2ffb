"""Telegram's Bot API: `/telegram/bot<token>/getMe` and `getUpdates`, and a door for whoever plays a chat.

An update is given again until a later offset confirms it, 100 at once at most, as Telegram does it. `POST
/telegram/_updates` takes the content of one (`{"message": {…}}`, `{"edited_message": {…}}`) and numbers it.
"""

from typing import Any, cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from sandbox.service import Service, state_of

NAME = "telegram"
FIRST_UPDATE = 700_000_001
MOST_UPDATES = 100  # of one answer
MOST_KEPT = 10_000

router = APIRouter(prefix=f"/{NAME}")


def _queue_of(request: Request) -> dict[str, Any]:
    """What waits (`updates`), and the number of the next one."""
    state = request.app.state
    if not hasattr(state, "telegram") or state_of(request).received.count(NAME) == 0:
        state.telegram = {"updates": [], "next": FIRST_UPDATE}
    return cast("dict[str, Any]", state.telegram)


@router.post("/_updates")
async def write_update(request: Request) -> JSONResponse:
    """Let something happen in a chat."""
    content = await request.json()
    queue = _queue_of(request)
    update = {"update_id": queue["next"], **content}
    queue["next"] += 1
    queue["updates"] = [*queue["updates"], update][-MOST_KEPT:]
    state_of(request).received.append(NAME, via="chat", body=update)
    return JSONResponse(update, 201)


@router.get("/bot{token}/getMe")
async def show_bot(token: str) -> JSONResponse:
    """Who the bot is, by its token."""
    bot, _, secret = token.partition(":")
    if not (bot.isdecimal() and secret):
        return _refuse(401, "Unauthorized")
    result = {"id": int(bot), "is_bot": True, "first_name": "sandbox", "username": "sandbox_bot"}
    return JSONResponse({"ok": True, "result": result})


@router.get("/bot{token}/getUpdates")
async def list_updates(
    token: str, request: Request, offset: int = 0, limit: int = MOST_UPDATES
) -> JSONResponse:
    """The updates from `offset` on; those before it are confirmed, and forgotten."""
    bot, _, secret = token.partition(":")
    if not (bot.isdecimal() and secret):
        return _refuse(401, "Unauthorized")
    queue = _queue_of(request)
    if offset > 0:
        queue["updates"] = [update for update in queue["updates"] if update["update_id"] >= offset]
    return JSONResponse({"ok": True, "result": queue["updates"][: max(1, min(limit, MOST_UPDATES))]})


def _refuse(code: int, description: str, **parameters: Any) -> JSONResponse:
    more = {"parameters": parameters} if parameters else {}
    return JSONResponse({"ok": False, "error_code": code, "description": description, **more}, code)


def fail(path: str, status: int) -> Response:
    """Telegram's answer with a failing status."""
    if status == 429:
        return _refuse(429, "Too Many Requests: retry after 1", retry_after=1)
    return _refuse(status, f"sandbox: status {status}")


SERVICE = Service(NAME, router, fail=fail)
