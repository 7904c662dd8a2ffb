"""Reading one file of an archive: Kraken's and Binance's bulk CSV, CSV with a header, Parquet, Feather.

A CSV may be packed with gzip or zip. Rows come back in the columns of a candle frame, in the file's order,
with `symbol` as the file spells it; what cannot be read is said in words.
"""

import csv
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from include.candles.frame import (
    CANDLE,
    NO_SYMBOL,
    PRICES,
    UNREADABLE_PRICE,
    UNREADABLE_TIME,
    UNREADABLE_VOLUME,
    decimals,
    shortest,
)
from include.candles.sources.archive_columns import Layout, find_columns, plain
from include.candles.sources.archive_name import BadFileError, name_parts
from include.candles.sources.archive_packed import PACKED_SUFFIXES, inner_path, unpack
from include.candles.sources.archive_times import (
    ONE_MINUTE,
    SECOND,
    all_before_the_minute,
    is_clock,
    names_zone,
    read_times,
)

TEXTS = {".csv", ".tsv"}
TABLE_SUFFIXES = {".parquet", ".pq", ".feather", ".ftr"}
SUFFIXES = TEXTS | TABLE_SUFFIXES | PACKED_SUFFIXES

_UNREADABLE = {
    "timestamp": UNREADABLE_TIME,
    **dict.fromkeys(PRICES, UNREADABLE_PRICE),
    "volume": UNREADABLE_VOLUME,
    "symbol": NO_SYMBOL,
}

# Files without a header, by their number of columns. Seven: Kraken's OHLCVT, which ends with the count of
# trades. Twelve: Binance's klines; close time, quote volume, trades and taker volumes follow the volume.
_KRAKEN, _BINANCE = 7, 12

_SEPARATORS = ",;\t|"
_HEADER_LINES = 4  # a banner or two may stand above the header
_END = 16_384  # bytes of a bulk file's beginning, middle and end that are enough to know it by
_FROM_YAHOO = re.compile(r"(ticker|date|datetime|price)?", re.IGNORECASE)


@dataclass(frozen=True)
class Rows:
    """The readable rows of a file, and what is to say about the others."""

    candles: pd.DataFrame  # columns of a candle frame, in the file's order; `symbol` only if the file has it
    times: "pd.Series[pd.Timestamp]"  # of these and of the rows that have nothing but a time
    problems: tuple[str, ...]
    closes: bool = False  # whether `timestamp` is when a candle closes
    length: pd.Timedelta | None = None  # from open to close, where the file has both and all are alike


def sniff(path: Path) -> Layout:
    """Find out how a file holds its candles, from its first lines or its schema. Raises BadFileError."""
    with _reading():
        if path.stat().st_size == 0:
            raise BadFileError("the file is empty")
        symbol = name_parts(inner_path(path))[0]
        if path.suffix.lower() in TABLE_SUFFIXES:
            return find_columns(tuple(_table(path, columns=[]).names), symbol)
        with _opened(path) as file:
            return _sniff_csv(file.read(_END), symbol)


def read(path: Path, layout: Layout, *, ends: bool = False) -> Rows:
    """Read a file's rows; with `ends`, of a CSV only those near its two ends and its middle.

    Times without a zone are UTC. Rows without a readable time, price or volume are left out and said; at
    least one row must be readable. Raises BadFileError.
    """
    text = path.suffix.lower() not in TABLE_SUFFIXES
    with _reading():
        if text:
            raw = _read_csv(path, layout, ends)
        else:
            raw = _table(path, columns=[layout.names[at] for at in layout.columns.values()]).to_pandas(
                ignore_metadata=True
            )
            raw = raw.set_axis(list(layout.columns), axis="columns")
    if raw.empty:
        raise BadFileError("the file has no rows")
    if "interval" in raw and (lengths := raw["interval"].dropna().astype("str").unique()).size > 1:
        several = ", ".join(sorted(lengths)[:5])
        raise BadFileError(f"candles of several lengths in one file: {several}; make one file of each")
    candles = pd.DataFrame({column: raw[column] for column in CANDLE if column in raw})
    times, closes = _find_opens(raw, layout)
    candles["timestamp"] = times
    # Of a CSV the whole column is text as soon as one value is no number.
    as_decimals: Callable[[Any], Any] = _read_texts if text else decimals
    for column in (*PRICES, "volume"):
        candles[column] = as_decimals(raw[column])
    if layout.dollars:
        candles["volume"] /= candles[["high", "low", "close"]].mean(axis=1)
    if "symbol" in candles:
        candles["symbol"] = _as_text(raw["symbol"])
    elif layout.symbol:
        candles["symbol"] = layout.symbol
    readable, problems = _find_readable(candles, raw)
    if not readable.any():
        raise BadFileError("; ".join(problems))
    dated = candles.loc[times.notna(), "timestamp"]
    return Rows(candles[readable], dated, tuple(problems), closes, _find_length(raw, times))


