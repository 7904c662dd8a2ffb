"""GeckoTerminal: `/api/v2/simple/networks/solana/token_price/<mints>`; what has no price is absent."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from sandbox.faults import TOKEN_PRICE_KINDS
from sandbox.service import Service
from sandbox.services.jupiter import faulty_price

NAME = "geckoterminal"
MOST_ADDRESSES = 30

router = APIRouter(prefix=f"/{NAME}/api/v2")


def answer_prices(request: Request, service: str, addresses: str) -> JSONResponse:
    """Prices as texts by address, as CoinGecko and GeckoTerminal both write them."""
    mints = addresses.split(",")
    if len(mints) > MOST_ADDRESSES:
        return _refuse(422, "exceeded maximum addresses")
    price = faulty_price(request, service)
    prices = {} if price is None else {mint: format(price, "f") for mint in mints}
    attributes = {"token_prices": prices}
    data = {
        "id": "00000000-0000-0000-0000-000000000000",
        "type": "simple_token_price",
        "attributes": attributes,
    }
    return JSONResponse({"data": data})


@router.get("/simple/networks/solana/token_price/{addresses}")
async def list_prices(request: Request, addresses: str) -> JSONResponse:
    """The prices of these tokens in US dollars."""
    return answer_prices(request, NAME, addresses)


def _refuse(status: int, title: str) -> JSONResponse:
    return JSONResponse({"errors": [{"status": str(status), "title": title}]}, status)


def fail(path: str, status: int) -> Response:
    """GeckoTerminal's answer with a failing status."""
    return _refuse(status, f"sandbox: status {status}")


SERVICE = Service(NAME, router, kinds=tuple(TOKEN_PRICE_KINDS), fail=fail)
