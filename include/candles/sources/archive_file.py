"""Reading one file of an archive: Kraken's and Binance's bulk CSV, CSV with a header, Parquet, Feather.

Rows come back in the columns of a candle frame, in the file's order, with `symbol` as the file spells it;
what cannot be read is said in words.
"""

import csv
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from include.candles.frame import (
    CANDLE,
    PRICES,
    RESOLUTIONS,
    UNREADABLE_PRICE,
    UNREADABLE_TIME,
    UNREADABLE_VOLUME,
)
from include.symbols import DOLLARS, same

SUFFIXES = {".csv", ".parquet", ".pq", ".feather", ".ftr"}

# Names of columns, the preferred ones first. An unnamed column is the index that pandas writes.
_TIMES = (
    "unix",
    "unix_timestamp",
    "timestamp",
    "open_time",
    "time",
    "datetime",
    "date",
    "",
    "index_level_0",
)
_SYMBOLS = ("symbol", "pair", "ticker")
_VOLUMES = ("volume", "vol")
_DOLLAR_VOLUME = re.compile(r"volume_(usd|usdt|usdc|busd)")

_UNREADABLE = {
    "timestamp": UNREADABLE_TIME,
    **dict.fromkeys(PRICES, UNREADABLE_PRICE),
    "volume": UNREADABLE_VOLUME,
}

# Files without a header, by their number of columns. Seven: Kraken's OHLCVT, which ends with the count of
# trades. Twelve: Binance's klines; close time, quote volume, trades and taker volumes follow the volume.
_HEADERLESS = (7, 12)

_HEADER_LINES = 4  # a banner or two may stand above the header
_END = 16_384  # bytes of a bulk file's beginning and end that are enough to know it by

_DATE = re.compile(r"(?<!\d)(19|20)\d{2}([-_]?(0[1-9]|1[0-2])([-_]?[0-3]\d)?)?(?!\d)")
_INTERVAL = re.compile(r"(?<![a-z0-9])(\d+)[-_]?(m|min|h|d|w)(?![a-z0-9])")
_UNITS: dict[str, Literal["min", "h", "D", "W"]] = {"m": "min", "min": "min", "h": "h", "d": "D", "w": "W"}
_DATA = re.compile(r"[-_ ]data[-_ ]*\Z")
_WORD = re.compile(r"[-_ ](minute|hourly|hour|h|daily|day|d|weekly|week|w)\Z")
_KRAKEN_MINUTES = re.compile(r"[-_](\d+)\Z")
_VENUE = re.compile(r"^(binance|bitfinex|bitstamp|bybit|coinbase|gemini|kraken|okx|poloniex)[-_ ]")


class BadFile(Exception):
    """A file that cannot be used; the message says why, without the file's name."""


@dataclass(frozen=True)
class Layout:
    """How a file holds its candles."""

    columns: dict[str, int]  # name in a candle frame -> position in the file; `symbol` is optional
    names: tuple[str, ...]  # what the file calls all its columns
    skipped: int  # lines above the first row of a CSV
    bulk: bool  # an exchange's bulk download: one symbol, in order of time


@dataclass(frozen=True)
class Rows:
    """The readable rows of a file, and what is to say about the others."""

    candles: pd.DataFrame  # columns of a candle frame, in the file's order; `symbol` only if the file has it
    problems: tuple[str, ...]


def name_parts(path: Path) -> tuple[str, str | None]:
    """Take a file's name apart into symbol ("" if none is left) and resolution (None if it has none).

    `btc-perp-20211231-20220201_1m.csv` is BTC-PERP, 1m; `XBTUSD_60.csv` is XBTUSD, 1h, as Kraken has it;
    `btcusd_1-min_data.csv`, the well-known file of Kaggle, is BTCUSD, 1m.
    """
    stem = _DATA.sub("", _VENUE.sub("", _DATE.sub("", path.stem.lower())))
    resolution = None
    if found := _INTERVAL.search(stem):
        resolution = resolution_of(pd.Timedelta(int(found[1]), _UNITS[found[2]]))
        stem = stem[: found.start()] + stem[found.end() :]
    elif found := _WORD.search(stem):
        resolution = f"1{found[1][0]}"
        stem = stem[: found.start()]
    elif found := _KRAKEN_MINUTES.search(stem):
        resolution = resolution_of(pd.Timedelta(minutes=int(found[1])))
        stem = stem[: found.start()]
    return re.sub(r"[-_ .]{2,}", "-", stem).strip("-_ .").upper(), resolution


