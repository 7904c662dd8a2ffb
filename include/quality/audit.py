"""The audit of a day: the stored candles, what their sources answered, and the trades settled that day.

Each batch of data is judged by a suite and becomes a row of data_quality_results; audited again, a batch
replaces its row. Candles are judged one symbol and resolution at a time, in about 0.2 s each.
"""

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import pandas as pd
from sqlalchemy import Engine

from include.candles import Source, SourceError, UnknownSymbolError
from include.candles.frame import interval_of, normalise
from include.candles.store import read_candles
from include.database import read_frame, sql
from include.quality.results import forget_others, write_results
from include.quality.suites import (
    CANDLES,
    FETCHES,
    RESULTS,
    SIGNALS,
    validate_candles,
    validate_fetches,
    validate_results,
    validate_signals,
)
from include.quality.validation import Validation
from include.settings import SANDBOX, Settings

logger = logging.getLogger(__name__)

MAX_AUDIT_DAYS = 31  # in one run
CANDLES_AT_ONCE = 500_000  # read from the store together, but one symbol's at least
LEAD = 100  # candles before each stretch that is judged, as neighbours
COMPARED_BATCHES = 20  # a day, that a second source is asked about
COMPARED_CANDLES = 60  # of one of them, the last ones
COMPARING = timedelta(minutes=5)  # after this a second source is asked no more
MOST_FETCHES = 50_000
MOST_TRADES = 200_000
TIMES = ["generated_at", "expires_at", "completed_at", "entry_at", "exit_at", "first_hit_at", "last_hit_at"]


class Batch(NamedTuple):
    """The candles of one symbol and resolution."""

    symbol: str
    resolution: str

    def on(self, day: date) -> str:
        """Name the batch as the results do."""
        return f"{self.symbol}/{self.resolution}/{day}"


def audit_candles(
    engine: Engine, day: date, sources: Sequence[Source], settings: Settings, run_url: str
) -> int:
    """Judge the candles of a day (UTC) and what their sources answered; answer how many batches there were.

    The candles of a day are those that open on it, and those that the trades settled on it were settled on;
    only the latter are wanted, so that no gap between two trades is called a gap. A second source is asked
    about some batches, other ones each day: see `_Comparison`. Results are stored in parts, so that little
    is lost with a killed task.
    """
    start, end = _bounds(day)
    span = {"start": start, "end": end, "sandbox": SANDBOX in settings.candle_sources}
    with engine.connect() as connection:
        held = read_frame(connection, sql("quality/list_batches"), span).assign(start=start, end=end)
        wanted = read_frame(connection, sql("quality/list_windows"), span)
        fetches = read_frame(connection, sql("quality/read_fetches"), {**span, "limit": MOST_FETCHES})
    if not fetches.empty:
        _store(engine, day, [validate_fetches(fetches, batch=str(day))], run_url)

    within = pd.concat([frame for frame in (held, wanted) if not frame.empty] or [wanted], ignore_index=True)
    names = within[["symbol", "resolution"]].drop_duplicates()
    batches = [Batch(*pair) for pair in zip(names["symbol"], names["resolution"], strict=True)]
    comparison = _Comparison(sources, batches, day)
    for resolution, of_resolution in within.groupby("resolution"):
        audited = _Audited(str(resolution), day, of_resolution, wanted[wanted["resolution"] == resolution])
        for symbols in audited.readable_at_once():
            validations = _audit(engine, audited, symbols, comparison, settings)
            _store(engine, day, list(validations), run_url)
            logger.info("%s %s: %d symbols, %s to %s", day, resolution, len(symbols), symbols[0], symbols[-1])
    with engine.begin() as connection:
        audited_batches = [batch.on(day) for batch in batches] + ([] if fetches.empty else [str(day)])
        forget_others(connection, day, [CANDLES, FETCHES], audited_batches)
    return len(batches)


def audit_trades(engine: Engine, day: date, settings: Settings, run_url: str) -> int:
    """Judge the trades settled on a day (UTC), as proposals and by their results; answer how many."""
    start, end = _bounds(day)
    with engine.connect() as connection:
        trades = read_frame(
            connection, sql("quality/read_trades"), {"start": start, "end": end, "limit": MOST_TRADES}
        )
    if trades.empty:
        with engine.begin() as connection:
            forget_others(connection, day, [SIGNALS, RESULTS], [])
        return 0
    for column in TIMES:  # Great Expectations compares times without a zone only
        trades[column] = pd.to_datetime(trades[column], utc=True).dt.tz_localize(None)
    notes = [f"only the first {MOST_TRADES} trades of the day"] if len(trades) == MOST_TRADES else []
    validations = [
        validate_signals(trades, batch=str(day)).noting(notes),
        validate_results(trades, batch=str(day), score=settings.data_quality_min).noting(notes),
    ]
    _store(engine, day, validations, run_url)
    return len(trades)


