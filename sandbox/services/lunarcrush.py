"""LunarCrush v4: topic, coin, and a coin's time series, all behind a Bearer token (any will do).

The social figures follow the synthetic price of the last 24 hours, with seeded noise. Fields of the time
series as in the vendor's documents; those of topic and coin are from memory.
"""

from typing import Any
from zlib import crc32

import numpy as np
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from sandbox.coins import COINS, Coin
from sandbox.feed import DATA_KINDS, POINT_KINDS, Feed
from sandbox.market import DAY_MS, EPOCH_MS, MINUTE_MS, SEED, read_price
from sandbox.service import Service

NAME = "lunarcrush"
TOPICS = {name: coin for coin in COINS.values() for name in (coin.symbol.lower(), coin.name.lower())}
BUCKETS = {"hour": 60, "day": 1440}
INTERVALS = {"1d": 1, "1w": 7, "1m": 30, "3m": 90, "6m": 180, "1y": 365, "all": 20_000}  # days
HEADERS = {"x-rate-limit-minute": "10", "x-rate-limit-day": "2000"}
KINDS = tuple(kind for kind in DATA_KINDS if kind != "open_last_candle")

router = APIRouter(prefix=f"/{NAME}/public")


@router.get("/topic/{topic}/v1")
async def show_topic(request: Request, topic: str) -> JSONResponse:
    """What is said about a topic, over the last 24 hours."""
    if refusal := _refuse(request, topic):
        return refusal
    feed = Feed(request, NAME, TOPICS[topic.lower()], POINT_KINDS)
    coin = feed.coin
    social = _social(coin, feed.now // (60 * MINUTE_MS) * 60 * MINUTE_MS, _day_return(coin, feed.now))
    data = {
        "topic": coin.name.lower(),
        "title": f"{coin.name} ({coin.symbol})",
        "topic_rank": social["alt_rank"],
        "interactions_24h": social["interactions"] * 24,
        "num_contributors": social["contributors_active"],
        "num_posts": social["posts_active"],
        "types_sentiment": {"tweet": social["sentiment"]},
        "types_sentiment_detail": {"tweet": _moods(social)},
        "categories": ["cryptocurrencies"],
        "trend": "flat",
    }
    return _answer(coin, data)


@router.get("/coins/{topic}/v1")
async def show_coin(request: Request, topic: str) -> JSONResponse:
    """Price and social rank of a coin, now."""
    if refusal := _refuse(request, topic):
        return refusal
    feed = Feed(request, NAME, TOPICS[topic.lower()], POINT_KINDS)
    coin, price = feed.coin, read_price(feed.coin, feed.now)
    day_return = _day_return(coin, feed.now)
    social = _social(coin, feed.now // (60 * MINUTE_MS) * 60 * MINUTE_MS, day_return)
    data = {
        "name": coin.name,
        "symbol": coin.symbol,
        "price": price,
        "market_cap": price * coin.supply,
        "percent_change_24h": day_return * 100.0,
        "percent_change_7d": (price / read_price(coin, feed.now - 7 * DAY_MS) - 1.0) * 100.0,
        "circulating_supply": coin.supply,
        "close": price,
        "galaxy_score": social["galaxy_score"],
        "alt_rank": social["alt_rank"],
    }
    return _answer(coin, data)


@router.get("/coins/{topic}/time-series/v2")
async def list_series(
    request: Request, topic: str, bucket: str = "hour", interval: str = "1w"
) -> JSONResponse:
    """One row an hour or a day, oldest first, over `interval` or from `start` to `end` (seconds)."""
    if refusal := _refuse(request, topic):
        return refusal
    query = request.query_params
    bounds = [query.get(name, "") for name in ("start", "end")]
    if bucket not in BUCKETS or interval not in INTERVALS or any(b and not b.isdecimal() for b in bounds):
        return JSONResponse({"error": "bad bucket, interval, start or end"}, 400, HEADERS)
    feed = Feed(request, NAME, TOPICS[topic.lower()], KINDS)
    coin, minutes = feed.coin, BUCKETS[bucket]
    start, end = (int(bound) * 1000 if bound else None for bound in bounds)
    end = feed.now if end is None else end
    start = max(end - INTERVALS[interval] * DAY_MS if start is None else start, EPOCH_MS + DAY_MS)
    a_day = 1440 // minutes
    candles = feed.candles(minutes, start - DAY_MS, end + 1)
    unit = 10.0 ** (coin.price_decimals + coin.volume_decimals)
    traded = np.concatenate([[0], np.cumsum(candles.turnover)])
    rows = []
    for at in range(a_day, len(candles)):
        close, before = float(candles.close[at]), float(candles.close[at - a_day])
        opened_at = int(candles.opened_at[at])
        price = close / 10.0**coin.price_decimals
        rows.append(
            {
                "time": opened_at // 1000,
                **_social(coin, opened_at, close / before - 1.0),
                "circulating_supply": coin.supply,
                "close": price,
                "market_cap": price * coin.supply,
                "volume_24h": float(traded[at + 1] - traded[at + 1 - a_day]) / unit,
            }
        )
    return _answer(coin, feed.rows(rows), bucket=bucket, interval=interval)


def _social(coin: Coin, moment: int, day_return: float) -> dict[str, Any]:
    """Social figures of one moment (milliseconds): the mood follows the day's return."""
    rng = np.random.default_rng([SEED, crc32(coin.symbol.encode()), moment // MINUTE_MS, 1])
    mood, busy = rng.normal(0.0, 4.0), rng.lognormal(0.0, 0.4) * (1.0 + 8.0 * abs(day_return))
    size = coin.turnover / 1.5e9
    return {
        "contributors_active": int(30_000 * size * busy) + 50,
        "contributors_created": int(1_800 * size * busy) + 5,
        "interactions": int(4_000_000 * size * busy) + 500,
        "posts_active": int(60_000 * size * busy) + 100,
        "posts_created": int(2_400 * size * busy) + 5,
        "sentiment": _bounded(75.0 + 150.0 * day_return + mood),
        "spam": int(300 * size * busy),
        "alt_rank": int(rng.integers(1, 1_000)),
        "galaxy_score": _bounded(55.0 + 200.0 * day_return + 2.0 * mood),
        "social_dominance": round(30.0 * size * min(busy, 2.0), 4),
    }


def _moods(social: dict[str, Any]) -> dict[str, int]:
    """Interactions of the day by mood: a third of them are neutral."""
    neutral = social["interactions"] * 8
    positive = social["interactions"] * 16 * social["sentiment"] // 100
    return {
        "positive": positive,
        "neutral": neutral,
        "negative": social["interactions"] * 24 - neutral - positive,
    }


def _bounded(value: float) -> int:
    return round(min(max(value, 1.0), 100.0))


def _day_return(coin: Coin, now: int) -> float:
    return read_price(coin, now) / read_price(coin, now - DAY_MS) - 1.0


def _refuse(request: Request, topic: str) -> JSONResponse | None:
    if not request.headers.get("authorization", "").startswith("Bearer "):
        return JSONResponse({"error": "Unauthorized"}, 401)
    if topic.lower() not in TOPICS:
        return JSONResponse({"error": f"no data for {topic}"}, 404, HEADERS)
    return None


def _answer(coin: Coin, data: Any, **config: Any) -> JSONResponse:
    topic = coin.name.lower()
    about = {"topic": topic, "id": f"topic:{topic}", "name": coin.name, "symbol": coin.symbol}
    return JSONResponse({"config": {**about, **config, "source": "sandbox"}, "data": data}, headers=HEADERS)


def fail(path: str, status: int) -> Response:
    """LunarCrush's answer with a failing status."""
    return JSONResponse({"error": f"sandbox: status {status}"}, status, HEADERS)


def _symbol_of(request: Request, body: bytes) -> str | None:
    coin = TOPICS.get((request.url.path.split("/") + [""] * 5)[4].lower())
    return coin.symbol if coin else None


SERVICE = Service(NAME, router, kinds=KINDS, fail=fail, symbol_of=_symbol_of)
