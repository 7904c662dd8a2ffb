"""Which column of a file is what: the time a candle opens, the prices, the volume in the coin, the symbol."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from include.candles.frame import PRICES
from include.candles.sources.archive_name import BadFileError, quote_of_venue
from include.symbols import DOLLARS, same

_SYMBOLS = ("symbol", "pair", "ticker", "instrument", "instrument_name", "inst_id", "product_id")
_VOLUMES = ("volume", "vol", "volumefrom", "volume_from")
_BASE_VOLUMES = ("base_volume", "basevolume", "base_asset_volume")
_NOT_IN_COIN = re.compile(r"volume_(usd|usdt|usdc|busd|fdusd|quote.*|to|currency|ma\d*)")
_INTERVALS = ("interval", "timeframe", "resolution", "granularity")
_MARKET_CAPS = {"marketcap", "market_cap"}

# A name of a time is made of these words, with or without separators: `timeOpen`, `start`, `Gmt time`.
_TIMES = (
    "unix",
    "epoch",
    "timestamp",
    "ts",
    "time",
    "datetime",
    "date",
    "day",
    "bucket",
)  # the preferred ones first
_OPENING = ("open", "opened", "opening", "start", "started", "starts", "begin", "begins", "beginning", "from")
_CLOSING = ("close", "closed", "closing", "end", "ended", "ends", "ending", "stop", "stops", "until", "to")
_ALONE = {"start", "starts", "begin", "begins", "end", "ends", "stop", "stops"}  # `open` alone is a price
_MORE = (
    "utc", "gmt", "local", "at", "ns", "us", "ms", "s", "sec", "secs", "seconds", "millis", "milliseconds",
    "iso", "period", "bar", "candle", "candlestick", "kline", "window", "interval", "event", "the",
    "of",
)  # fmt: skip
_WORD = re.compile("|".join(sorted({*_TIMES, *_OPENING, *_CLOSING, *_MORE}, key=len, reverse=True)))
_UNNAMED = ("", "index", "index_level_0")  # the index that pandas writes


@dataclass(frozen=True)
class Layout:
    """How a file holds its candles."""

    # what it is -> position in the file: the columns of a candle frame, of which `symbol` is optional;
    # `closes`, the time a candle closes, beside one that need not be when it opens; `clock`, the time of day
    # of a date; `interval`
    columns: dict[str, int]
    names: tuple[str, ...]  # what the file calls all its columns
    skipped: int = 0  # lines above the first row of a CSV
    bulk: bool = False  # an exchange's bulk download: one symbol, in order of time
    separator: str = ","
    symbol: str | None = None  # that the file names outside its rows and its name
    opens: bool = False  # whether the name says that `timestamp` is when a candle opens
    closes: bool = False  # whether it says that it is when a candle closes
    dollars: bool = False  # whether the volume is in dollars


def plain(name: str) -> str:
    """Give a column's name in lower case with single underscores."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def find_columns(names: Sequence[str], symbol: str) -> Layout:
    """Find out what columns of these names are, in a file whose name says `symbol`. Raises BadFileError."""
    plains = [plain(name) for name in names]
    known = set(plains)
    if any(name.strip().startswith("<") for name in names):
        raise BadFileError(
            "an export of MetaTrader or the like: its times are those of the broker's server, in a zone that "
            "the file does not say; write them in UTC into a column timestamp, without < and > in the header"
        )
    if {"homenotional", "foreignnotional"} <= {name.replace("_", "") for name in plains}:
        raise BadFileError("buckets of BitMEX: contracts, no spot market, and stamped when they close")
    columns: dict[str, int] = {}
    for column, candidates in {
        "symbol": _SYMBOLS,
        "interval": _INTERVALS,
        **{price: (price,) for price in PRICES},
        "volume": _volumes(plains, symbol),
    }.items():
        found = next((name for name in candidates if name in known), None)
        if found is not None:
            columns[column] = plains.index(found)
        elif column not in ("symbol", "interval"):
            raise BadFileError(
                f"unknown columns: no {column} in {', '.join(names)[:200]}{_hint(column, known)}"
            )
    times = _find_times(names, plains)
    volume = plains[columns["volume"]]
    told = None
    if (quote := quote_of_venue(symbol)) and volume.startswith("volume_"):
        told = volume.removeprefix("volume_").upper() + quote
    return Layout(
        {**columns, **times.columns},
        tuple(names),
        symbol=told,
        opens=times.opens,
        closes=times.closes,
        dollars=bool(known & _MARKET_CAPS) and volume == "volume",
    )


