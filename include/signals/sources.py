"""What the sources of a snapshot are asked, and how their answers are read; the table of sources of prices.

Every function asks one service through an open client and answers with a `SnapshotPart`, or raises
`NoFiguresError`. Only numbers are taken from an answer, each checked for its range: texts from outside go
nowhere.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as quote_path

from include.http import ServiceError
from include.symbols import Coin

if TYPE_CHECKING:
    from include.http.client import Client

# How old the figures of an answer may be, by what the source says itself.
FRESH_PRICE = timedelta(minutes=15)  # the sources renew it every minute or two
FRESH_SOCIAL = timedelta(hours=3)  # a row an hour
FRESH_INDEX = timedelta(hours=48)  # a value a day
CLOCK_AHEAD = timedelta(minutes=5)  # so far a source's clock may be ahead of ours

LARGEST_FIGURE = 1e18  # dollars, coins, posts: more is no figure of this world
TOPIC = re.compile(r"[a-z0-9][a-z0-9 .$-]{0,60}")


class NoFiguresError(Exception):
    """The source gave nothing that can be used; the message says why, without its name."""


@dataclass(frozen=True)
class SnapshotPart:
    """One source's share of a snapshot: columns of `trade_market_snapshot`, None where it did not say."""

    values: dict[str, float | None]
    observed_at: datetime  # the time that the source says its figures are of, tz-aware
    problem: str | None = None  # why it did not say all that was asked


def ask_coinmarketcap(client: "Client", coin: Coin, now: datetime) -> SnapshotPart:
    """Ask for the price and its company (`/v2/cryptocurrency/quotes/latest`). Raises NoFiguresError."""
    params = {"id": coin.ids["coinmarketcap"], "convert": "USD"}
    answer = _ask(client, "/v2/cryptocurrency/quotes/latest", params)
    data = _object(answer, "data", str(coin.ids["coinmarketcap"]))
    if _dig(data, "id") != coin.ids["coinmarketcap"]:
        raise NoFiguresError("it answered about another coin")
    quote = _object(data, "quote", "USD")
    return _price_part(
        now,
        updated=_dig(quote, "last_updated"),
        price=_dig(quote, "price"),
        change_24h=quote.get("percent_change_24h"),
        change_7d=quote.get("percent_change_7d"),
        market_cap=quote.get("market_cap"),
        volume_24h=quote.get("volume_24h"),
        supply=data.get("circulating_supply"),
    )


def ask_coingecko(client: "Client", coin: Coin, now: datetime) -> SnapshotPart:
    """Ask for the price and its company (`/coins/markets`, demo and pro alike). Raises NoFiguresError."""
    params = {"vs_currency": "usd", "ids": coin.ids["coingecko"], "price_change_percentage": "24h,7d"}
    answer = _ask(client, "/coins/markets", params)
    if not isinstance(answer, list) or len(answer) != 1:
        raise NoFiguresError("its answer does not hold the one coin that was asked for")
    data = answer[0]
    if _dig(data, "id") != coin.ids["coingecko"]:
        raise NoFiguresError("it answered about another coin")
    return _price_part(
        now,
        updated=_dig(data, "last_updated"),
        price=_dig(data, "current_price"),
        change_24h=data.get("price_change_percentage_24h_in_currency"),
        change_7d=data.get("price_change_percentage_7d_in_currency"),
        market_cap=data.get("market_cap"),
        volume_24h=data.get("total_volume"),
        supply=data.get("circulating_supply"),
    )


def ask_fear_greed(client: "Client", now: datetime) -> SnapshotPart:
    """Ask for the fear & greed index of the day (`/fng/`), 0 to 100. Raises NoFiguresError."""
    rows = _dig(_ask(client, "/fng/", {"limit": 1}), "data")
    if not isinstance(rows, list) or not rows:
        raise NoFiguresError("its answer holds no value")
    value = _number(_dig(rows[0], "value"), 0, 100)
    if value is None:
        raise NoFiguresError("its value is no number from 0 to 100")
    return SnapshotPart(
        {"fear_greed_index": value}, _fresh(_time(_dig(rows[0], "timestamp")), now, FRESH_INDEX)
    )


def ask_lunarcrush(client: "Client", coin: Coin, now: datetime) -> SnapshotPart:
    """Ask for the social figures: the last day by the hour, then its topic. Raises NoFiguresError.

    Sentiment is the share of positive interactions in percent; positive, neutral and negative are the shares
    of the interactions of all networks.
    """
    path = f"/coins/{coin.code.lower()}/time-series/v2"
    series = _ask(client, path, {"bucket": "hour", "interval": "1d"})
    topic = str(_about(series, coin).get("topic", ""))
    rows = _dig(series, "data")
    if not isinstance(rows, list):
        raise NoFiguresError("its answer holds no rows")
    by_time = {_time(_dig(row, "time")): row for row in rows}  # in any order, each hour once
    if not by_time:
        raise NoFiguresError("its answer holds no rows")
    newest = _fresh(max(by_time), now, FRESH_SOCIAL)
    last = by_time[newest]
    created = [
        _number(row.get("posts_created"), 0, LARGEST_FIGURE)
        for time, row in by_time.items()
        if time > newest - timedelta(hours=24)
    ]
    values = {
        "galaxy_score": _known(last.get("galaxy_score"), 100),
        "alt_rank": _known(last.get("alt_rank"), 1e6),
        "social_sentiment_score": _known(last.get("sentiment"), 100),
        "social_dominance": _known(last.get("social_dominance"), 100),
        "social_posts_24h": None if None in created else math.fsum(post or 0.0 for post in created) or None,
    }
    try:
        return SnapshotPart(values | _ask_topic(client, coin, topic), newest)
    except NoFiguresError as missing:
        return SnapshotPart(values, newest, problem=f"of the topic: {missing}")


