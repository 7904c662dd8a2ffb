"""CoinMarketCap's API: ohlcv/historical and quotes/latest, both v2; key/info. Dollars, daily and hourly only.

A key is demanded (`X-CMC_PRO_API_KEY`; any will do). Every answer carries `status.error_code`, a number.
"""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from sandbox.coins import COINS, Coin
from sandbox.feed import DATA_KINDS, POINT_KINDS, Feed
from sandbox.market import DAY_MS, EPOCH_MS, MINUTE_MS, Candles, read_candles, read_price
from sandbox.service import Service

NAME = "coinmarketcap"
IDS = {
    "1": "BTC", "1027": "ETH", "5426": "SOL", "52": "XRP", "2010": "ADA", "74": "DOGE", "2": "LTC",
    "1839": "BNB", "5805": "AVAX", "1975": "LINK", "6636": "DOT", "3890": "MATIC",
}  # fmt: skip
NUMBERS = {symbol: int(number) for number, symbol in IDS.items()}
PERIODS = {"daily": 1440, "hourly": 60}
INTERVALS = {"daily": 1440, "1d": 1440, "24h": 1440, "hourly": 60, "1h": 60}
DEFAULT_COUNT, LARGEST_COUNT = 10, 10_000
ERRORS = {  # status: error code, message
    401: (1001, "This API Key is invalid."),
    402: (1003, "Your API Key must be activated."),
    403: (1006, "Your API Key subscription plan doesn't support this endpoint."),
    429: (1008, "You've exceeded your API Key's HTTP request rate limit. Rate limits reset every minute."),
}

router = APIRouter(prefix=f"/{NAME}")
V2 = "/v2/cryptocurrency"


@router.get(f"{V2}/ohlcv/historical")
async def list_candles(request: Request) -> JSONResponse:
    """Closed candles that open in (time_start, time_end], oldest first, at most `count`.

    Without `time_start` the newest `count` ones up to `time_end`.
    """
    query = request.query_params
    if refusal := _refuse(request):
        return refusal
    minutes = PERIODS.get(query.get("time_period", "daily"))
    interval = query.get("interval", query.get("time_period", "daily"))
    if minutes is None or INTERVALS.get(interval) != minutes:
        return _error(400, 400, "sandbox: time_period and interval must both be daily or both hourly")
    count = query.get("count", str(DEFAULT_COUNT))
    if not count.isdecimal() or not 1 <= int(count) <= LARGEST_COUNT:
        return _error(400, 400, f'"count" must be a whole number from 1 to {LARGEST_COUNT}')
    try:
        start, end = (
            _read_time(query[name]) if name in query else None for name in ("time_start", "time_end")
        )
    except ValueError:
        return _error(400, 400, '"time_start" and "time_end" must be ISO 8601 times or Unix seconds')
    feed = Feed(request, NAME, COINS[_symbol_of(request, b"") or ""])
    length = minutes * MINUTE_MS
    until = min(end if end is not None else feed.now, feed.now) + 1
    if start is not None:
        begin = max(start + 1, EPOCH_MS)
        until = min(until, begin + int(count) * length)
        page = slice(0, int(count))
    else:
        begin = until - (int(count) + 1) * length
        page = slice(-int(count), None)
    quotes = _write_quotes(feed.candles(minutes, begin, until))[page]
    data = {**_identify(feed.coin), "quotes": feed.rows(quotes)}
    return _answer(data if "id" in query else {query["symbol"]: [data]})