@dataclass(frozen=True)
class _Times:
    columns: dict[str, int]
    opens: bool = False
    closes: bool = False


def _find_times(names: Sequence[str], plains: Sequence[str]) -> _Times:
    """Find the time a candle opens: one that says so, or else one that does not say it, or else its close."""
    opening: list[tuple[bool, int, int]] = []
    closing: list[tuple[bool, int, int]] = []
    others: list[tuple[bool, int, int]] = []
    for at, name in enumerate(plains):
        words = _words(name)
        if words is None:
            continue
        rank = next((place for place, word in enumerate(_TIMES) if word in words), len(_TIMES))
        kind = opening if words & set(_OPENING) else closing if words & set(_CLOSING) else others
        kind.append(("local" in words, rank, at))
    if "ts_event" in plains and "ts_init" in plains and not opening:
        raise BadFileError(
            "ts_event beside ts_init is when a bar opened or when it closed, as its maker chose: "
            "name the column open_time or close_time"
        )
    columns = {"closes": min(closing)[2]} if closing else {}
    if opening:
        return _Times({"timestamp": min(opening)[2], **columns}, opens=True)
    if others:
        chosen = min(others)
        columns["timestamp"] = chosen[2]
        dates = [at for _, rank, at in others if rank == _TIMES.index("date")]
        if dates and chosen[1] == _TIMES.index("time"):
            columns |= {"timestamp": dates[0], "clock": chosen[2]}  # if its values are times of day
        return _Times(columns)
    if closing:
        return _Times({"timestamp": min(closing)[2]}, closes=True)
    unnamed = next((plains.index(name) for name in _UNNAMED if name in plains), None)
    if unnamed is None:
        raise BadFileError(f"unknown columns: no timestamp in {', '.join(names)[:200]}")
    return _Times({"timestamp": unnamed})


def _words(name: str) -> set[str] | None:
    """Give the words of a name that names a time; None for any other."""
    compact = name.replace("_", "")
    words = _WORD.findall(compact)
    if not words or "".join(words) != compact:
        return None
    found = set(words)
    edges = found & {*_OPENING, *_CLOSING}
    if len(edges) > 1:
        return None
    times = found & set(_TIMES)
    # `day_open` is a price
    if (times - {"day"} if edges else times) or edges & _ALONE:
        return found
    return None


def _volumes(plains: Sequence[str], symbol: str) -> Sequence[str]:
    # The candle's volume is in the coin: `volume_btc` goes before `volume` where the file's name says BTC.
    # Any other `volume_…` is taken only without a plain volume, and never one of the pair's other side.
    more = [name for name in plains if name.startswith("volume_")]
    in_coin = [name for name in more if _is_base(name.removeprefix("volume_"), symbol)]
    others = [name for name in more if not _NOT_IN_COIN.fullmatch(name)]
    return (*in_coin, *_VOLUMES, *_BASE_VOLUMES, *others)


def _is_base(coin: str, symbol: str) -> bool:
    return any(same(coin + dollar, symbol) for dollar in ("", *DOLLARS))


def _hint(column: str, known: set[str]) -> str:
    if column != "volume":
        return ""
    if known & {"tick_volume", "tickvol", "tickvolume"}:
        return "; a tick volume counts changes of the price, not coins"
    return "; without a volume no candle passes the quality gate: export it too"
