"""The IBKR gateway on one's own machine: POST `/ibkr/v1/api/iserver/auth/status`. Its login is by hand."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from sandbox.faults import SESSION_KINDS
from sandbox.service import Service, state_of

NAME = "ibkr"

router = APIRouter(prefix=f"/{NAME}/v1/api")


@router.post("/iserver/auth/status")
async def show_status(request: Request) -> JSONResponse:
    """Whether somebody is logged in, and whether another session uses the same login."""
    fault = state_of(request).faults.take(NAME, SESSION_KINDS, None, request.url.path)
    kind = request.state.fault = fault.kind if fault else None
    return JSONResponse(
        {
            "authenticated": kind not in ("logged_out", "disconnected"),
            "competing": kind == "competing",
            "connected": kind != "disconnected",
            "message": "",
            "MAC": "00:00:00:00:00:00",
            "serverInfo": {"serverName": "sandbox", "serverVersion": "sandbox"},
            "fail": "",
        }
    )


SERVICE = Service(NAME, router, kinds=tuple(SESSION_KINDS))
