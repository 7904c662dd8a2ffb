"""A plain webhook: takes any JSON at `/webhook/{name}`; it can be read at `/_recorded/webhook`."""

import json

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from sandbox.service import Service, state_of

NAME = "webhook"

router = APIRouter(prefix=f"/{NAME}")


@router.post("/{name}")
async def receive(name: str, request: Request) -> JSONResponse:
    """Keep one message; an empty one is the test of a connection in Airflow's form."""
    sent = await request.body()
    if not sent:
        return JSONResponse({"ok": True})
    try:
        body = json.loads(sent)
    except ValueError:
        return JSONResponse({"error": "the body is not JSON"}, 400)
    state_of(request).received.append(NAME, via=name, body=body)
    return JSONResponse({"ok": True})


SERVICE = Service(NAME, router)
