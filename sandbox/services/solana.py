"""A Solana node's JSON-RPC: POST `/solana/` with the method `getHealth`."""

import json

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from sandbox.faults import NODE_KINDS
from sandbox.service import Service, state_of

NAME = "solana"
BEHIND = 42  # slots

router = APIRouter(prefix=f"/{NAME}")


@router.post("/")
async def answer(request: Request) -> JSONResponse:
    """`ok`, or that the node lags behind."""
    try:
        asked = json.loads(await request.body())
        name, id_ = asked["method"], asked["id"]
    except (ValueError, TypeError, KeyError):
        return _error(None, -32600, "Invalid request")
    if name != "getHealth":
        return _error(id_, -32601, "Method not found")
    fault = state_of(request).faults.take(NAME, NODE_KINDS, None, request.url.path)
    request.state.fault = fault.kind if fault else None
    if fault:
        return _error(id_, -32005, f"Node is behind by {BEHIND} slots", {"numSlotsBehind": BEHIND})
    return JSONResponse({"jsonrpc": "2.0", "result": "ok", "id": id_})


def _error(id_: object, code: int, message: str, data: object = None) -> JSONResponse:
    error = {"code": code, "message": message} | ({"data": data} if data else {})
    return JSONResponse({"jsonrpc": "2.0", "error": error, "id": id_})


SERVICE = Service(NAME, router, kinds=tuple(NODE_KINDS))
