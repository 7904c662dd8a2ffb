"""CoinGecko's API: ping, simple/price, coins/markets, coins/{id}/ohlc and /market_chart/range; of tokens
on Solana onchain/simple/networks/solana/token_price/{mints}.

Without a key or with a demo key (`x-cg-demo-api-key`) history ends 365 days ago; a pro key
(`x-cg-pro-api-key`) goes further. Any key will do. US dollars only.
"""

from datetime import UTC, datetime
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from sandbox.coins import COINS, Floats, Ints
from sandbox.faults import TOKEN_PRICE_KINDS
from sandbox.feed import DATA_KINDS, POINT_KINDS, Feed
from sandbox.market import DAY_MS, EPOCH_MS, MINUTE_MS, read_price
from sandbox.service import Service
from sandbox.services.geckoterminal import answer_prices

NAME = "coingecko"
IDS = {
    "bitcoin": "BTC", "ethereum": "ETH", "solana": "SOL", "ripple": "XRP", "cardano": "ADA",
    "dogecoin": "DOGE", "litecoin": "LTC", "binancecoin": "BNB", "avalanche-2": "AVAX",
    "chainlink": "LINK", "polkadot": "DOT", "matic-network": "MATIC",
}  # fmt: skip
OHLC_STEPS = {"1": 30, "7": 240, "14": 240, "30": 240, "90": 5760, "180": 5760, "365": 5760}  # days: minutes
DEMO_DAYS = 365
CHART_KINDS = tuple(
    kind for kind in DATA_KINDS if kind != "open_last_candle"
)  # its last point is the present

router = APIRouter(prefix=f"/{NAME}/api/v3")


@router.get("/ping")
async def ping() -> JSONResponse:
    """A greeting."""
    return JSONResponse({"gecko_says": "(V3) To the Moon! (sandbox)"})


@router.get("/simple/price")
async def list_prices(
    request: Request, ids: str = "", vs_currencies: str = "", include_24hr_change: str = "false"
) -> JSONResponse:
    """Present prices of several coins; unknown ids are left out, as by CoinGecko."""
    if vs_currencies.lower() != "usd":
        return JSONResponse({"error": "sandbox: vs_currencies must be usd"}, 400)
    prices = {}
    for coin_id in ids.split(","):
        if coin_id in IDS:
            feed = Feed(request, NAME, COINS[IDS[coin_id]], POINT_KINDS)
            price, before = (read_price(feed.coin, moment) for moment in (feed.now, feed.now - DAY_MS))
            prices[coin_id] = {"usd": price}
            if include_24hr_change == "true":
                prices[coin_id]["usd_24h_change"] = (price / before - 1.0) * 100.0
    return JSONResponse(prices)


@router.get("/coins/markets")
async def list_markets(request: Request, ids: str = "", vs_currency: str = "") -> JSONResponse:
    """Price, changes, market value, volume and supply of several coins; unknown ids are left out."""
    if vs_currency.lower() != "usd":
        return JSONResponse({"error": "sandbox: vs_currency must be usd"}, 400)
    markets = []
    for coin_id in ids.split(","):
        if coin_id in IDS:
            feed = Feed(request, NAME, COINS[IDS[coin_id]], POINT_KINDS)
            coin, now = feed.coin, feed.now
            price = read_price(coin, now)
            day = feed.candles(1, now - DAY_MS, now)
            changes = {
                f"price_change_percentage_{name}_in_currency": (price / before - 1.0) * 100.0
                for name, before in (
                    ("24h", read_price(coin, now - DAY_MS)),
                    ("7d", read_price(coin, now - 7 * DAY_MS)),
                )
            }
            markets.append(
                {
                    "id": next(name for name, symbol in IDS.items() if symbol == coin.symbol),
                    "symbol": coin.symbol.lower(),
                    "name": coin.name,
                    "current_price": price,
                    "market_cap": price * coin.supply,
                    "total_volume": float(coin.turnover_dollars(day.turnover).sum()),
                    "circulating_supply": coin.supply,
                    **changes,
                    "last_updated": datetime.fromtimestamp(now / 1000, UTC).isoformat(),
                }
            )
    return JSONResponse(markets)


@router.get("/coins/{coin_id}/ohlc")
async def list_candles(request: Request, coin_id: str, vs_currency: str = "", days: str = "") -> JSONResponse:
    """Candles without volume, stamped with their close: `[[ms, open, high, low, close], ...]`."""
    if refusal := _refuse(coin_id, vs_currency):
        return refusal
    if days == "max" and not _is_pro(request):
        return _beyond_demo()
    if days not in OHLC_STEPS:
        return JSONResponse({"error": f"Invalid days parameter; one of {', '.join(OHLC_STEPS)}"}, 400)
    feed = Feed(request, NAME, COINS[IDS[coin_id]])
    minutes = OHLC_STEPS[days]
    candles = feed.candles(minutes, feed.now - int(days) * DAY_MS - minutes * MINUTE_MS + 1, feed.now + 1)
    rows = zip(
        (candles.opened_at + minutes * MINUTE_MS).tolist(),
        *(feed.coin.price_dollars(side).tolist() for side in candles.ohlc),
        strict=True,
    )
    return JSONResponse(feed.rows([list(row) for row in rows]))


