"""BingX: `/bingx/openApi/swap/v2/server/time`. Errors come under status 200, with a `code` other than 0."""

import time

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from sandbox.service import Service

NAME = "bingx"

router = APIRouter(prefix=f"/{NAME}/openApi/swap/v2")


@router.get("/server/time")
async def show_time() -> JSONResponse:
    """The exchange's clock, in milliseconds."""
    return JSONResponse({"code": 0, "msg": "", "data": {"serverTime": int(time.time() * 1000)}})


def error_in_200(path: str) -> Response:
    """A busy server, as BingX tells it."""
    return JSONResponse({"code": 100500, "msg": "Internal system error (sandbox)", "data": {}})


def fail(path: str, status: int) -> Response:
    """BingX's answer with a failing status."""
    code = 100410 if status == 429 else 100000 + status
    return JSONResponse({"code": code, "msg": f"sandbox: status {status}", "data": {}}, status)


SERVICE = Service(NAME, router, error_in_200=error_in_200, fail=fail)
