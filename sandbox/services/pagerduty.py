"""PagerDuty Events v2: `/pagerduty/v2/enqueue`. What is accepted can be read at `/_recorded/pagerduty`."""

import json
from hashlib import sha256
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from sandbox.service import Service, state_of

NAME = "pagerduty"
ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
SUMMARY_LIMIT, DEDUP_KEY_LIMIT = 1_024, 255

router = APIRouter(prefix=f"/{NAME}/v2")


@router.post("/enqueue")
async def enqueue(request: Request) -> JSONResponse:
    """Take one event: 202, or 400 with every reason."""
    try:
        event = json.loads(await request.body())
    except ValueError:
        return _invalid(["the body is not JSON"])
    problems = find_problems(event) if isinstance(event, dict) else ["the event is not an object"]
    if problems:
        return _invalid(problems)
    state_of(request).received.append(NAME, via=event["event_action"], body=event)
    key = event.get("dedup_key") or sha256(json.dumps(event["payload"]).encode()).hexdigest()[:32]
    return JSONResponse({"status": "success", "message": "Event processed", "dedup_key": key}, 202)


def find_problems(event: dict[str, Any]) -> list[str]:
    """Everything that PagerDuty would refuse in an event."""
    problems = []
    action, key = event.get("event_action"), event.get("dedup_key")
    if not isinstance(event.get("routing_key"), str) or not event["routing_key"]:
        problems.append("'routing_key' is missing or blank")
    if action not in ACTIONS:
        problems.append(f"'event_action' must be one of {', '.join(ACTIONS)}")
    if key is not None and (not isinstance(key, str) or len(key) > DEDUP_KEY_LIMIT):
        problems.append(f"'dedup_key' must be a text of at most {DEDUP_KEY_LIMIT} characters")
    if action in ("acknowledge", "resolve") and not key:
        problems.append(f"'dedup_key' is needed to {action}")
    if action == "trigger":
        problems += _find_payload_problems(event.get("payload"))
    return problems


def _find_payload_problems(payload: Any) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing"]
    problems = []
    summary = payload.get("summary")
    if not isinstance(summary, str) or not 0 < len(summary) <= SUMMARY_LIMIT:
        problems.append(f"'payload.summary' must be a text of 1 to {SUMMARY_LIMIT} characters")
    if not isinstance(payload.get("source"), str) or not payload["source"]:
        problems.append("'payload.source' is missing or blank")
    if payload.get("severity") not in SEVERITIES:
        problems.append(f"'payload.severity' must be one of {', '.join(SEVERITIES)}")
    return problems


def _invalid(problems: list[str]) -> JSONResponse:
    body = {"status": "invalid event", "message": "Event object is invalid", "errors": problems}
    return JSONResponse(body, 400)


def fail(path: str, status: int) -> Response:
    """PagerDuty's answer with a failing status."""
    message = "Rate Limit Exceeded" if status == 429 else f"sandbox: status {status}"
    return JSONResponse({"status": "error", "message": message}, status)


SERVICE = Service(NAME, router, fail=fail)