@router.get("/coins/{coin_id}/market_chart/range")
async def list_points(request: Request, coin_id: str, vs_currency: str = "") -> JSONResponse:
    """Price, market value and volume of the last 24 hours at every step of [from, to] (seconds).

    The step is 5 minutes up to one day, an hour up to 90 days, else a day. If `to` is not past, the last
    point is the present one, with the volume of the step before.
    """
    if refusal := _refuse(coin_id, vs_currency):
        return refusal
    try:
        begin, end = (int(float(request.query_params[name]) * 1000) for name in ("from", "to"))
    except (KeyError, ValueError):
        return JSONResponse({"error": "from and to must be given, in seconds since 1970"}, 400)
    feed = Feed(request, NAME, COINS[IDS[coin_id]], CHART_KINDS)
    if begin < feed.now - DEMO_DAYS * DAY_MS and not _is_pro(request):
        return _beyond_demo()
    span = end - begin
    minutes = 5 if span <= DAY_MS else 60 if span <= 90 * DAY_MS else 1440
    stamps, prices, volumes = _points(feed, minutes, max(begin, EPOCH_MS + DAY_MS), end)
    if end >= feed.now and len(stamps):
        stamps = np.append(stamps, feed.now)
        prices = np.append(prices, read_price(feed.coin, feed.now))
        volumes = np.append(volumes, volumes[-1])
    series = {"prices": prices, "market_caps": prices * feed.coin.supply, "total_volumes": volumes}
    return JSONResponse(
        {
            name: feed.rows([list(row) for row in zip(stamps.tolist(), values.tolist(), strict=True)])
            for name, values in series.items()
        }
    )


@router.get("/onchain/simple/networks/solana/token_price/{addresses}")
async def list_token_prices(request: Request, addresses: str) -> JSONResponse:
    """Prices of these tokens, as GeckoTerminal has them."""
    return answer_prices(request, NAME, addresses)


def _points(feed: Feed, minutes: int, begin: int, end: int) -> tuple[Ints, Floats, Floats]:
    """Stamps in [begin, end], the price at each, and the dollars traded in the 24 hours before it."""
    length = minutes * MINUTE_MS
    a_day = DAY_MS // length
    candles = feed.candles(minutes, begin - DAY_MS, end - length + 1)
    stamps = candles.opened_at + length
    traded = np.concatenate([[0], np.cumsum(candles.turnover)])
    # The points before `begin` are there for the sums alone.
    first = min(max(a_day - 1, int(np.searchsorted(stamps, begin))), len(stamps))
    sums = traded[first + 1 :] - traded[first + 1 - a_day : len(traded) - a_day]
    return stamps[first:], feed.coin.price_dollars(candles.close[first:]), feed.coin.turnover_dollars(sums)


def _is_pro(request: Request) -> bool:
    return bool(request.headers.get("x-cg-pro-api-key"))


def _refuse(coin_id: str, currency: str) -> JSONResponse | None:
    if coin_id not in IDS:
        return JSONResponse({"error": "coin not found"}, 404)
    if currency != "usd":
        return JSONResponse({"error": "sandbox: vs_currency must be usd"}, 400)
    return None


def _beyond_demo() -> JSONResponse:
    status: dict[str, Any] = {
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "error_code": 10012,
        "error_message": "Your request exceeds the allowed time range. Public API users are limited to "
        "querying historical data within the past 365 days.",
    }
    return JSONResponse({"error": {"status": status}}, 401)


def fail(path: str, status: int) -> Response:
    """CoinGecko's answer with a failing status."""
    message = "You've exceeded the Rate Limit." if status == 429 else f"sandbox: status {status}"
    return JSONResponse({"status": {"error_code": status, "error_message": message}}, status)


def _symbol_of(request: Request, body: bytes) -> str | None:
    """The coin in the path, or in `ids` if it is the only one."""
    _, _, rest = request.url.path.partition("/coins/")
    return IDS.get(rest.split("/")[0]) or IDS.get(request.query_params.get("ids", ""))


SERVICE = Service(NAME, router, kinds=(*DATA_KINDS, *TOKEN_PRICE_KINDS), fail=fail, symbol_of=_symbol_of)
