"""The native market API: what the product's own sandbox source reads.

`GET /market/candles` and `GET /market/symbols`. Only closed candles are served.
"""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from sandbox.coins import COINS, UnknownSymbolError, find_coin
from sandbox.feed import DATA_KINDS, Feed
from sandbox.market import EPOCH_MS, MINUTE_MS, RESOLUTIONS
from sandbox.service import Service, symbol_or_none

NAME = "market"
LARGEST_PAGE = 10_000

router = APIRouter(prefix=f"/{NAME}")


@router.get("/symbols")
async def list_symbols() -> JSONResponse:
    """Every coin that the market trades, and every length of candle."""
    symbols = [{"symbol": coin.symbol, "name": coin.name} for coin in COINS.values()]
    return JSONResponse({"source": "sandbox", "symbols": symbols, "resolutions": list(RESOLUTIONS)})


@router.get("/candles")
async def list_candles(
    request: Request,
    symbol: str = "",
    resolution: str = "1m",
    start: str = "",
    end: str = "",
    limit: str = str(LARGEST_PAGE),
) -> JSONResponse:
    """Closed candles that open in [start, end), oldest first, prices and volume as strings.

    `end` is now unless given. `next` is the `start` of the next page, null on the last one.
    """
    try:
        if not symbol:
            raise ValueError("symbol: missing; /market/symbols lists them")
        minutes = _read_resolution(resolution)
        begin = _read_time("start", start)
        until = _read_time("end", end) if end else None
        most = _read_limit(limit)
        if until is not None and until <= begin:
            raise ValueError("end: must be later than start")
    except ValueError as error:
        return JSONResponse({"error": str(error)}, 400)
    try:
        feed = Feed(request, NAME, find_coin(symbol))
    except UnknownSymbolError as error:
        return JSONResponse({"error": str(error)}, 404)
    until = feed.now + 1 if until is None else until
    # A page more than the limit tells whether there is a next one, without computing the whole window.
    page_end = min(until, max(begin, EPOCH_MS) + (most + 2) * minutes * MINUTE_MS)
    candles = feed.candles(minutes, begin, page_end)
    opened_at = candles.opened_at.tolist()
    prices = (feed.coin.write_prices(side) for side in candles.ohlc)
    rows = [
        list(row) for row in zip(opened_at, *prices, feed.coin.write_volumes(candles.volume), strict=True)
    ]
    return JSONResponse(
        {
            "source": "sandbox",
            "symbol": feed.coin.symbol,
            "resolution": resolution,
            "candles": feed.rows(rows[:most]),
            "next": _write_time(opened_at[most]) if len(rows) > most else None,
        }
    )


def _read_resolution(text: str) -> int:
    if text not in RESOLUTIONS:
        raise ValueError(f"resolution: no candles of {text!r}; there are: {', '.join(RESOLUTIONS)}")
    return RESOLUTIONS[text]


def _read_time(name: str, text: str) -> int:
    if not text:
        raise ValueError(f"{name}: missing; give a time like 2026-01-31T12:00:00Z")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{name}: {text!r} is no ISO 8601 time like 2026-01-31T12:00:00Z (write a + in an address as %2B)"
        ) from None
    if moment.tzinfo is None:
        raise ValueError(f"{name}: {text!r} lacks a time zone: end it with Z")
    return round(moment.timestamp() * 1000)


def _read_limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_PAGE:
        raise ValueError(f"limit: {text!r} is no whole number from 1 to {LARGEST_PAGE}")
    return int(text)


def _write_time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat().replace("+00:00", "Z")


SERVICE = Service(
    NAME,
    router,
    kinds=DATA_KINDS,
    symbol_of=lambda request, _: symbol_or_none(request.query_params.get("symbol")),
)