def resolution_of(interval: pd.Timedelta) -> str | None:
    """Name the resolution of this interval; None when there is no such resolution."""
    return next((name for name, length in RESOLUTIONS.items() if length == interval), None)


def sniff(path: Path) -> Layout:
    """Find out how a file holds its candles, from its first lines or its schema. Raises BadFile."""
    with _reading():
        if path.stat().st_size == 0:
            raise BadFile("the file is empty")
        if path.suffix.lower() == ".csv":
            with path.open("rb") as file:
                return _sniff_csv(file.read(_END), name_parts(path)[0])
        names = tuple(_table(path, columns=[]).names)
    return Layout(_columns(names, name_parts(path)[0]), names, skipped=0, bulk=False)


def read(path: Path, layout: Layout, *, ends: bool = False) -> Rows:
    """Read a file's rows; with `ends`, of a CSV only the rows near its two ends. Raises BadFile.

    Times without a zone are UTC; numbers are seconds, ms, us or ns since 1970, told by their size. Rows
    without a readable time, price or volume are left out and said; at least one row must be readable.
    """
    with _reading():
        if path.suffix.lower() == ".csv":
            raw = _read_csv(path, layout, ends)
        else:
            raw = _table(path, columns=[layout.names[at] for at in layout.columns.values()]).to_pandas(
                ignore_metadata=True
            )
            raw = raw.set_axis(list(layout.columns), axis="columns")
    if raw.empty:
        raise BadFile("the file has no rows")
    candles = pd.DataFrame({column: raw[column] for column in CANDLE if column in raw})
    candles["timestamp"] = _times(raw["timestamp"])
    for column in (*PRICES, "volume"):
        candles[column] = pd.to_numeric(raw[column], errors="coerce").astype("float64")
    problems = []
    readable = pd.Series(True, index=raw.index)
    for column, reason in _UNREADABLE.items():
        lost = candles[column].isna() & readable
        if lost.any():
            first = int(lost.to_numpy().argmax())
            value = raw[column].iloc[first]
            problems.append(
                f"{int(lost.sum())} of {len(raw)} rows refused: {reason}, first in row {first + 1}: "
                f"{column} {'empty' if pd.isna(value) else repr(str(value))}"
            )
            readable &= ~lost
    if not readable.any():
        raise BadFile("; ".join(problems))
    return Rows(candles[readable], tuple(problems))


