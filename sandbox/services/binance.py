"""Binance's spot API as far as ccxt reads candles from it: klines, exchangeInfo, time, ping."""

import time
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from sandbox.coins import COINS, Coin
from sandbox.feed import DATA_KINDS, Feed
from sandbox.market import EPOCH_MS, MINUTE_MS, RESOLUTIONS
from sandbox.service import Service

NAME = "binance"
SYMBOLS = {f"{coin.symbol}USDT": coin for coin in COINS.values()}
DEFAULT_LIMIT, LARGEST_LIMIT = 500, 1_000
KINDS = tuple(kind for kind in DATA_KINDS if kind != "open_last_candle")  # it always sends it

router = APIRouter(prefix=f"/{NAME}/api/v3")


@router.get("/ping")
async def ping() -> JSONResponse:
    """Nothing, quickly."""
    return JSONResponse({})


@router.get("/time")
async def show_time() -> JSONResponse:
    """The server's time in milliseconds."""
    return JSONResponse({"serverTime": _now()})


@router.get("/exchangeInfo")
async def show_exchange() -> JSONResponse:
    """The symbols that are traded."""
    symbols = [_describe(symbol, coin) for symbol, coin in SYMBOLS.items()]
    limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}
    return JSONResponse(
        {
            "timezone": "UTC",
            "serverTime": _now(),
            "rateLimits": [limit],
            "exchangeFilters": [],
            "symbols": symbols,
        }
    )


@router.get("/klines")
async def list_klines(request: Request) -> JSONResponse:
    """Candles that open in [startTime, endTime], oldest first, the open one last.

    Without `startTime` the newest `limit` ones up to `endTime`.
    """
    query = request.query_params
    coin = SYMBOLS.get(query.get("symbol", ""))
    if "symbol" not in query:
        return _error(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
    if coin is None:
        return _error(-1121, "Invalid symbol.")
    minutes = RESOLUTIONS.get(query.get("interval", ""))
    if minutes is None:
        return _error(-1120, "Invalid interval.")
    numbers = {name: query.get(name, "") for name in ("startTime", "endTime", "limit")}
    for name, text in numbers.items():
        if text and not text.isdecimal():
            return _error(-1100, f"Illegal characters found in parameter '{name}'.")
    limit = min(int(numbers["limit"] or DEFAULT_LIMIT), LARGEST_LIMIT)
    if limit < 1:
        return _error(-1130, "Data sent for parameter 'limit' is not valid.")

    feed = Feed(request, NAME, coin)
    length = minutes * MINUTE_MS
    end = min(int(numbers["endTime"] or feed.now), feed.now) + 1
    if numbers["startTime"]:
        start = max(int(numbers["startTime"]), EPOCH_MS)
        end = min(end, start + (limit + 1) * length)
        page = slice(0, limit)
    else:
        start = end - (limit + 1) * length
        page = slice(-limit, None)
    candles = feed.candles(minutes, start, end, with_open=True)
    coin = feed.coin
    columns = (
        candles.opened_at.tolist(),
        *(coin.write_prices(side) for side in candles.ohlc),
        coin.write_volumes(candles.volume),
        (candles.opened_at + length - 1).tolist(),
        coin.write_turnover(candles.turnover),
        candles.trades.tolist(),
        coin.write_volumes(candles.volume // 2),  # half of what is traded counts as bought by takers
        coin.write_turnover(candles.turnover // 2),
    )
    rows = [[*row, "0"] for row in zip(*columns, strict=True)]
    return JSONResponse(feed.rows(rows[page]))


def _describe(symbol: str, coin: Coin) -> dict[str, Any]:
    tick = f"{10.0**-coin.price_decimals:.8f}"
    lot = f"{10.0**-coin.volume_decimals:.8f}"
    return {
        "symbol": symbol,
        "status": "TRADING",
        "baseAsset": coin.symbol,
        "baseAssetPrecision": 8,
        "quoteAsset": "USDT",
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": tick,
                "maxPrice": "1000000.00000000",
                "tickSize": tick,
            },
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "9000000", "stepSize": lot},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
    }


def _now() -> int:
    return time.time_ns() // 1_000_000


def _error(code: int, message: str) -> JSONResponse:
    return JSONResponse({"code": code, "msg": message}, 400)


def fail(path: str, status: int) -> Response:
    """Binance's answer with a failing status: 429 too many requests, 418 banned for it."""
    if status in (418, 429):
        return JSONResponse({"code": -1003, "msg": "Too much request weight used (sandbox)."}, status)
    if status >= 500:
        return PlainTextResponse(f"sandbox: status {status}", status)  # from a gateway, not from the exchange
    return JSONResponse({"code": -1000, "msg": f"An unknown error occurred (sandbox, {status})."}, status)


def _symbol_of(request: Request, body: bytes) -> str | None:
    coin = SYMBOLS.get(request.query_params.get("symbol", ""))
    return coin.symbol if coin else None


SERVICE = Service(NAME, router, kinds=KINDS, fail=fail, symbol_of=_symbol_of)