@dataclass(frozen=True)
class _Audited:
    """The candles of one resolution that a day's audit looks at: `symbol, start, end` each, tz-aware UTC."""

    resolution: str
    day: date
    within: pd.DataFrame  # these are judged
    wanted: pd.DataFrame  # these must be there

    def readable_at_once(self) -> Iterator[list[str]]:
        """Group the symbols so that a group holds CANDLES_AT_ONCE at most, or is one symbol."""
        seconds = (self.within["end"] - self.within["start"]).dt.total_seconds()
        lengths = seconds.groupby(self.within["symbol"]).sum()
        counts = (lengths / interval_of(self.resolution).total_seconds()).cumsum()
        for _, group in counts.groupby(counts // CANDLES_AT_ONCE):
            yield [str(symbol) for symbol in group.index]


def _audit(
    engine: Engine, audited: _Audited, symbols: list[str], comparison: "_Comparison", settings: Settings
) -> Iterator[Validation]:
    within = audited.within[audited.within["symbol"].isin(symbols)]
    lead = LEAD * interval_of(audited.resolution)
    with engine.connect() as connection:
        candles = read_candles(
            connection,
            within.assign(start=within["start"] - lead),
            audited.resolution,
            sandbox=SANDBOX in settings.candle_sources,
        )
    for symbol in symbols:
        of_symbol = candles[candles["symbol"] == symbol]
        batch = Batch(symbol, audited.resolution)
        second, note = comparison.ask(batch, of_symbol)
        yield validate_candles(
            of_symbol,
            audited.resolution,
            batch=batch.on(audited.day),
            windows=audited.wanted[audited.wanted["symbol"] == symbol],
            within=within[within["symbol"] == symbol],
            second=second,
            coverage=settings.data_quality_min,
        ).noting([note])


class _Comparison:
    """Asking a second source about some of a day's batches: the last candles of each, from one other source.

    The store keeps one candle a time, whoever gave it, so that the other source has to be asked anew. To
    spare it, COMPARED_BATCHES a day are compared, chosen by the day, so that all have their turn.
    """

    def __init__(self, sources: Sequence[Source], batches: Sequence[Batch], day: date):
        self._sources = sources
        self._deadline = time.monotonic() + COMPARING.total_seconds()
        self._day = day
        self._chosen = set(sorted(batches, key=self._turn)[:COMPARED_BATCHES])

    def _turn(self, batch: Batch) -> bytes:
        return hashlib.sha256("/".join([str(self._day), *batch]).encode()).digest()

    def ask(self, batch: Batch, held: pd.DataFrame) -> tuple[pd.DataFrame | None, str]:
        """Give another source's candles for the last ones held, or None; and say which, or why not."""
        if len(self._sources) < 2:
            names = ", ".join(source.name for source in self._sources) or "none"
            return None, f"not compared with a second source: candle_sources names only {names}"
        if held.empty:
            return None, "not compared with a second source: no candle is held"
        if batch not in self._chosen:
            return None, f"not compared with a second source: {COMPARED_BATCHES} batches a day are, in turn"
        if time.monotonic() > self._deadline:
            return None, "not compared with a second source: the time for that ran out"
        last = held.iloc[-COMPARED_CANDLES:]
        start, end = last["timestamp"].iloc[0], last["timestamp"].iloc[-1] + interval_of(batch.resolution)
        refusals = []
        for source in self._sources:
            if source.name in set(last["source"]):
                continue
            try:
                candles = _fetch(source, batch, start.to_pydatetime(), end.to_pydatetime())
            except (UnknownSymbolError, SourceError) as error:
                refusals.append(f"{source.name}: {error}")
                continue
            shared = int(candles["timestamp"].isin(last["timestamp"]).sum())
            if shared:
                return candles, f"{shared} candles compared with {source.name}"
            refusals.append(f"{source.name}: no {batch.resolution} candle of that time")
        return None, f"not compared with a second source: {'; '.join(refusals) or 'all have given candles'}"


def _fetch(source: Source, batch: Batch, start: datetime, end: datetime) -> pd.DataFrame:
    now = datetime.now(UTC)
    offered = {offer.resolution: offer for offer in source.offers(batch.symbol, now)}.get(batch.resolution)
    if offered is None or (offered.oldest is not None and offered.oldest > start):
        raise SourceError(f"no {batch.resolution} candles of that time to offer", temporary=False)
    candles, _ = normalise(source.fetch(*batch, start, end).candles, batch.resolution, now=now)
    return candles


def _bounds(day: date) -> tuple[datetime, datetime]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start, start + timedelta(days=1)


def _store(engine: Engine, day: date, validations: list[Validation], run_url: str) -> None:
    with engine.begin() as connection:
        write_results(connection, day, validations, run_url)