@contextmanager
def _reading() -> Iterator[None]:
    # pandas, pyarrow and the csv module raise OSError, ValueError (its subclasses) or csv.Error for bad files
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            yield
    except OSError as error:
        raise BadFile(f"the file cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BadFile("the file is no text") from error
    except (ValueError, csv.Error, pd.errors.ParserWarning) as error:
        raise BadFile(f"the file is malformed: {str(error).strip()}") from error


def _table(path: Path, columns: list[str]) -> Any:  # pyarrow comes without types
    if path.suffix.lower() in {".parquet", ".pq"}:
        from pyarrow import parquet

        return parquet.read_table(path, columns=columns) if columns else parquet.read_schema(path)
    from pyarrow import feather, ipc

    return feather.read_table(path, columns=columns) if columns else ipc.open_file(path).schema


def _sniff_csv(head: bytes, symbol: str) -> Layout:
    lines = head.decode("utf-8-sig", errors="strict" if len(head) < _END else "ignore").splitlines()
    rows = [row for row, _ in zip(csv.reader(lines), range(_HEADER_LINES + 1), strict=False)]
    first = rows[0] if rows else []
    if len(first) in _HEADERLESS and all(_is_number(cell) for cell in first):
        columns = {column: at for at, column in enumerate(CANDLE[1:])}
        return Layout(columns, tuple(str(at) for at in range(len(first))), skipped=0, bulk=True)
    for at, row in enumerate(rows[:_HEADER_LINES]):
        plain = {_plain(cell) for cell in row}
        if plain.issuperset(PRICES):
            width = len(rows[at + 1]) if at + 1 < len(rows) else len(row)
            if width != len(row):
                raise BadFile(
                    f"the file is malformed: {len(row)} columns in the header, {width} in the first row"
                )
            columns = _columns(row, symbol)
            bulk = "symbol" not in columns and {"open_time", "close_time"} <= plain
            return Layout(columns, tuple(row), skipped=at + 1, bulk=bulk)
    raise BadFile(
        "unknown columns: neither a header with open, high, low and close, nor the 7 numbers of a Kraken row "
        f"or the 12 of a Binance row; it begins with {','.join(first)[:80]!r}"
    )


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d*)?([eE][-+]?\d+)?", cell.strip()) is not None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _columns(names: Sequence[str], symbol: str) -> dict[str, int]:
    plain = [_plain(name) for name in names]
    # The candle's volume is in the coin: `volume_btc` goes before `volume` where the file's name says BTC.
    # Any other `volume_…` (quote, ma, the pair's other side) is taken only where there is no plain volume.
    more = [name for name in plain if name.startswith("volume_")]
    in_coin = [name for name in more if _is_base(name.removeprefix("volume_"), symbol)]
    others = [name for name in more if not _DOLLAR_VOLUME.match(name)]
    wanted: dict[str, Sequence[str]] = {
        "symbol": _SYMBOLS,
        "timestamp": _TIMES,
        **{price: (price,) for price in PRICES},
        "volume": (*in_coin, *_VOLUMES, *others),
    }
    columns = {}
    for column, candidates in wanted.items():
        found = next((name for name in candidates if name in plain), None)
        if found is not None:
            columns[column] = plain.index(found)
        elif column != "symbol":
            raise BadFile(f"unknown columns: no {column} in {', '.join(names)[:200]}")
    return columns


def _is_base(coin: str, symbol: str) -> bool:
    return any(same(coin + dollar, symbol) for dollar in ("", *DOLLARS))


def _read_csv(path: Path, layout: Layout, ends: bool) -> pd.DataFrame:
    content: Path | io.BytesIO = path
    if ends and path.stat().st_size > 2 * _END:
        with path.open("rb") as file:
            head = file.read(_END).rpartition(b"\n")[0]
            file.seek(-_END, io.SEEK_END)
            tail = file.read().partition(b"\n")[2]
        content = io.BytesIO(head + b"\n" + tail)
    raw = pd.read_csv(
        content,
        header=None,
        names=range(len(layout.names)),
        skiprows=layout.skipped,
        index_col=False,
        low_memory=False,
        keep_default_na=False,
        na_values=[""],
        encoding="utf-8-sig",
    )
    return raw[list(layout.columns.values())].set_axis(list(layout.columns), axis="columns")


def _times(values: "pd.Series[Any]") -> "pd.Series[pd.Timestamp]":
    """Read times as tz-aware UTC with microseconds; NaT where that is not possible."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return pd.to_datetime(values, utc=True).dt.as_unit("us")
    numbers = pd.to_numeric(values, errors="coerce")
    times = _since_epoch(numbers)
    text = values[numbers.isna()].astype("str")
    if not text.empty:
        read = pd.to_datetime(text, utc=True, format="ISO8601", errors="coerce")
        # CryptoDataDownload's hours: 2017-07-01 11-AM
        read = read.fillna(pd.to_datetime(text, utc=True, format="%Y-%m-%d %I-%p", errors="coerce"))
        times = times.fillna(read)
    return times


def _since_epoch(numbers: "pd.Series[Any]") -> "pd.Series[pd.Timestamp]":
    # In each unit, the numbers from `least` to a thousand times that are the years from 1973 to 5138.
    micros = pd.Series(float("nan"), index=numbers.index)
    for least, factor in ((1e8, 1e6), (1e11, 1e3), (1e14, 1.0), (1e17, 1e-3)):  # s, ms, us, ns
        micros = micros.mask((numbers >= least) & (numbers < least * 1000), numbers * factor)
    return pd.to_datetime(micros.round(), unit="us", utc=True).dt.as_unit("us")
