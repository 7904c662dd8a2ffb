"""What the files of an archive hold: symbols, resolutions and spans, remembered until a file changes."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from include.candles.frame import valid
from include.candles.sources.archive_columns import Layout
from include.candles.sources.archive_file import Rows, read, sniff
from include.candles.sources.archive_name import BadFileError, name_parts, quote_of_venue
from include.candles.sources.archive_packed import inner_path
from include.candles.sources.archive_steps import find_resolution, opens_of

MAX_FILES = 100_000
NO_NAME = "no symbol: name the file like BTCUSDT-1m.csv, or add a column symbol"


class File(NamedTuple):
    """One state of a file; what was read of it is good until it changes."""

    path: Path
    changed_ns: int
    size: int


class Holding(NamedTuple):
    """What one file holds of one symbol: candles with open times from `first` to `last` (tz-aware UTC)."""

    file: File
    symbol: str  # as the file spells it
    resolution: str
    first: pd.Timestamp
    last: pd.Timestamp


class Contents(NamedTuple):
    """What a file holds, and why that is not all of it, or nothing."""

    holdings: tuple[Holding, ...]
    problems: tuple[str, ...]


class HeldPart(NamedTuple):
    """The candles of one symbol in a file, by their open times."""

    symbol: str
    resolution: str
    candles: pd.DataFrame


class Loaded(NamedTuple):
    """The candles of a file, and what is to say about the other rows."""

    parts: tuple[HeldPart, ...]
    problems: tuple[str, ...]


def file_at(path: Path) -> File:
    """Look at the present state of a file."""
    state = path.stat() if path.exists() else path.lstat()  # a broken link is a file that cannot be read
    return File(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=MAX_FILES)
def name_of(file: File) -> tuple[str, str | None]:
    """Take a file's name apart, as `name_parts` does; of a zip the name of the file in it."""
    try:
        return name_parts(inner_path(file.path))
    except (BadFileError, OSError):
        return name_parts(file.path)


def has_symbols(file: File) -> bool:
    """Say whether a file names symbols itself."""
    layout = _layout(file)
    return isinstance(layout, Layout) and ("symbol" in layout.columns or layout.symbol is not None)


@lru_cache(maxsize=MAX_FILES)
def contents(file: File) -> Contents:
    """Find out what a file holds."""
    layout = _layout(file)
    if isinstance(layout, str):
        return Contents((), (layout,))
    try:
        if not layout.bulk:
            loaded = load(file)
        else:
            rows = read(file.path, layout, ends=True)
            times = rows.candles["timestamp"]
            if not (times.is_monotonic_increasing or times.is_monotonic_decreasing):
                rows = read(file.path, layout)  # its ends do not tell what is between them
            loaded = Loaded(*_divide(file, rows))
    except BadFileError as error:
        return Contents((), (str(error),))
    holdings = []
    for symbol, resolution, candles in loaded.parts:
        times = candles["timestamp"]
        holdings.append(Holding(file, symbol, resolution, times.min(), times.max()))
    return Contents(tuple(holdings), loaded.problems if not holdings else ())


@lru_cache(maxsize=4)
def load(file: File) -> Loaded:
    """Read a file whole. Raises BadFileError."""
    layout = _layout(file)
    if isinstance(layout, str):
        raise BadFileError(layout)
    rows = read(file.path, layout)
    parts, problems = _divide(file, rows)
    return Loaded(parts, (*rows.problems, *problems))


@lru_cache(maxsize=MAX_FILES)
def _layout(file: File) -> Layout | str:
    try:
        return sniff(file.path)
    except BadFileError as error:
        return str(error)


def _divide(file: File, rows: Rows) -> tuple[tuple[HeldPart, ...], tuple[str, ...]]:
    """Divide the rows by symbol and find the resolution of each. Raises BadFileError if none can be used."""
    symbol, named = name_of(file)
    candles = rows.candles
    if "symbol" not in candles:
        if not symbol:
            raise BadFileError(NO_NAME)
        if quote_of_venue(symbol):
            raise BadFileError(
                f"the name {symbol} says an exchange and a currency, but no coin: name it like BTCUSDT-1m.csv"
            )
        candles = candles.assign(symbol=symbol)
    parts, faults = [], {}
    symbols = candles["symbol"].nunique()
    for name, of_symbol in _by_symbol(candles):
        times = rows.times if symbols == 1 else of_symbol["timestamp"]
        try:
            resolution = find_resolution(times, named, rows.length)
            if not valid(of_symbol).any():
                raise BadFileError(
                    "no row is a valid candle: prices of zero, or low and high that do not fit"
                )
        except BadFileError as error:
            faults[name] = str(error)
            continue
        if rows.closes:
            of_symbol = of_symbol.assign(timestamp=opens_of(of_symbol["timestamp"], resolution))
        parts.append(HeldPart(name, resolution, of_symbol))
    if not parts:
        raise BadFileError("; ".join(dict.fromkeys(faults.values())))
    return tuple(parts), tuple(f"{name}: {fault}" for name, fault in faults.items())


def _by_symbol(candles: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for name, of_symbol in candles.groupby("symbol"):
        yield str(name), of_symbol