@router.get(f"{V2}/quotes/latest")
async def list_quotes(request: Request) -> JSONResponse:
    """The present price of one coin with its changes, volume and market value."""
    query = request.query_params
    if refusal := _refuse(request):
        return refusal
    feed = Feed(request, NAME, COINS[_symbol_of(request, b"") or ""], POINT_KINDS)
    coin, now = feed.coin, feed.now
    price = read_price(coin, now)
    day = read_candles(coin, 1, now - DAY_MS, now, now)
    changes = {
        f"percent_change_{name}": (price / read_price(coin, now - span) - 1.0) * 100.0
        for name, span in (("1h", DAY_MS // 24), ("24h", DAY_MS), ("7d", 7 * DAY_MS), ("30d", 30 * DAY_MS))
    }
    data = {
        **_identify(coin),
        "slug": coin.name.lower(),
        "circulating_supply": coin.supply,
        "last_updated": _write_time(now),
        "quote": {
            "USD": {
                "price": price,
                "volume_24h": float(coin.turnover_dollars(day.turnover).sum()),
                **changes,
                "market_cap": price * coin.supply,
                "last_updated": _write_time(now),
            }
        },
    }
    return _answer({query["id"]: data} if "id" in query else {query["symbol"]: [data]})


@router.get("/v1/key/info")
async def show_key(request: Request) -> JSONResponse:
    """The plan of the key and what of it is used; asking costs no credit."""
    if not request.headers.get("x-cmc_pro_api_key"):
        return _error(401, 1002, "API key missing.")
    minute = {"requests_made": 1, "requests_left": 29}
    return _answer({"plan": {"rate_limit_minute": 30}, "usage": {"current_minute": minute}})


def _write_quotes(candles: Candles) -> list[dict[str, Any]]:
    coin, length = candles.coin, candles.minutes * MINUTE_MS
    unit = 10.0**coin.price_decimals
    dollars = 10.0 ** (coin.price_decimals + coin.volume_decimals)
    columns = (
        candles.opened_at, candles.open, candles.high, candles.low, candles.close, candles.turnover,
    )  # fmt: skip
    quotes = []
    for opened_at, open_, high, low, close, turnover in zip(*(c.tolist() for c in columns), strict=True):
        closed_at = _write_time(opened_at + length - 1)
        quote = {
            "open": open_ / unit,
            "high": high / unit,
            "low": low / unit,
            "close": close / unit,
            "volume": turnover / dollars,
            "market_cap": close / unit * coin.supply,
            "timestamp": closed_at,
        }
        quotes.append({"time_open": _write_time(opened_at), "time_close": closed_at, "quote": {"USD": quote}})
    return quotes


def _identify(coin: Coin) -> dict[str, Any]:
    return {"id": NUMBERS[coin.symbol], "name": coin.name, "symbol": coin.symbol}


def _refuse(request: Request) -> JSONResponse | None:
    if not request.headers.get("x-cmc_pro_api_key"):
        return _error(401, 1002, "API key missing.")
    query = request.query_params
    if ("id" in query) == ("symbol" in query):
        return _error(400, 400, 'sandbox: give "id" or "symbol", one coin')
    if _symbol_of(request, b"") is None:
        return _error(400, 400, 'Invalid value for "id" or "symbol"')
    if query.get("convert", "USD") != "USD":
        return _error(400, 400, 'sandbox: "convert" must be USD')
    return None


def _read_time(text: str) -> int:
    """Milliseconds of an ISO 8601 time or of Unix seconds; no zone means UTC, as at CoinMarketCap."""
    if text.isdecimal():
        return int(text) * 1000
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _write_time(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _status(code: int, message: str) -> dict[str, Any]:
    stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "timestamp": stamp, "error_code": code, "error_message": message, "elapsed": 1, "credit_count": 1,
        "notice": "sandbox",
    }  # fmt: skip


def _answer(data: dict[str, Any]) -> JSONResponse:
    return JSONResponse({"data": data, "status": _status(0, "")})


def _error(status: int, code: int, message: str) -> JSONResponse:
    return JSONResponse({"status": _status(code, message)}, status)


def fail(path: str, status: int) -> Response:
    """CoinMarketCap's answer with a failing status."""
    return _error(status, *ERRORS.get(status, (status, f"sandbox: status {status}")))


def error_in_200(path: str) -> Response:
    """Status 200 around the rate limit's code."""
    return _error(200, *ERRORS[429])


def _symbol_of(request: Request, body: bytes) -> str | None:
    query = request.query_params
    symbol = IDS.get(query.get("id", ""), query.get("symbol", ""))
    return symbol if symbol in COINS else None


SERVICE = Service(NAME, router, kinds=DATA_KINDS, fail=fail, error_in_200=error_in_200, symbol_of=_symbol_of)
