"""A local archive: one file, or a folder of files at any depth. See `archive_file` for what can be read.

A file's symbol is in its column `symbol` or else in its name; a trade's symbol is matched to it by
`include.symbols`. Where the archive holds a coin against several dollars, one of them is taken, the
nearest in spelling: candles of two markets are never mixed. A file that cannot be used is said, by its name
and the reason, and spoils nothing else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from time import monotonic

import pandas as pd

from include.candles.frame import CANDLE, RESOLUTIONS, no_candles
from include.candles.sources.archive_held import (
    MAX_FILES,
    NO_NAME,
    File,
    Holding,
    contents,
    file_at,
    has_symbols,
    load,
    name_of,
)
from include.candles.sources.archive_listing import Listing, list_files
from include.candles.sources.archive_name import BadFileError
from include.candles.sources.source import (
    Fetched,
    MissingSettingError,
    Offer,
    Opening,
    PingResult,
    SourceError,
    UnknownSymbolError,
)
from include.symbols import find_markets, market_of, what_would_work

MAX_NAMES = 10  # files or symbols that a message names


class CandleArchive:
    """The candles of the files under one path. The list of files is made once per object."""

    name = "archive"
    local = True

    def __init__(self, path: Path):
        """Take the path of a file or a folder; it is looked at when the first question comes."""
        self.path = path

    def ping(self) -> PingResult:
        """List the files. Raises SourceError."""
        started = monotonic()
        _ = self._files
        return PingResult((monotonic() - started) * 1000)

    def offers(self, symbol: str, now: datetime) -> tuple[Offer, ...]:
        """Offer each resolution that some file has of the symbol. Raises UnknownSymbolError, SourceError."""
        held = self.holdings(symbol)
        if not held:
            raise UnknownSymbolError(self._refusal(symbol))
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
            try:
                loaded = load(holding.file)
            except BadFileError as error:  # between its ends and its middle it is something else
                problems.append(f"{holding.file.path.name}: {error}")
                continue
            problems += [f"{holding.file.path.name}: {problem}" for problem in loaded.problems]
            for part in loaded.parts:
                if (part.symbol, part.resolution) == (holding.symbol, resolution):
                    times = part.candles["timestamp"]
                    wanted = part.candles[(times >= start) & (times < end)]
                    parts.append(wanted.assign(symbol=symbol)[CANDLE])
        return Fetched(pd.concat([no_candles(), *parts], ignore_index=True), tuple(dict.fromkeys(problems)))

    def holdings(self, symbol: str | None = None) -> tuple[Holding, ...]:
        """List what the archive holds; of one symbol, of the market nearest to it in spelling only.

        Raises SourceError when the path does not exist or holds no file of candles, and without a symbol also
        when none of them can be used.
        """
        found = [holding for file in self._candidates(symbol) for holding in contents(file).holdings]
        if symbol is None:
            if not found:
                raise SourceError(
                    f"no file in {self.path} can be used: {'; '.join(self.problems()[:5])}", temporary=False
                )
            return tuple(found)
        nearest: dict[str, str] = {}
        markets = find_markets(symbol, {holding.symbol for holding in found})
        for market in markets:
            for holding in found:
                if holding.symbol == market:
                    nearest.setdefault(holding.resolution, market_of(market))
        return tuple(
            holding
            for holding in found
            if holding.symbol in markets and market_of(holding.symbol) == nearest[holding.resolution]
        )

    def problems(self, symbol: str | None = None) -> tuple[str, ...]:
        """Say which files cannot be used or are passed over, and why; of one symbol, those named after it."""
        unusable = [
            f"{file.path.name}: {problem}"
            for file in self._candidates(symbol)
            for problem in contents(file).problems
        ]
        passed_over = [file for file in self._listing.passed_over if symbol is None or file.may_hold(symbol)]
        reasons = dict.fromkeys(file.reason for file in passed_over)
        for reason in reasons:
            names = [file.path.name for file in passed_over if file.reason == reason]
            unusable.append(f"{_some(names)}: {reason}")
        return tuple(unusable)

    def _refusal(self, symbol: str) -> str:
        """Say that there is nothing under a symbol, what would work, and what there is."""
        inside = [file for file in self._files if has_symbols(file)]
        outside = set(self._files) - set(inside)
        held = {holding.symbol for file in inside for holding in contents(file).holdings}
        named = {name_of(file)[0] for file in outside} - {""}
        markets = held | named
        words = [f"nothing under {symbol} in {self.path}", *self.problems(symbol)]
        others = markets - set(find_markets(symbol, markets))
        words += [hint] if (hint := what_would_work(symbol, others)) else []
        words += [f"its files hold {_some(sorted(held))}"] if held else []
        words += [f"its files are named after {_some(sorted(named))}"] if named else []
        if nameless := sorted(file.path.name for file in outside if not name_of(file)[0]):
            words.append(f"{_some(nameless)}: {NO_NAME}")
        return "; ".join(words)

    def _candidates(self, symbol: str | None) -> Iterator[File]:
        # Looking into a thousand files for one symbol takes seconds; the names of most files rule them out.
        if symbol is None:
            yield from self._files
            return
        names = {name_of(file)[0] for file in self._files}
        named = {name for name in names if find_markets(symbol, [name])}
        for file in self._files:
            if name_of(file)[0] in named or has_symbols(file):
                yield file

    @cached_property
    def _listing(self) -> Listing:
        try:
            listing = list_files(self.path)
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {error.strerror}", temporary=False) from error
        if not listing.files:
            raise SourceError(f"no file of candles in {self.path}: {listing.why_no_files()}", temporary=False)
        if len(listing.files) > MAX_FILES:
            raise SourceError(f"{self.path} holds more than {MAX_FILES} files of candles", temporary=False)
        return listing

    @cached_property
    def _files(self) -> tuple[File, ...]:
        return tuple(file_at(path) for path in self._listing.files)


@contextmanager
def opened(opening: Opening) -> Iterator[CandleArchive]:
    """Open the archive at the setting `archive_path`. Raises MissingSettingError."""
    if opening.settings.archive_path is None:
        raise MissingSettingError("candle_sources names the archive: set archive_path to its file or folder")
    yield CandleArchive(opening.settings.archive_path)


def _some(names: list[str]) -> str:
    return ", ".join(names[:MAX_NAMES]) + (", …" if len(names) > MAX_NAMES else "")
