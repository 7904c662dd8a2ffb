"""What the name of a file says: the market, the resolution, and that it holds no candles of trades.

Names are written by exchanges, by tools and by hand. What is read here is how the common ones do it; the
candles themselves must agree with it.
"""

import re
from collections.abc import Sequence
from pathlib import PurePath

import pandas as pd

from include.candles.frame import RESOLUTIONS

# 2021, 202111, 2021-11-27, 20211127, 202111270000, 20211127000000; 27.11.2021 and 27_11_2021
_DATE = re.compile(
    r"(?<!\d)(?:(?:19|20)\d{2}(?:[-_.]?(?:0[1-9]|1[0-2])(?:[-_.]?[0-3]\d(?:\d{4}|\d{6})?)?)?"
    r"|[0-3]?\d[-_.][01]?\d[-_.](?:19|20)\d{2})(?!\d)"
)
_COPY = re.compile(r" ?\(\d+\)\Z")  # what browsers put behind the name of a second download
_CHART = re.compile(r", ?(\d+)([A-Za-z]?)(?:_[0-9a-f]{5,})?\Z")  # TradingView: `BINANCE_BTCUSDT, 60`
_METATRADER = re.compile(r"[-_ .,](MN1?|[MHDW]\d+)(?![A-Za-z0-9])")  # `BTCUSD_H1`
_INTERVAL = re.compile(
    r"(?<![A-Za-z0-9])(\d+)[-_ ]?"
    r"(mo|mon|mth|months?|mins?|minutes?|hours?|hrs?|days?|weeks?|years?|secs?|seconds?|[mhdwsy])"
    r"(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_WORD = re.compile(r"[-_ ](minute|hourly|hour|h|daily|day|d|weekly|week|w|monthly|month)\Z", re.IGNORECASE)
_KRAKEN_MINUTES = re.compile(r"[-_](\d+)\Z")
_DATA = re.compile(
    r"[-_ ](data|spot|candles?|klines?|ohlcv?t?|histor(y|ical)|historical_data_coinmarketcap)[-_ ]*\Z",
    re.IGNORECASE,
)
# Exchanges with spot markets; a name that begins with a futures exchange keeps it, and so stays apart.
_VENUES = (
    "binance|binanceus|bingx|bitfinex|bitflyer|bitget|bitstamp|bittrex|bitvavo|bybit|coinbase|coinbasepro|"
    "coinex|cryptocom|exmo|gate|gateio|gdax|gemini|hitbtc|htx|huobi|itbit|kraken|kucoin|lbank|mexc|okcoin|"
    "okex|okx|poloniex|upbit|whitebit"
)
# but not in `HTX_USDT`, which is a coin against a dollar
_VENUE = re.compile(rf"^({_VENUES})[-_ ]+(?!(USD[TC]?|EUR)([-_ ,.]|\Z))|[-_ ]+({_VENUES})\Z", re.IGNORECASE)
# `bitstampUSD`, as bitcoincharts and the well-known files of Kaggle have it: the coin is not said
_VENUE_AND_QUOTE = re.compile(rf"({_VENUES})(USD|USDT|USDC|EUR|GBP|JPY)", re.IGNORECASE)

_MONTH = "month"

# Series of prices at which nobody traded; exchanges and tools give them in the form of candles.
_NO_TRADES = (
    (re.compile(r"funding([-_ ]?rates?)?(?![a-z])", re.IGNORECASE), "funding rates"),
    (re.compile(r"mark[-_ ]?price|(^|[-_ ])mark\Z|[-_ ]mark[-_ ]", re.IGNORECASE), "mark prices"),
    (re.compile(r"index[-_ ]?price|[-_ ]index\Z", re.IGNORECASE), "index prices"),
    (re.compile(r"premium[-_ ]?index|(^|[-_ ])premium\Z", re.IGNORECASE), "premium indexes"),
    (re.compile(r"open[-_ ]?interest", re.IGNORECASE), "open interest"),
    (re.compile(r"[-_ ](bid|ask)([-_ ]|\Z)", re.IGNORECASE), "bid or ask prices"),
)


class BadFileError(Exception):
    """A file that cannot be used; the message says why, without the file's name."""


def name_parts(path: PurePath) -> tuple[str, str | None]:
    """Take a file's name apart into symbol ("" if none is left) and resolution (None if it has none).

    `btc-perp-20211231-20220201_1m.csv` is BTC-PERP, 1m; `XBTUSD_60.csv` is XBTUSD, 1h, as Kraken has it;
    `BINANCE_BTCUSDT, 60.csv` and `BTCUSD_H1.csv` are hours, as TradingView and MetaTrader have it. A
    resolution that is none of RESOLUTIONS is given as the name has it: `BTCUSDT-1M.csv` is BTCUSDT, `1M`.
    """
    stem = _COPY.sub("", path.stem)
    chart = _CHART.search(stem)
    if chart is None:
        stem = _DATE.sub("", stem)
        stem = re.sub(r"[-_ ]to[-_ ]*\Z", "", stem, flags=re.IGNORECASE)
    stem = _DATA.sub("", _VENUE.sub("", stem))
    if chart is None:
        stem = stem.rstrip("-_ ")  # what stood before a date
    resolution = None
    if chart := _CHART.search(stem):
        resolution = _of_chart(chart[1], chart[2])
        stem = stem[: chart.start()]
    elif intervals := list(_INTERVAL.finditer(stem)):
        interval = intervals[-1]
        resolution = _of_interval(int(interval[1]), interval[2])
        stem = stem[: interval.start()] + stem[interval.end() :]
    elif found := _METATRADER.search(stem):
        resolution = _of_metatrader(found[1])
        stem = stem[: found.start()] + stem[found.end() :]
    elif found := _WORD.search(stem):
        word = found[1].lower()
        resolution = "1 month" if word.startswith(_MONTH) else f"1{word[0]}"
        stem = stem[: found.start()]
    elif found := _KRAKEN_MINUTES.search(stem):
        length = pd.Timedelta(minutes=int(found[1]))
        days = length // pd.Timedelta(days=1)
        resolution = resolution_of(length) or (f"{days}d" if days else None)
        stem = stem[: found.start()]
    stem = re.sub(r"[-_ .]{2,}", "-", stem).strip("-_ .,")
    return _VENUE.sub("", _DATA.sub("", stem)).upper(), resolution


def resolution_of(interval: pd.Timedelta) -> str | None:
    """Name the resolution of this interval; None when there is no such resolution."""
    return next((name for name, length in RESOLUTIONS.items() if length == interval), None)


def check_name(parts: Sequence[str]) -> None:
    """Look at a file's name and its folders. Raises BadFileError when they name no prices of trades."""
    for part in parts:
        stem = PurePath(part).stem
        for pattern, what in _NO_TRADES:
            if pattern.search(stem):
                raise BadFileError(f"{what} by its name ({part}): nobody traded at them")


def quote_of_venue(symbol: str) -> str | None:
    """Of a name like `BITSTAMPUSD`, which says an exchange and a currency but no coin, give the currency."""
    found = _VENUE_AND_QUOTE.fullmatch(symbol)
    return found[2] if found else None


def _of_interval(count: int, unit: str) -> str:
    # Only the case tells a month (1M) from a minute (1m). 5M, 15M and the like are no lengths in months.
    if unit == "M":
        return f"{count}M" if count in (1, 3, 6, 12) else _named(f"{count}m")
    unit = unit.lower()
    if unit.startswith("mo") or unit == "mth":
        return f"{count} {_MONTH}"
    return _named(f"{count}{unit[0]}")


def _of_chart(count: str, unit: str) -> str:
    """A number alone is minutes."""
    return _of_interval(int(count), unit) if unit else _named(f"{count}m")


def _of_metatrader(name: str) -> str:
    if name.startswith("MN"):
        return f"1 {_MONTH}"
    return _named(f"{name[1:]}{name[0].lower()}")


def _named(interval: str) -> str:
    """Give the name in RESOLUTIONS of an interval like 60m; of any other, what it is called."""
    units = {"m": "min", "h": "h", "d": "D", "w": "W", "s": "s"}
    count, unit = int(interval[:-1]), interval[-1]
    if unit not in units:
        return interval
    return resolution_of(pd.Timedelta(count, units[unit])) or interval  # type: ignore[arg-type]
