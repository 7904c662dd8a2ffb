"""Jupiter's Price API V3: `/price/v3?ids=<mint>,…`, with a key. What has no price is absent."""

from decimal import Decimal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from sandbox.faults import TOKEN_PRICE_KINDS
from sandbox.service import Service, state_of
from sandbox.tokens import DECIMALS, read_slot

NAME = "jupiter"
MOST_IDS = 50

router = APIRouter(prefix=f"/{NAME}/price/v3")


def faulty_price(request: Request, service: str) -> Decimal | None:
    """The token's price with the fault that is switched on for this request; None: it has none."""
    state = state_of(request)
    fault = state.faults.take(service, TOKEN_PRICE_KINDS, None, request.url.path)
    request.state.fault = fault.kind if fault else None
    price = state.tokens.read_price()
    if fault is None:
        return price
    return {"times_100": price * 100, "zero_price": Decimal(0), "unpriced": None}[fault.kind]


@router.get("")
async def list_prices(request: Request, ids: str = "") -> JSONResponse:
    """The price of each mint that is asked for: all are one token here."""
    if not request.headers.get("x-api-key"):
        return JSONResponse({"code": 401, "message": "Unauthorized"}, 401)
    mints = [mint for mint in ids.split(",") if mint]
    if not mints or len(mints) > MOST_IDS:
        return JSONResponse({"error": f"ids: 1 to {MOST_IDS} mints (sandbox)"}, 400)
    price = faulty_price(request, NAME)
    if price is None:
        return JSONResponse({})
    one = {
        "createdAt": "2025-06-05T08:55:25.527Z",
        "liquidity": 621679.3,
        "usdPrice": float(price),
        "blockId": read_slot(),
        "decimals": DECIMALS,
        "priceChange24h": 1.3,
    }
    return JSONResponse(dict.fromkeys(mints, one))


def fail(path: str, status: int) -> Response:
    """Jupiter's answer with a failing status."""
    return JSONResponse({"code": status, "message": f"sandbox: status {status}"}, status)


SERVICE = Service(NAME, router, kinds=tuple(TOKEN_PRICE_KINDS), fail=fail)
