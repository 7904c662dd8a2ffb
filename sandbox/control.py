"""The sandbox's own controls: health, faults, requests, received messages. Faults never touch these."""

import json

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from sandbox.faults import FaultError
from sandbox.service import state_of

router = APIRouter()


@router.get("/health")
async def check_health() -> JSONResponse:
    """Whether it runs, and that it is the sandbox."""
    return JSONResponse({"status": "ok", "sandbox": True})


# The addresses of the stack's connections: Airflow's form tests one of type http by an empty POST to it.
DOORS = (
    *(
        "/",
        "/llm/v1",
        "/llm_second/v1",
        "/slack/api",
        "/pagerduty",
        "/market",
        "/sec",
        "/fred",
        "/bls/publicAPI/v2",
        "/census",
        "/bingx",
        "/ibkr",
        "/jupiter",
        "/geckoterminal/api/v2",
        "/telegram",
    ),
)


async def open_door() -> JSONResponse:
    """Say that an imitation is here."""
    return JSONResponse({"sandbox": True})


for door in DOORS:
    router.add_api_route(door, open_door, methods=["GET", "POST"])


@router.get("/_faults")
async def list_faults(request: Request) -> JSONResponse:
    """The faults that are switched on; `times` is what is left."""
    return JSONResponse({"faults": state_of(request).faults.show()})


@router.post("/_faults")
async def switch_on_fault(request: Request) -> JSONResponse:
    """Switch on one fault; 400 in words where it makes no sense."""
    try:
        fault = state_of(request).faults.switch_on(json.loads(await request.body()))
    except FaultError as error:
        return JSONResponse({"error": str(error)}, 400)
    except ValueError:
        return JSONResponse({"error": "the body is not JSON"}, 400)
    return JSONResponse(fault.model_dump(exclude_none=True) | {"times": fault.times}, 201)


@router.delete("/_faults")
async def clear_faults(request: Request, service: str | None = None) -> JSONResponse:
    """Switch off all faults, or those of one service."""
    state_of(request).faults.clear(service)
    return await list_faults(request)


@router.get("/_requests/{service}")
async def list_requests(request: Request, service: str) -> JSONResponse:
    """What was asked of a service, newest last; `count` includes what is no longer kept."""
    return _show(request, service, "requests")


@router.get("/_recorded/{service}")
async def list_received(request: Request, service: str) -> JSONResponse:
    """The messages that a service accepted, newest last; `count` includes what is no longer kept."""
    return _show(request, service, "messages")


@router.delete("/_requests")
async def clear_requests(request: Request) -> JSONResponse:
    """Forget what was asked."""
    state_of(request).requests.clear()
    return JSONResponse({"status": "ok"})


@router.delete("/_recorded")
async def clear_received(request: Request) -> JSONResponse:
    """Forget the messages."""
    state_of(request).received.clear()
    return JSONResponse({"status": "ok"})


def _show(request: Request, service: str, what: str) -> JSONResponse:
    state = state_of(request)
    if service not in request.app.state.services:
        known = ", ".join(request.app.state.services)
        return JSONResponse({"error": f"no service {service!r} here; there are: {known}"}, 404)
    log = state.requests if what == "requests" else state.received
    return JSONResponse({"service": service, "count": log.count(service), what: log.entries(service)})
