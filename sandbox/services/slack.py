"""Slack: incoming webhooks, `chat.postMessage`, and files. `/_recorded/slack` has what is accepted.

A file goes up in three steps: `files.getUploadURLExternal` gives an address below this very sandbox, the
bytes are posted there, once and as many as were announced, and `files.completeUploadExternal` shows it in a
channel, which is named by its id. Before that nobody sees it. Names of the errors: docs.slack.dev.

Limits from Slack's documents: header 150 characters, section 3000, 50 blocks, about 13,000 characters in
all. The names of the errors for blocks and for the sum are from memory.
"""

import json
import re
import secrets
import time
from typing import Any, cast

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
ALT_LIMIT = 1_000  # characters
CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{5,}")
MAX_UPLOADS = 200  # that are remembered

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


def _uploads_of(request: Request) -> dict[str, dict[str, Any]]:
    """The uploads that were announced, by their id: name, length, and the bytes when they have come."""
    state = request.app.state
    if not hasattr(state, "slack_uploads"):
        state.slack_uploads = {}
    return cast("dict[str, dict[str, Any]]", state.slack_uploads)


@router.api_route("/api/files.getUploadURLExternal", methods=["GET", "POST"])
async def get_upload_url(request: Request) -> JSONResponse:
    """Announce a file; its values come in the query or as a form."""
    if not request.headers.get("authorization", "").startswith("Bearer "):
        return JSONResponse({"ok": False, "error": "not_authed"})
    sent = dict(request.query_params)
    if request.method == "POST":
        sent |= {name: str(value) for name, value in (await request.form()).items()}
    length = sent.get("length", "")
    if not sent.get("filename") or not length.isdecimal() or int(length) == 0:
        return JSONResponse({"ok": False, "error": "invalid_arguments"})
    if len(sent.get("alt_txt", "")) > ALT_LIMIT:
        return JSONResponse({"ok": False, "error": "alt_txt_too_large"})
    id = f"F{secrets.token_hex(5).upper()}"
    uploads = _uploads_of(request)
    while len(uploads) >= MAX_UPLOADS:
        del uploads[next(iter(uploads))]
    uploads[id] = {
        "name": sent["filename"],
        "length": int(length),
        "alt_txt": sent.get("alt_txt"),
        "bytes": None,
    }
    url = str(request.url_for("upload_file", id=id))
    return JSONResponse({"ok": True, "upload_url": url, "file_id": id})


@router.post("/upload/v1/{id}")
async def upload_file(id: str, request: Request) -> PlainTextResponse:
    """Take the bytes of an announced file: as many as announced, and once."""
    upload = _uploads_of(request).get(id)
    body = await request.body()
    if upload is None or upload["bytes"] is not None:
        return PlainTextResponse("this address is unknown or was used", 404)
    if len(body) != upload["length"]:
        return PlainTextResponse(f"{len(body)} bytes, {upload['length']} were announced", 400)
    upload["bytes"] = body
    return PlainTextResponse(f"OK - {len(body)}")


@router.post("/api/files.completeUploadExternal")
async def complete_upload(request: Request) -> JSONResponse:
    """Show uploaded files in a channel, with a comment."""
    if not request.headers.get("authorization", "").startswith("Bearer "):
        return JSONResponse({"ok": False, "error": "not_authed"})
    if request.headers.get("content-type", "").startswith("application/json"):
        message = _parse(await request.body()) or {}
    else:  # as slack_sdk sends it: a form, whose list is JSON
        message = {name: str(value) for name, value in (await request.form()).items()}
        message["files"] = json.loads(message.get("files") or "null")
    files = message.get("files")
    if not isinstance(files, list) or not files:
        return JSONResponse({"ok": False, "error": "invalid_arguments"})
    announced = _uploads_of(request)
    uploads = [announced.get(str(file.get("id"))) for file in files if isinstance(file, dict)]
    if len(uploads) != len(files) or not all(upload and upload["bytes"] is not None for upload in uploads):
        return JSONResponse({"ok": False, "error": "file_not_found"})
    channel = message.get("channel_id")
    if channel is not None and not CHANNEL_ID.fullmatch(str(channel)):
        return JSONResponse({"ok": False, "error": "channel_not_found"})
    shown = [
        {"id": file["id"], "title": file.get("title"), "name": upload["name"], "length": upload["length"],
         "alt_txt": upload["alt_txt"]}
        for file, upload in zip(files, uploads, strict=True)
        if upload
    ]  # fmt: skip
    for file in files:
        del announced[file["id"]]  # completed: not again
    if channel is not None:  # without one a file is private, and nobody sees it
        state_of(request).received.append(
            NAME,
            via="files.completeUploadExternal",
            body={"channel": channel, "text": message.get("initial_comment"), "files": shown},
        )
    return JSONResponse(
        {"ok": True, "files": [{"id": file["id"], "title": file.get("title")} for file in files]}
    )


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