def _read_texts(values: "pd.Series[Any]") -> "pd.Series[float]":
    return shortest(pd.to_numeric(values, errors="coerce").astype("float64"))


def _as_text(values: "pd.Series[Any]") -> "pd.Series[str]":
    """Give symbols as text, whatever the file took them for: 42 and TRUE are symbols too."""
    if values.dtype.kind == "f" and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")  # whole numbers beside an empty value
    text = values.astype("str").str.strip().astype("object")
    return text.where(values.notna() & (text != ""), None)


def _find_opens(raw: pd.DataFrame, layout: Layout) -> tuple["pd.Series[pd.Timestamp]", bool]:
    """Read the times, and find out whether they are when the candles close. Raises BadFileError."""
    values = raw["timestamp"]
    if "clock" in raw and not raw["clock"].empty and is_clock(raw["clock"].iloc[0]):
        values = values.astype("str") + " " + raw["clock"].astype("str")
    name = layout.names[layout.columns["timestamp"]]
    if "local" in plain(name).split("_") and not names_zone(values):
        raise BadFileError(f"{name!r} does not say its zone: write the times in UTC into a column timestamp")
    times = read_times(values)
    if layout.opens:
        return times, False
    if layout.closes or all_before_the_minute(times):
        return times, True
    if "closes" not in raw:
        return times, False
    ahead = read_times(raw["closes"]) - times
    late = (ahead.abs() <= SECOND)[ahead.notna()]
    if late.all() or not late.any():
        return times, bool(late.size) and bool(late.all())
    raise BadFileError(f"{name!r} is when some candles close and when others open: name the column open_time")


def _find_length(raw: pd.DataFrame, times: "pd.Series[pd.Timestamp]") -> pd.Timedelta | None:
    """Find how long the candles are by the times at which they close; None if these do not say it."""
    if "closes" not in raw or len(raw) > 1:  # more rows tell it by their steps
        return None
    length = (read_times(raw["closes"]) - times).dt.ceil(ONE_MINUTE).iloc[0]
    return length if length > pd.Timedelta(0) else None


def _find_readable(candles: pd.DataFrame, raw: pd.DataFrame) -> tuple["pd.Series[bool]", list[str]]:
    problems = []
    readable = pd.Series(True, index=raw.index)
    for column, reason in _UNREADABLE.items():
        if column not in candles:
            continue
        lost = candles[column].isna() & readable
        if lost.any():
            first = int(lost.to_numpy().argmax())
            value = raw[column].iloc[first]
            problems.append(
                f"{int(lost.sum())} of {len(raw)} rows refused: {reason}, first in row {first + 1}: "
                f"{column} {'empty' if pd.isna(value) else repr(str(value))}"
            )
            readable &= ~lost
    return readable, problems


