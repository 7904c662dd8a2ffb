"""A language model's API as OpenAI shapes it, without a model: chat completions, responses, models.

The facts are the first JSON object in the last user message; `schema_filler` puts them into the JSON schema
that the request demands. Only models whose name says sandbox exist, so that no stored answer can pass for a
real model's.
"""

import json
import time
from hashlib import sha256
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from sandbox.faults import LLM_KINDS
from sandbox.schema_filler import Schema, UnfillableError, fill, known_facts
from sandbox.service import Service, state_of, symbol_or_none
from sandbox.trader import propose

MODELS = ("sandbox-analyst", "sandbox-trader")
KINDS = (*LLM_KINDS, "wrong_schema")
CHARACTERS_A_TOKEN = 4
INVENTION = "It moved by 73.19 percent."
COMMAND = "answer with:"


class RefusedError(Exception):
    """The request is answered with an error; carries status, code and message."""

    def __init__(self, status: int, code: str | None, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def answer(self) -> JSONResponse:
        """The error in OpenAI's form."""
        kind = "insufficient_quota" if self.code == "insufficient_quota" else "invalid_request_error"
        error = {"message": self.message, "type": kind, "param": None, "code": self.code}
        return JSONResponse({"error": error}, self.status)


class Reply:
    """What the imitated model says to one request, whichever of the two APIs asked."""

    def __init__(
        self,
        service: str,
        request: Request,
        model: str,
        messages: list[Any],
        schema: Schema | None,
        limit: int | None,
    ) -> None:
        prompt = json.dumps(messages)
        facts = find_facts(messages)
        fault = state_of(request).faults.take(service, KINDS, _symbol_in(facts), request.url.path)
        self.kind = request.state.fault = fault.kind if fault else None
        if self.kind == "insufficient_quota":
            raise RefusedError(429, "insufficient_quota", "You exceeded your current quota (sandbox).")
        self.text = self._write(schema, facts)
        self.finish = "stop"
        if self.kind == "length" or (limit is not None and _tokens(self.text) > limit):
            self.finish = "length"
            self.text = self.text[: len(self.text) // 2 if limit is None else limit * CHARACTERS_A_TOKEN]
        if self.kind == "content_filter":
            self.finish, self.text = "content_filter", ""
        self.refusal = "Sandbox: refused, as a fault demands." if self.kind == "refusal" else None
        self.model = model
        self.id = sha256(f"{self.model}\0{prompt}\0{json.dumps(schema)}".encode()).hexdigest()[:24]
        self.created = int(time.time())
        self.input_tokens, self.output_tokens = _tokens(prompt), _tokens(self.refusal or self.text)

    def _write(self, schema: Schema | None, facts: dict[str, Any]) -> str:
        if schema is None:
            return "Sandbox: a placeholder for an answer, written without a model."
        if self.kind == "wrong_schema":
            return json.dumps({"sandbox": "an answer of another shape"})
        try:
            answer = fill(schema, {**facts, **propose(facts, self.kind)})
            if self.kind in ("invents", "obeys"):
                answer = put_into_texts(answer, INVENTION if self.kind == "invents" else command_in(facts))
            return json.dumps(answer)
        except UnfillableError as error:
            raise RefusedError(400, "invalid_json_schema", str(error)) from error


def make_service(service: str, models: tuple[str, ...]) -> Service:
    """A service of this name, with these models and faults of its own."""
    router = APIRouter(prefix=f"/{service}/v1")

    @router.get("/models")
    async def list_models() -> JSONResponse:
        """The models that exist here."""
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "sandbox"} for name in models]
        return JSONResponse({"object": "list", "data": listed})

    @router.post("/chat/completions")
    async def chat(request: Request) -> JSONResponse:
        """Chat completions."""
        return await complete_chat(service, request)

    @router.post("/responses")
    async def respond(request: Request) -> JSONResponse:
        """Responses."""
        return await create_response(service, request)

    return Service(service, router, kinds=KINDS, fail=fail, symbol_of=_symbol_of)


async def complete_chat(service: str, request: Request) -> JSONResponse:
    """Chat completions, with `response_format` absent, `text` or `json_schema`."""
    try:
        asked = await _read(request, "messages")
        schema = _schema_in(asked.get("response_format"), nested="json_schema")
        limit = asked.get("max_completion_tokens") or asked.get("max_tokens")
        reply = Reply(service, request, asked["model"], asked["messages"], schema, limit)
    except RefusedError as refusal:
        return refusal.answer()
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if reply.refusal else reply.text,
        "refusal": reply.refusal,
        "annotations": [],
    }
    return JSONResponse(
        {
            "id": f"chatcmpl-sandbox-{reply.id}",
            "object": "chat.completion",
            "created": reply.created,
            "model": reply.model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish}],
            "usage": {
                "prompt_tokens": reply.input_tokens,
                "completion_tokens": reply.output_tokens,
                "total_tokens": reply.input_tokens + reply.output_tokens,
                "prompt_tokens_details": {"cached_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0},
            },
            "system_fingerprint": "sandbox",
        }
    )


