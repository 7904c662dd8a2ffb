"""A local archive: one file, or a folder of files at any depth. See `archive_file` for what can be read.

A file's symbol is in its column `symbol` or else in its name; a trade's symbol is matched to it by
`include.symbols`. Where the archive holds a coin against several dollars, one of them is taken, the
nearest in spelling: candles of two markets are never mixed. A file that cannot be used is said, by its name
and the reason, and spoils nothing else.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import numpy as np
import pandas as pd

from include.candles.frame import CANDLE, RESOLUTIONS, no_candles
from include.candles.sources.archive_file import (
    SUFFIXES,
    BadFile,
    Layout,
    Rows,
    name_parts,
    read,
    resolution_of,
    sniff,
)
from include.candles.sources.source import Fetched, Offer, Pong, SourceError, UnknownSymbol
from include.symbols import distance, same

MAX_FILES = 100_000
FEW_STEPS = 10


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


class Archive:
    """The candles of the files under one path. The list of files is made once per object."""

    name = "archive"
    local = True

    def __init__(self, path: Path):
        """Take the path of a file or a folder; it is looked at when the first question comes."""
        self.path = path

    def ping(self) -> Pong:
        """List the files. Raises SourceError."""
        started = monotonic()
        _ = self._files
        return Pong((monotonic() - started) * 1000)

    def offers(self, symbol: str, now: datetime) -> tuple[Offer, ...]:
        """Offer each resolution that some file has of the symbol. Raises UnknownSymbol, SourceError."""
        held = self.holdings(symbol)
        if not held:
            names = sorted({name_parts(file.path)[0] for file in self._files} - {""})
            listed = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
            raise UnknownSymbol(
                "; ".join(
                    [
                        f"nothing under {symbol} in {self.path}",
                        *self.problems(symbol),
                        f"its files are named after {listed}",
                    ]
                )
            )
        return tuple(
            Offer(
                resolution,
                min(holding.first for holding in held if holding.resolution == resolution).to_pydatetime(),
                volume=True,
            )
            for resolution in RESOLUTIONS
            if any(holding.resolution == resolution for holding in held)
        )

    def fetch(self, symbol: str, resolution: str, start: datetime, end: datetime) -> Fetched:
        """Read the candles with `start <= open time < end` from the files that have some."""
        parts = []
        problems = list(self.problems(symbol))
        for holding in self.holdings(symbol):
            if holding.resolution != resolution or holding.first >= end or holding.last < start:
                continue
            rows = _rows(holding.file)
            problems += [f"{holding.file.path.name}: {problem}" for problem in rows.problems]
            candles = rows.candles
            wanted = (candles["timestamp"] >= start) & (candles["timestamp"] < end)
            if "symbol" in candles:
                wanted &= candles["symbol"] == holding.symbol
            parts.append(candles[wanted].assign(symbol=symbol)[CANDLE])
        return Fetched(pd.concat([no_candles(), *parts], ignore_index=True), tuple(problems))

    def holdings(self, symbol: str | None = None) -> tuple[Holding, ...]:
        """List what the archive holds; of one symbol, of the market nearest to it in spelling only.

        Raises SourceError when the path does not exist or holds no file of candles, and without a symbol also
        when none of them can be used.
        """
        found = [
            holding
            for file in self._candidates(symbol)
            for holding in _contents(file).holdings
            if symbol is None or same(holding.symbol, symbol)
        ]
        if symbol is None:
            if not found:
                raise SourceError(
                    f"no file in {self.path} can be used: {'; '.join(self.problems()[:5])}", temporary=False
                )
            return tuple(found)
        nearest: dict[str, str] = {}
        for holding in sorted(found, key=lambda holding: distance(holding.symbol, symbol)):
            nearest.setdefault(holding.resolution, holding.symbol)
        return tuple(holding for holding in found if holding.symbol == nearest[holding.resolution])

    def problems(self, symbol: str | None = None) -> tuple[str, ...]:
        """Say which files cannot be used and why; of one symbol, those named after it."""
        return tuple(
            f"{file.path.name}: {problem}"
            for file in self._candidates(symbol)
            if (problem := _contents(file).problem)
        )

    def _candidates(self, symbol: str | None) -> Iterator[File]:
        # Looking into a thousand files for one symbol takes seconds; the names of most files rule them out.
        for file in self._files:
            if symbol is None or same(name_parts(file.path)[0], symbol) or _has_symbols(file):
                yield file

    @cached_property
    def _files(self) -> tuple[File, ...]:
        try:
            self.path.stat()
            paths = sorted(self.path.rglob("*")) if self.path.is_dir() else [self.path]
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {error.strerror}", temporary=False) from error
        paths = [
            path
            for path in paths
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and not path.is_dir()
        ]
        if not paths:
            endings = ", ".join(sorted(SUFFIXES))
            raise SourceError(f"no file of candles in {self.path}: none ends in {endings}", temporary=False)
        if len(paths) > MAX_FILES:
            raise SourceError(f"{self.path} holds more than {MAX_FILES} files of candles", temporary=False)
        return tuple(_file(path) for path in paths)


class _Contents(NamedTuple):
    holdings: tuple[Holding, ...]
    problem: str | None  # why the file cannot be used


def _file(path: Path) -> File:
    state = path.stat() if path.exists() else path.lstat()  # a broken link is a file that cannot be read
    return File(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=MAX_FILES)
def _layout(file: File) -> Layout | str:
    try:
        return sniff(file.path)
    except BadFile as error:
        return str(error)


def _has_symbols(file: File) -> bool:
    layout = _layout(file)
    return isinstance(layout, Layout) and "symbol" in layout.columns


@lru_cache(maxsize=MAX_FILES)
def _contents(file: File) -> _Contents:
    layout = _layout(file)
    if isinstance(layout, str):
        return _Contents((), layout)
    try:
        return _Contents(tuple(_describe(file, layout)), None)
    except BadFile as error:
        return _Contents((), str(error))


def _describe(file: File, layout: Layout) -> Iterator[Holding]:
    symbol, named = name_parts(file.path)
    candles = read(file.path, layout, ends=True).candles if layout.bulk else _rows(file).candles
    times = candles["timestamp"]
    if layout.bulk and not (times.is_monotonic_increasing or times.is_monotonic_decreasing):
        candles = _rows(file).candles  # its ends do not tell what is between them
    if "symbol" not in candles:
        if not symbol:
            raise BadFile("no symbol: name the file like BTCUSDT-1m.csv, or add a column symbol")
        candles = candles.assign(symbol=symbol)
    for name, of_symbol in candles.groupby("symbol")["timestamp"]:
        resolution = _resolution(of_symbol, named)
        yield Holding(file, str(name), resolution, of_symbol.min(), of_symbol.max())


def _resolution(times: "pd.Series[pd.Timestamp]", named: str | None) -> str:
    """Find the resolution by the most frequent step between candles; a name that it denies is an error."""
    steps = np.diff(np.unique(times.to_numpy("datetime64[us]")))
    if len(steps) == 0:
        if named is None:
            raise BadFile("one candle and no resolution in the file's name")
        return named
    lengths, counts = np.unique(steps, return_counts=True)
    step = pd.Timedelta(lengths[counts.argmax()])
    resolution = resolution_of(step)
    if named is None or resolution == named:
        if resolution is None:
            raise BadFile(f"most candles are {step} apart, which is none of {', '.join(RESOLUTIONS)}")
        return resolution
    # a few candles with gaps between them prove nothing against the name
    if len(steps) < FEW_STEPS and (lengths % np.timedelta64(RESOLUTIONS[named]) == np.timedelta64(0)).all():
        return named
    raise BadFile(f"the name says {named}, but most candles are {resolution or step} apart")


@lru_cache(maxsize=4)
def _rows(file: File) -> Rows:
    layout = _layout(file)
    if isinstance(layout, str):
        raise BadFile(layout)
    return read(file.path, layout)
