"""The fear & greed index of alternative.me: `/fng/`. Here it follows the synthetic bitcoin's last 30 days."""

import math

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from sandbox.coins import COINS
from sandbox.faults import ROW_KINDS
from sandbox.feed import Feed
from sandbox.market import DAY_MS, read_day_closes
from sandbox.service import Service

NAME = "fng"
LOOK_BACK_DAYS = 30
CLASSES = ((25, "Extreme Fear"), (47, "Fear"), (55, "Neutral"), (76, "Greed"), (101, "Extreme Greed"))

router = APIRouter(prefix=f"/{NAME}")


@router.get("/")
async def list_index(request: Request, limit: str = "1") -> JSONResponse:
    """One value a day, newest first; `limit=0` gives all."""
    if not limit.isdecimal():
        return JSONResponse({"data": [], "metadata": {"error": "limit must be a whole number"}}, 400)
    feed = Feed(request, NAME, COINS["BTC"], tuple(ROW_KINDS))
    today = feed.now // DAY_MS * DAY_MS
    closes = read_day_closes(feed.coin, today).tolist()
    wanted = min(int(limit) or len(closes), len(closes) - LOOK_BACK_DAYS)
    rows = []
    for ago in range(wanted):
        value = _index(closes[-1 - ago] / closes[-1 - ago - LOOK_BACK_DAYS])
        rows.append(
            {
                "value": str(value),
                "value_classification": next(name for limit_, name in CLASSES if value < limit_),
                "timestamp": str((today - ago * DAY_MS) // 1000),
            }
        )
    if rows:
        rows[0]["time_until_update"] = str((today + DAY_MS - feed.now) // 1000)
    return JSONResponse(
        {"name": "Fear and Greed Index (sandbox)", "data": feed.rows(rows), "metadata": {"error": None}}
    )


def _index(growth: float) -> int:
    """0 to 100 from the growth over the look-back: 50 when nothing moved, 73 after +20 %."""
    return round(50.0 + 50.0 * math.tanh(2.7 * math.log(growth)))


SERVICE = Service(NAME, router, kinds=tuple(ROW_KINDS))