def _ask_topic(client: "Client", coin: Coin, topic: str) -> dict[str, float | None]:
    if not TOPIC.fullmatch(topic):
        raise NoFiguresError("its name is none that can be asked for")
    answer = _ask(client, f"/topic/{quote_path(topic, safe='')}/v1", {})
    _about(answer, coin)
    data = _object(answer, "data")
    moods = dict.fromkeys(("positive", "neutral", "negative"), 0.0)
    networks = data.get("types_sentiment_detail")
    for network in networks.values() if isinstance(networks, dict) else ():
        for mood in moods:
            moods[mood] += (
                _number(network.get(mood) if isinstance(network, dict) else None, 0, LARGEST_FIGURE) or 0.0
            )
    total = math.fsum(moods.values())
    return {
        "social_interactions_24h": _known(data.get("interactions_24h"), LARGEST_FIGURE),
        "social_contributors_24h": _known(data.get("num_contributors"), LARGEST_FIGURE),
        "social_volume_24h": _known(data.get("num_posts"), LARGEST_FIGURE),
        **{
            f"sentiment_{mood}": round(100 * sum_ / total, 4) if total else None
            for mood, sum_ in moods.items()
        },
    }


def _about(answer: object, coin: Coin) -> Mapping[str, Any]:
    """See that an answer of LunarCrush is about the coin."""
    config = _object(answer, "config")
    if str(config.get("symbol", "")).upper() != coin.code:
        raise NoFiguresError("it answered about another coin")
    return config


def _price_part(
    now: datetime, *, updated: object, price: object, supply: object, **figures: object
) -> SnapshotPart:
    current = _known(price, LARGEST_FIGURE)
    if current is None:
        raise NoFiguresError("its price is no positive number")
    return SnapshotPart(
        {
            "current_price": current,
            "price_change_24h": _number(figures["change_24h"], -100, 1e6),
            "price_change_7d": _number(figures["change_7d"], -100, 1e6),
            "market_cap": _known(figures["market_cap"], LARGEST_FIGURE),
            "volume_24h": _known(figures["volume_24h"], LARGEST_FIGURE),
            "circulating_supply": _known(supply, LARGEST_FIGURE),
        },
        _fresh(_time(updated), now, FRESH_PRICE),
    )


def _ask(client: "Client", path: str, params: Mapping[str, Any]) -> object:
    try:
        answer: object = client.get_json(path, params)
    except ServiceError as error:
        raise NoFiguresError(error.message) from error
    return answer


def _dig(answer: object, *path: str) -> Any:
    """Follow the path into an answer. Raises NoFiguresError where it does not lead on."""
    for name in path:
        if not isinstance(answer, dict) or name not in answer:
            raise NoFiguresError(f"its answer lacks {'.'.join(path)}")
        answer = answer[name]
    return answer


def _object(answer: object, *path: str) -> dict[str, Any]:
    found = _dig(answer, *path)
    if not isinstance(found, dict):
        raise NoFiguresError(f"its answer holds no object at {'.'.join(path)}")
    return found


def _number(value: object, low: float, high: float) -> float | None:
    """Read a finite number within the range; also from a text, as fear & greed has it. None otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if low <= number <= high else None


def _known(value: object, most: float) -> float | None:
    """Read a figure of which 0 means that the vendor does not know it: no coin here is worth nothing."""
    return _number(value, 0, most) or None


def _time(value: object) -> datetime:
    """Read seconds since 1970 or ISO 8601. Raises NoFiguresError."""
    try:
        if isinstance(value, str) and not value.isdecimal():
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, int | str) and not isinstance(value, bool):
            return datetime.fromtimestamp(int(value), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise NoFiguresError("it does not say of what time its figures are")


def _fresh(observed_at: datetime, now: datetime, most: timedelta) -> datetime:
    age = now - observed_at
    if age > most:
        raise NoFiguresError(f"its figures are of {observed_at:%Y-%m-%d %H:%M} UTC, too old")
    if age < -CLOCK_AHEAD:
        raise NoFiguresError(f"its figures are of {observed_at:%Y-%m-%d %H:%M} UTC, which is in the future")
    return observed_at


@dataclass(frozen=True)
class PriceSource:
    """A line of the table: what a source of prices is asked, and at which declared service."""

    service: str
    ask: Callable[["Client", Coin, datetime], SnapshotPart]


# To add a source of prices, add the function that asks it, and its line: `price_sources` may name it then.
PRICE_SOURCES: Mapping[str, PriceSource] = MappingProxyType(
    {
        "coinmarketcap": PriceSource("coinmarketcap", ask_coinmarketcap),
        "coingecko": PriceSource("coingecko", ask_coingecko),
        "coingecko:pro": PriceSource("coingecko-pro", ask_coingecko),
    }
)


class UnknownPriceSourceError(ValueError):
    """Nobody knows a source of prices of this name; the message names those that there are."""


def find_price_source(name: str) -> PriceSource:
    """Find a source of prices by the name that the settings use. Raises UnknownPriceSourceError."""
    if name not in PRICE_SOURCES:
        raise UnknownPriceSourceError(f"unknown price source {name!r}; known: {', '.join(PRICE_SOURCES)}")
    return PRICE_SOURCES[name]