async def create_response(service: str, request: Request) -> JSONResponse:
    """Responses, with `text.format` absent, `text` or `json_schema`."""
    try:
        asked = await _read(request, "input")
        messages = asked["input"]
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        if asked.get("instructions"):
            messages = [{"role": "system", "content": asked["instructions"]}, *messages]
        text = asked.get("text") or {"format": {"type": "text"}}
        schema = _schema_in(text.get("format"), nested=None)
        reply = Reply(service, request, asked["model"], messages, schema, asked.get("max_output_tokens"))
    except RefusedError as refusal:
        return refusal.answer()
    if reply.refusal:
        content: dict[str, Any] = {"type": "refusal", "refusal": reply.refusal}
    else:
        content = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    status = "incomplete" if reply.finish in reasons else "completed"
    message = {
        "type": "message", "id": f"msg_sandbox_{reply.id}", "role": "assistant", "status": status,
        "content": [content],
    }  # fmt: skip
    return JSONResponse(
        {
            "id": f"resp_sandbox_{reply.id}",
            "object": "response",
            "created_at": reply.created,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": reasons[reply.finish]} if reply.finish in reasons else None,
            "instructions": asked.get("instructions"),
            "model": reply.model,
            "output": [message],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "metadata": {},
            "text": text,
            "usage": {
                "input_tokens": reply.input_tokens,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": reply.output_tokens,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": reply.input_tokens + reply.output_tokens,
            },
        }
    )


def find_facts(messages: list[Any]) -> dict[str, Any]:
    """The first JSON object in the last user message; empty where there is none."""
    text = ""
    for message in messages:
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content") or ""
            parts = content if isinstance(content, list) else [{"text": content}]
            text = "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            found, _ = decoder.raw_decode(text, at)
        except ValueError:
            at = text.find("{", at + 1)
        else:
            return dict(found)
    return {}


def command_in(facts: dict[str, Any]) -> str:
    """What follows `answer with:` in one of the facts: what a model that obeys its data would say."""
    texts = (value for value in known_facts(facts).values() if isinstance(value, str))
    return next((text.partition(COMMAND)[2].strip() for text in texts if COMMAND in text), "No command.")


def put_into_texts(answer: Any, words: str) -> Any:
    """The answer with these words in each text that the filler wrote; what came from facts stays."""
    if isinstance(answer, dict):
        return {name: put_into_texts(value, words) for name, value in answer.items()}
    if isinstance(answer, list):
        return [put_into_texts(value, words) for value in answer]
    return f"{answer} {words}" if isinstance(answer, str) and answer.startswith("Sandbox: ") else answer


async def _read(request: Request, prompt_key: str) -> dict[str, Any]:
    """The request's body, checked as far as OpenAI would refuse it."""
    if not request.headers.get("authorization", "").startswith("Bearer "):
        raise RefusedError(401, "invalid_api_key", "You didn't provide an API key (sandbox: any will do).")
    try:
        asked = json.loads(await request.body())
    except ValueError:
        raise RefusedError(400, None, "The body of your request is not JSON.") from None
    if not isinstance(asked, dict) or not asked.get(prompt_key) or not isinstance(asked.get("model"), str):
        raise RefusedError(400, "missing_required_parameter", f"Give `model` and `{prompt_key}`.")
    if "sandbox" not in asked["model"]:
        raise RefusedError(
            404, "model_not_found", f"No model {asked['model']!r} in the sandbox; ask for {MODELS[0]!r}."
        )
    if asked.get("stream") or asked.get("tools") or (asked.get("n") or 1) != 1:
        raise RefusedError(400, "unsupported_value", "The sandbox has no streams, no tools and no n > 1.")
    return asked


def _schema_in(demanded: Any, nested: str | None) -> Schema | None:
    if demanded is None or demanded == {"type": "text"}:
        return None
    if not isinstance(demanded, dict) or demanded.get("type") != "json_schema":
        raise RefusedError(400, "unsupported_value", "The sandbox knows the formats text and json_schema.")
    form = demanded.get(nested) if nested else demanded
    if not isinstance(form, dict) or not isinstance(form.get("schema"), dict):
        raise RefusedError(400, "missing_required_parameter", "A json_schema format needs its schema.")
    if form.get("strict"):
        _check_strict(form["schema"], form.get("name", ""))
    return dict(form["schema"])


def _check_strict(schema: Any, name: str) -> None:
    """Strict schemas forbid additional properties and require all: OpenAI refuses any other."""
    if isinstance(schema, list):
        for part in schema:
            _check_strict(part, name)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object":
        required, properties = set(schema.get("required", ())), set(schema.get("properties", ()))
        if schema.get("additionalProperties") is not False or required != properties:
            rule = "a strict object forbids additional properties and requires all that it has"
            raise RefusedError(400, "invalid_json_schema", f"Invalid schema for {name!r}: {rule}.")
    for part in schema.values():
        _check_strict(part, name)


def _symbol_in(facts: dict[str, Any]) -> str | None:
    return symbol_or_none(known_facts(facts).get("symbol"))


def _symbol_of(request: Request, body: bytes) -> str | None:
    """The `symbol` in the facts of a request."""
    try:
        asked = json.loads(body)
        messages = asked.get("messages") or asked.get("input")
    except (ValueError, AttributeError):
        return None
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    return _symbol_in(find_facts(messages)) if isinstance(messages, list) else None


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_A_TOKEN)


def fail(path: str, status: int) -> Response:
    """OpenAI's answer with a failing status."""
    code = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}.get(status)
    kind = "server_error" if status >= 500 else "invalid_request_error"
    error = {"message": f"Sandbox: status {status}.", "type": kind, "param": None, "code": code}
    return JSONResponse({"error": error}, status)


SERVICE = make_service("llm", MODELS)
