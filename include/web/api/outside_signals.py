"""Messages from outside: taken for `collect_signals` to judge, or only read, as a trial."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from include.exchange.message_text import LONGEST_MESSAGE
from include.exchange.messages import OutsideMessage, shown, store_message
from include.exchange.text_signals import parse
from include.web.api.caller import CallerDep, EngineDep
from include.web.api.encoding import JsonAnswer, camel_keys
from include.web.api.errors import ApiError, refusals
from include.web.api.parameters import AnswerShape, Body, Text
from include.web.api.work import IdempotencyKey

JUDGED_BY = "collect_signals"
router = APIRouter(tags=["signals"])
debug_router = APIRouter(tags=["signals"])

MessageText = Annotated[
    Text, Field(min_length=1, max_length=LONGEST_MESSAGE, description="as it was written")
]
Name = Annotated[Text, Field(min_length=1, max_length=200)]


class MessageBody(Body):
    """A message from outside, and how its chat names it."""

    message: MessageText
    chat_id: Name | None = Field(None, description="where it was written; none: the caller")
    message_id: Name | None = Field(
        None, description="its name in the chat; none: the Idempotency-Key, else a new message each time"
    )
    edit_number: int = Field(0, ge=0, le=10_000, description="0 as first written, 1 its first edit, …")


class MessageAnswer(AnswerShape):
    """The message is stored; the next run of `collect_signals` judges it."""

    success: bool
    id: str
    status: str = Field(description="received, or of a message that was known: what became of it")
    reason: str | None
    parsed: dict[str, Any] = Field(description="what the parser reads in it, without the list of markets")


class TrialBody(Body):
    """A message to try the parser on."""

    message: MessageText
    source: Name | None = Field(None, description="said back, and used for nothing")


class TrialAnswer(AnswerShape):
    """What the parser makes of a message."""

    success: bool
    placed: bool = Field(description="always false: nothing is stored, and nothing ordered")
    note: str
    source: str | None
    parsed: dict[str, Any]


def _read(message: str) -> dict[str, Any]:
    found = parse(message)
    read: dict[str, Any] = camel_keys({**shown(found), "reason": found.reason})
    return read


@router.post(
    "/signals",
    status_code=202,
    response_model=MessageAnswer,
    responses=refusals(409),
    summary="Hand in a message",
)
def take_message(
    body: MessageBody, caller: CallerDep, engine: EngineDep, idempotency_key: IdempotencyKey = None
) -> Response:
    """Stores a message once. For callers of the scope operate: it may become a trade, and an order."""
    if not caller.sees_all:
        raise ApiError(403, "The API key has no scope operate.")
    caller.check_may_start(JUDGED_BY)
    message = OutsideMessage(
        "api",
        body.chat_id or caller.name,
        body.message_id or idempotency_key or str(uuid4()),
        body.message,
        edit_number=body.edit_number,
        change="edit" if body.edit_number else None,
    )
    with engine.begin() as connection:
        stored = store_message(connection, message)
    if stored.message != body.message:
        raise ApiError(
            409,
            f"Message {message.message_id} of {message.chat_id} is known with other words; "
            "an edit of it bears the next editNumber.",
        )
    answer = {
        "id": str(stored.id),
        "status": stored.status,
        "reason": stored.reason,
        "parsed": _read(body.message),
    }
    return JsonAnswer(answer, 202, {"Cache-Control": "no-store"})


@debug_router.post("/signal", response_model=TrialAnswer, summary="Try the parser on a message")
def try_message(body: TrialBody, caller: CallerDep) -> Response:
    """Says what the parser reads in a message. Nothing is stored, and no order is ever placed."""
    answer = {
        "placed": False,
        "note": "Nothing was stored and no order is placed: this only says how the message reads.",
        "source": body.source,
        "parsed": _read(body.message),
    }
    return JsonAnswer(answer, headers={"Cache-Control": "no-store"})