@contextmanager
def _reading() -> Iterator[None]:
    # pandas, pyarrow and the csv module raise OSError, ValueError (its subclasses) or csv.Error for bad files
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            yield
    except OSError as error:
        raise BadFileError(f"the file cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BadFileError("the file is no text") from error
    except (ValueError, csv.Error, pd.errors.ParserWarning) as error:
        raise BadFileError(f"the file is malformed: {str(error).strip()}") from error


def _table(path: Path, columns: list[str]) -> Any:  # pyarrow comes without types
    if path.suffix.lower() in {".parquet", ".pq"}:
        from pyarrow import parquet

        return parquet.read_table(path, columns=columns) if columns else parquet.read_schema(path)
    from pyarrow import feather, ipc

    return feather.read_table(path, columns=columns) if columns else ipc.open_file(path).schema


def _opened(path: Path) -> io.BufferedIOBase:
    """Open a CSV, packed or not."""
    if path.suffix.lower() in PACKED_SUFFIXES:
        return io.BytesIO(unpack(path))
    return path.open("rb")


def _sniff_csv(head: bytes, symbol: str) -> Layout:
    text = head.decode("utf-8-sig", errors="strict" if len(head) < _END else "ignore")
    lines = re.split(r"\r\n|\r|\n", text)
    if len(head) == _END:
        del lines[-1:]  # it may be cut off
    first: list[str] = []
    for separator in _SEPARATORS:
        reader = csv.reader(lines, delimiter=separator)
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
        if not rows:
            raise BadFileError("unknown columns: the file has nothing but blank lines")
        first = first or rows[0][1]
        layout = _sniff_headerless([row for _, row in rows]) or _sniff_header(rows, symbol)
        if layout is not None:
            return replace(layout, separator=separator)
    if re.match(r"\d{8} \d{6};|\d{4}\.\d{2}\.\d{2},\d{2}:\d{2},", text):
        raise BadFileError(
            "rows without a header as HistData and MetaTrader write them: their times are not in UTC; "
            "write them in UTC, under a header timestamp,open,high,low,close,volume"
        )
    raise BadFileError(
        "unknown columns: neither a header with open, high, low and close, nor the 7 numbers of a Kraken row "
        f"or the 12 of a Binance row; it begins with {','.join(first)[:80]!r}; put a header like "
        "timestamp,open,high,low,close,volume above it"
    )


def _sniff_headerless(rows: Sequence[list[str]]) -> Layout | None:
    width = len(rows[0])
    if width not in (_KRAKEN, _BINANCE) or not all(_is_number(cell) for cell in rows[0]):
        return None
    numbers = [[float(cell) for cell in row[1:5]] for row in rows if all(map(_is_number, row[:5]))]
    ordered = sum(
        low <= min(opened, closed) and high >= max(opened, closed) for opened, high, low, closed in numbers
    )
    if 2 * ordered < len(numbers):
        raise BadFileError(
            f"{width} numbers a row without a header, which are not a time, open, high, low and close in "
            "this order; put a header above them"
        )
    columns = {column: at for at, column in enumerate(CANDLE[1:])}
    if width == _BINANCE:
        columns["closes"] = len(columns)
    return Layout(columns, tuple(str(at) for at in range(width)), bulk=True, opens=True)


def _sniff_header(rows: Sequence[tuple[int, list[str]]], symbol: str) -> Layout | None:
    for at, (line, row) in enumerate(rows[:_HEADER_LINES]):
        names = {plain(cell) for cell in row}
        if not names.issuperset(PRICES):
            continue
        above, below = rows[at - 1][1] if at else [], [row for _, row in rows[at + 1 :]]
        yahoo = _sniff_yahoo(row, line, above, rows[at + 1 :], symbol)
        if yahoo is not None:
            return yahoo
        width = len(below[0]) if below else len(row)
        if width != len(row):
            raise BadFileError(
                f"the file is malformed: {len(row)} columns in the header, {width} in the first row"
            )
        layout = find_columns(row, symbol)
        bulk = "symbol" not in layout.columns and layout.symbol is None
        bulk = bulk and {"open_time", "close_time"} <= names
        return replace(layout, skipped=line, bulk=bulk)
    return None


def _sniff_yahoo(
    row: list[str], line: int, above: list[str], below: Sequence[tuple[int, list[str]]], symbol: str
) -> Layout | None:
    """Recognise the header of yfinance: three lines, one of prices, one of tickers, one with `Date` alone."""
    lines = [above, *(cells for _, cells in below[:2])]
    tickers = next((cells[1:] for cells in lines if cells and cells[0].strip().lower() == "ticker"), None)
    if tickers is None or row[0].strip().lower() not in ("price", ""):
        return None
    named = {ticker.strip() for ticker in tickers} - {""}
    if len(named) != 1:
        raise BadFileError(
            f"several tickers in one file of yfinance: {', '.join(sorted(named))[:80]}; save one a file"
        )
    layout = find_columns(["Date", *row[1:]], symbol)
    for number, cells in below[:2]:
        if not _FROM_YAHOO.fullmatch(cells[0].strip()):
            break
        line = number
    return replace(layout, skipped=line, symbol=named.pop())


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d*)?([eE][-+]?\d+)?", cell.strip()) is not None


def _read_csv(path: Path, layout: Layout, ends: bool) -> pd.DataFrame:
    with _opened(path) as file:
        content = io.BytesIO(_parts(file)) if ends else file
        raw = pd.read_csv(
            content,
            header=None,
            names=range(len(layout.names)),
            skiprows=layout.skipped,
            index_col=False,
            sep=layout.separator,
            dtype={
                at: "str" for what, at in layout.columns.items() if what in ("symbol", "interval", "clock")
            },
            low_memory=False,
            keep_default_na=False,
            na_values=[""],
            encoding="utf-8-sig",
        )
    return raw[list(layout.columns.values())].set_axis(list(layout.columns), axis="columns")


def _parts(file: io.BufferedIOBase) -> bytes:
    """Read the beginning, the middle and the end of a file, in whole lines; a small one whole."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size <= 4 * _END:
        return file.read()
    parts = [file.read(_END).rpartition(b"\n")[0]]
    for start in (size // 2, size - _END):
        file.seek(start)
        part = file.read(_END).partition(b"\n")[2]
        parts.append(part if start + _END >= size else part.rpartition(b"\n")[0])
    return b"\n".join(parts)
