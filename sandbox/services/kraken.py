"""Kraken's public API: OHLC, Trades, AssetPairs, Assets, SystemStatus. ccxt reads it, too.

Errors come under status 200. OHLC reaches back 720 closed candles, whatever is asked, and ends with the one
still open; `since` (exclusive) only shortens it. Trades rebuild exactly into the minute candles.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from sandbox.coins import COINS, Coin
from sandbox.feed import DATA_KINDS, Feed
from sandbox.market import EPOCH_MS, MINUTE_MS, Trades, read_trades
from sandbox.service import Service

NAME = "kraken"
INTERVALS = (1, 5, 15, 30, 60, 240, 1440)
CANDLES_KEPT = 720
TRADES_LIMIT = 1_000
TRADES_SPAN_MS = 24 * 60 * MINUTE_MS  # one search for trades: at most 5760 of them
BASES = {"BTC": "XBT", "DOGE": "XDG"}  # Kraken's own names
ASSETS = {"XBT": "XXBT", "ETH": "XETH", "XRP": "XXRP", "LTC": "XLTC", "XDG": "XXDG", "USD": "ZUSD"}
LEGACY_KEYS = {"XBTUSD": "XXBTZUSD", "ETHUSD": "XETHZUSD", "XRPUSD": "XXRPZUSD", "LTCUSD": "XLTCZUSD"}
KINDS = tuple(kind for kind in DATA_KINDS if kind != "open_last_candle")  # it always sends it

router = APIRouter(prefix=f"/{NAME}/0/public")


@dataclass(frozen=True)
class Pair:
    """One traded pair, as Kraken names it."""

    key: str
    altname: str
    base: str
    quote: str
    coin: Coin


def _pairs() -> list[Pair]:
    pairs = []
    for coin in COINS.values():
        for quote in ("USD", "USDT"):
            base = BASES.get(coin.symbol, coin.symbol)
            altname = base + quote
            pairs.append(Pair(LEGACY_KEYS.get(altname, altname), altname, base, quote, coin))
    return pairs


PAIRS = {pair.key: pair for pair in _pairs()}
SPELLINGS = {
    spelling: pair
    for pair in PAIRS.values()
    for spelling in (
        pair.key,
        pair.altname,
        f"{pair.base}/{pair.quote}",
        f"{pair.coin.symbol}{pair.quote}",
        f"{pair.coin.symbol}/{pair.quote}",
    )
}


@router.get("/SystemStatus")
async def show_status() -> JSONResponse:
    """Whether the exchange is online."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _answer({"status": "online", "timestamp": stamp})


@router.get("/Assets")
async def list_assets() -> JSONResponse:
    """The currencies of all pairs."""
    names = sorted({name for pair in PAIRS.values() for name in (pair.base, pair.quote)})
    return _answer(
        {
            ASSETS.get(name, name): {
                "aclass": "currency",
                "altname": name,
                "decimals": 10,
                "display_decimals": 5,
                "status": "enabled",
            }
            for name in names
        }
    )


@router.get("/AssetPairs")
async def list_pairs(pair: str = "") -> JSONResponse:
    """The pairs that are traded; `pair` picks some, separated by commas."""
    wanted = [SPELLINGS.get(spelling) for spelling in pair.split(",")] if pair else list(PAIRS.values())
    if None in wanted:
        return _error("EQuery:Unknown asset pair")
    return _answer({one.key: _describe(one) for one in wanted if one})


