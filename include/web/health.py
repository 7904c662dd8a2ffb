"""`/health`: one word for load balancers and monitors. Anybody may ask, so a flood must cost nothing."""

from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from include.probes.probe import Status
from include.web.shared_look import SharedLook

ANSWER_SECONDS = 1.5  # after which the database counts as down
KEPT_SECONDS = 1.0  # for which a look answers whoever asks


def health(
    look: Callable[[], Status], *, seconds: float = ANSWER_SECONDS, kept: float = KEPT_SECONDS
) -> APIRouter:
    """Make the route `/health`, which answers within `seconds`."""
    router = APIRouter()
    down: Status = "down"
    shared = SharedLook(look, late=down, seconds=seconds, kept=kept)

    @router.get("/health")
    async def show_health() -> JSONResponse:
        word = await shared()
        return JSONResponse({"status": word}, 503 if word == "down" else 200)

    return router
