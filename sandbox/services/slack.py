"""Slack: incoming webhooks and `chat.postMessage`. What is accepted can be read at `/_recorded/slack`.

Limits from Slack's documents: header 150 characters, section 3000, 50 blocks, about 13,000 characters in
all. The names of the errors for blocks and for the sum are from memory.
"""

import json
import time
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from sandbox.service import Service, state_of

NAME = "slack"
HEADER_LIMIT, SECTION_LIMIT, BLOCKS_LIMIT, TOTAL_LIMIT = 150, 3_000, 50, 13_000
WEBHOOK_ERRORS = {
    400: "invalid_payload",
    403: "action_prohibited",
    404: "no_service",
    410: "channel_is_archived",
    429: "rate_limited",
}
API = f"/{NAME}/api/"

router = APIRouter(prefix=f"/{NAME}")


@router.post("/services/{token:path}")
async def receive_webhook(token: str, request: Request) -> PlainTextResponse:
    """An incoming webhook: answers `ok`, or 400 and the error as text. Any token opens it."""
    message = _parse(await request.body())
    problem = "invalid_payload" if message is None else find_problem(message)
    if problem is not None:
        return PlainTextResponse(problem, 400)
    state_of(request).received.append(NAME, via="webhook", body=message)
    return PlainTextResponse("ok")


@router.post("/api/chat.postMessage")
async def post_message(request: Request) -> JSONResponse:
    """The Web API: always 200; `ok` says whether it worked."""
    if not request.headers.get("authorization", "").startswith("Bearer "):
        return JSONResponse({"ok": False, "error": "not_authed"})
    message = _parse(await request.body())
    if message is None:
        return JSONResponse({"ok": False, "error": "invalid_json"})
    if not message.get("channel"):
        return JSONResponse({"ok": False, "error": "channel_not_found"})
    problem = find_problem(message)
    if problem is not None:
        return JSONResponse({"ok": False, "error": problem})
    state_of(request).received.append(NAME, via="chat.postMessage", body=message)
    stamp = f"{time.time():.6f}"
    return JSONResponse({"ok": True, "channel": message["channel"], "ts": stamp, "message": message})


def find_problem(message: dict[str, Any]) -> str | None:
    """Slack's name for what is wrong with a message, or None."""
    text, blocks, attachments = message.get("text"), message.get("blocks"), message.get("attachments")
    if not text and not blocks and not attachments:
        return "no_text"
    if text is not None and not isinstance(text, str):
        return "invalid_payload"
    if blocks is None:
        return None
    if not isinstance(blocks, list) or len(blocks) > BLOCKS_LIMIT:
        return "invalid_blocks"
    if not all(_is_sound(block) for block in blocks):
        return "invalid_blocks"
    return "msg_blocks_too_long" if sum(_length(block) for block in blocks) > TOTAL_LIMIT else None


def _is_sound(block: Any) -> bool:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        return False
    match block["type"]:
        case "header":
            return 0 < len(_text(block.get("text"))) <= HEADER_LIMIT
        case "section":
            fields = block.get("fields") or []
            if not isinstance(fields, list):
                return False
            texts = [_text(part) for part in (block.get("text"), *fields) if part]
            return bool(texts) and all(0 < len(text) <= SECTION_LIMIT for text in texts)
    return True


def _text(part: Any) -> str:
    return str(part.get("text", "")) if isinstance(part, dict) else ""


def _length(part: Any) -> int:
    """Characters of every `text` in a block, however deep."""
    if isinstance(part, list):
        return sum(_length(item) for item in part)
    if isinstance(part, dict):
        own = len(part["text"]) if isinstance(part.get("text"), str) else 0
        return own + sum(_length(value) for value in part.values() if isinstance(value, (dict, list)))
    return 0


def _parse(body: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(body)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def fail(path: str, status: int) -> Response:
    """Slack's answer with a failing status."""
    if path.startswith(API):
        error = "ratelimited" if status == 429 else "internal_error"
        return JSONResponse({"ok": False, "error": error}, status)
    return PlainTextResponse(WEBHOOK_ERRORS.get(status, "rollup_error"), status)


def error_in_200(path: str) -> Response | None:
    """The Web API's way of failing; webhooks do not do that."""
    return JSONResponse({"ok": False, "error": "channel_not_found"}) if path.startswith(API) else None


SERVICE = Service(NAME, router, fail=fail, error_in_200=error_in_200)