@router.get("/OHLC")
async def list_candles(
    request: Request, pair: str = "", interval: str = "1", since: str = "0"
) -> JSONResponse:
    """The newest 720 closed candles of a pair and the open one; `since` in seconds."""
    found = SPELLINGS.get(pair)
    if found is None:
        return _error("EQuery:Unknown asset pair")
    if not interval.isdecimal() or int(interval) not in INTERVALS or not since.isdecimal():
        return _error("EGeneral:Invalid arguments")
    feed = Feed(request, NAME, found.coin)
    coin, minutes = feed.coin, int(interval)
    length = minutes * MINUTE_MS
    opened = feed.now // length * length
    begin = max(opened - CANDLES_KEPT * length, int(since) * 1000 + 1)
    candles = feed.candles(minutes, begin, feed.now + 1, with_open=True)
    vwaps = [
        f"{turnover / lots / 10**coin.price_decimals:.{coin.price_decimals}f}" if lots else "0.0"
        for turnover, lots in zip(candles.turnover.tolist(), candles.volume.tolist(), strict=True)
    ]
    rows = zip(
        (candles.opened_at // 1000).tolist(),
        *(coin.write_prices(side) for side in candles.ohlc),
        vwaps,
        _pad(coin.write_volumes(candles.volume), 8),
        candles.trades.tolist(),
        strict=True,
    )
    return _answer(
        {
            _pair_of(coin, found).key: feed.rows([list(row) for row in rows]),
            "last": (opened - length) // 1000,
        }
    )


@router.get("/Trades")
async def list_trades(request: Request, pair: str = "", since: str = "", count: str = "1000") -> JSONResponse:
    """At most `count` trades made after `since` (nanoseconds), oldest first; without `since`, the newest."""
    found = SPELLINGS.get(pair)
    if found is None:
        return _error("EQuery:Unknown asset pair")
    if not (since or "0").isdecimal() or not count.isdecimal() or not 1 <= int(count) <= TRADES_LIMIT:
        return _error("EGeneral:Invalid arguments")
    feed = Feed(request, NAME, found.coin)
    coin, limit = feed.coin, int(count)
    if since:
        begin = max(int(since) // 1_000_000 + 1, EPOCH_MS)
        end = min(begin + TRADES_SPAN_MS, feed.now + 1)
        page = slice(0, limit)
    else:
        begin, end = feed.now - TRADES_SPAN_MS, feed.now + 1
        page = slice(-limit, None)
    rows = _write_trades(read_trades(coin, begin, end), page)
    last = str(round(rows[-1][2] * 1000) * 1_000_000) if rows else since or str(feed.now * 1_000_000)
    return _answer({_pair_of(coin, found).key: feed.rows(rows), "last": last})


def _write_trades(trades: Trades, page: slice) -> list[list[Any]]:
    coin = trades.coin
    prices = _pad(coin.write_prices(trades.price[page]), 5)
    volumes = _pad(coin.write_volumes(trades.volume[page]), 8)
    times, numbers = trades.traded_at[page].tolist(), trades.number[page].tolist()
    return [
        [price, volume, stamp / 1000, "b" if number % 2 else "s", "l", "", number + 1]
        for price, volume, stamp, number in zip(prices, volumes, times, numbers, strict=True)
    ]


def _pair_of(coin: Coin, asked: Pair) -> Pair:
    """The pair of this coin with the quote that was asked for."""
    return SPELLINGS[coin.symbol + asked.quote]


def _describe(pair: Pair) -> dict[str, Any]:
    coin = pair.coin
    return {
        "altname": pair.altname,
        "wsname": f"{pair.base}/{pair.quote}",
        "aclass_base": "currency",
        "base": ASSETS.get(pair.base, pair.base),
        "aclass_quote": "currency",
        "quote": ASSETS.get(pair.quote, pair.quote),
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": coin.price_decimals,
        "lot_decimals": 8,
        "lot_multiplier": 1,
        "fees": [[0, 0.4]],
        "fees_maker": [[0, 0.25]],
        "fee_volume_currency": "ZUSD",
        "ordermin": f"{10.0**-coin.volume_decimals:.{coin.volume_decimals}f}",
        "costmin": "0.5",
        "tick_size": f"{10.0**-coin.price_decimals:.{coin.price_decimals}f}",
        "status": "online",
    }


def _pad(numbers: list[str], decimals: int) -> list[str]:
    """Decimal strings with at least so many decimals."""
    padded = []
    for number in numbers:
        whole, _, fraction = number.partition(".")
        padded.append(f"{whole}.{fraction:0<{decimals}}")
    return padded


def _answer(result: dict[str, Any]) -> JSONResponse:
    return JSONResponse({"error": [], "result": result})


def _error(error: str) -> JSONResponse:
    return JSONResponse({"error": [error]})


def fail(path: str, status: int) -> Response:
    """Kraken's answer with a failing status."""
    return JSONResponse({"error": ["EService:Unavailable"]}, status)


def error_in_200(path: str) -> Response:
    """Kraken's answer to too many requests."""
    return _error("EGeneral:Too many requests")


def _symbol_of(request: Request, body: bytes) -> str | None:
    pair = SPELLINGS.get(request.query_params.get("pair", ""))
    return pair.coin.symbol if pair else None


SERVICE = Service(NAME, router, kinds=KINDS, fail=fail, error_in_200=error_in_200, symbol_of=_symbol_of)
