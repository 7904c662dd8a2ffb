"""Stands before every path of the API: who calls, may they, is it too much. No route can be left open.

What it has answered to the same caller already, and what is still true, it answers itself (`kept`).
"""

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import MutableMapping
from datetime import timedelta
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.async_statements import async_statements
from include.database import sql
from include.settings import Settings
from include.web.api.caching import answer_known
from include.web.api.caller import Caller
from include.web.api.errors import ApiError, refuse
from include.web.api.kept import GivenAnswers, Question
from include.web.api_keys import KEY_FORM, KEY_PREFIX
from include.web.credentials import CHALLENGE, bearer_of
from include.web.host import MEASURE_DAG, Person, WebHost

WINDOW = timedelta(minutes=1)  # of the limit of requests
MOST_UNKNOWN, UNKNOWN_FOR = 10_000, 60.0  # keys that a process remembers to be none of ours, and seconds
READING = ("GET", "HEAD", "OPTIONS")
NOBODY = (
    "Nobody is logged in: send an API key (Authorization: Bearer top_… or X-API-Key), or a login of Airflow."
)
KEY_REFUSALS = {"unknown": "is none of ours", "revoked": "is revoked", "expired": "has expired"}


class Guard:
    """ASGI middleware of the API: puts the `Caller` into `request.state.caller`, or refuses."""

    def __init__(self, app: ASGIApp, host: WebHost) -> None:
        self._app = app
        self._host = host
        self._unknown = _UnknownKeys()
        self._kept: WeakKeyDictionary[Engine, GivenAnswers] = WeakKeyDictionary()  # versions are a database's

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            caller, limit, question = await self._admit(request)
        except Exception as error:
            await refuse(error, scope, receive, send)
            return

        async def send_with_limit(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(limit)
            await send(message)

        if kept := question.find():
            scope["route"] = kept.route  # as the router would: measurements bear its name
            await answer_known(request, kept.body, kept.headers)(scope, receive, send_with_limit)
            return
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state.update(caller=caller, question=question)
        await self._app(scope, receive, send_with_limit)

    async def _admit(self, request: Request) -> tuple[Caller, dict[str, str], Question]:
        key, person = key_of(request), None
        reading = request.method in READING
        if key is None:
            person = await self._host.person(request)
            if person is None:
                raise ApiError(401, NOBODY, headers=CHALLENGE)
            await run_in_threadpool(_check_person, person, request, reading)  # Airflow may ask its database
        key_hash = None if key is None else self._hash_of_possible_key(key)
        engine, settings = await engine_and_settings(self._host)
        found = await count_request(
            engine,
            settings.api_requests_per_minute,
            key_hash=key_hash,
            caller=f"person:{person.name}" if person else None,
            reading=request.method == "GET",
        )
        if found.refused:
            if key_hash is not None and found.refused == "unknown":
                self._unknown.note(key_hash)
            raise _key_refusal(found.refused)
        remaining = f'"requests";r={found.remaining};t={math.ceil(found.full_in)}'
        limit = _policy(settings.api_requests_per_minute) | {"RateLimit": remaining}
        if person is not None:
            caller = Caller(f"person:{person.name}", None, True, person)
        else:
            scopes = set(found.scopes)
            if not scopes & {"operate", "read" if reading else "write"}:
                needed = "read" if reading else "write"
                words = f"The API key has no scope {needed}; it has {', '.join(sorted(scopes))}."
                raise ApiError(403, words)
            caller = Caller(f"key:{found.prefix}", found.user_id, "operate" in scopes)
        asked = (caller.name, caller.only_user, request.url.path, request.scope["query_string"])
        kept = self._kept.get(engine) or self._kept.setdefault(engine, GivenAnswers())
        return caller, limit, Question(engine, kept, asked, found.version)

    def _hash_of_possible_key(self, key: str) -> bytes:
        """The hash of a key that may be one of ours. Raises ApiError: what cannot be costs no statement."""
        key_hash = hashlib.sha256(key.encode("utf-8", "replace")).digest()
        if not KEY_FORM.fullmatch(key) or self._unknown.has(key_hash):
            raise _key_refusal("unknown")
        return key_hash


class _UnknownKeys:
    """Keys that were none of ours a moment ago, by their hashes.

    No address is remembered: it may be that of a proxy, behind which honest callers are.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def has(self, key_hash: bytes) -> bool:
        return self._until.get(key_hash, 0.0) > time.monotonic()

    def note(self, key_hash: bytes) -> None:
        with self._lock:
            self._until[key_hash] = time.monotonic() + UNKNOWN_FOR
            if len(self._until) > MOST_UNKNOWN:
                self._until.popitem(last=False)


async def engine_and_settings(host: WebHost) -> tuple[Engine, Settings]:
    """What the host hands out; in a thread where it has to ask Airflow for it."""

    def read() -> tuple[Engine, Settings]:
        return host.engine(), host.settings()

    return read() if host.at_hand() else await run_in_threadpool(read)


async def count_request(
    engine: Engine,
    calls: int,
    *,
    key_hash: bytes | None = None,
    caller: str | None = None,
    reading: bool = False,
) -> Any:
    """Find a key, or count a caller that is known by name; a row of the function `admit_api_call`.

    Raises ApiError (429) beyond so many calls a minute.
    """
    asked = {"key_hash": key_hash, "caller": caller, "calls": calls, "window": WINDOW, "reading": reading}
    (found,) = await async_statements(engine).fetch(sql("web/admit_api_call"), asked)
    if found.wait is not None:
        seconds = math.ceil(found.wait)
        words = f"More than {calls} requests a minute; try again in {seconds} s."
        told = {"Retry-After": str(seconds), "RateLimit": f'"requests";r=0;t={seconds}'}
        raise ApiError(429, words, headers=_policy(calls) | told)
    return found


def _policy(calls: int) -> dict[str, str]:
    return {"RateLimit-Policy": f'"requests";q={calls};w={WINDOW.seconds}'}


def _key_refusal(reason: str) -> ApiError:
    challenge = {name: f'{value}, error="invalid_token"' for name, value in CHALLENGE.items()}
    return ApiError(401, f"The API key {KEY_REFUSALS[reason]}.", headers=challenge)


def key_of(request: Request) -> str | None:
    """The API key that a request brings; None when it brings none, but perhaps a login."""
    bearer = bearer_of(request)
    if bearer and bearer.startswith(KEY_PREFIX):
        return bearer
    return request.headers.get("X-API-Key")


def _check_person(person: Person, request: Request, reading: bool) -> None:
    if reading:
        if not person.may_read():
            raise ApiError(403, f"{person.name} may not see the runs of {MEASURE_DAG} in Airflow.")
        return
    # A cookie comes along with whatever another site makes a browser send.
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        raise ApiError(403, "This request was made by a page of another site.")
    if not person.may_start(MEASURE_DAG):
        raise ApiError(403, f"{person.name} may not start {MEASURE_DAG} in Airflow, so may read only.")
