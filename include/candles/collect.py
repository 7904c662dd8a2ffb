"""Collecting candles: what the store lacks of the wanted windows is fetched, source after source, and stored.

The finest resolution that reaches far enough back wins for a window, or the first of those that the caller
names. What one source leaves open, the next is asked for in the same resolution; the next resolution is asked
for where those before did not give enough. One symbol or source that fails never fails the others: what could
not be had is said in words.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pandas as pd
from sqlalchemy import Connection, Engine

from include.candles.case import Case, breakdowns_of
from include.candles.frame import RESOLUTIONS, first_open, last_close, normalise, refused_rows_text
from include.candles.sources import Fetched, LeftOut, Offer, Source, SourceError, UnknownSymbolError
from include.candles.store import ensure_partitions, find_gaps, write_candles
from include.candles.windows import held_share, pages
from include.database import sql, storable
from include.settings import SANDBOX

FINEST_CANDLE = next(iter(RESOLUTIONS))
LONGEST_FILLED = timedelta(days=366)
MAX_FETCHES = 2_000  # of one collection
WAIT_FOR_FINER = timedelta(hours=2)  # after a window's end, if a source fails that may have finer candles
MAX_FAILURES = 3  # in a row, after which a source is left alone for the rest of the collection


@dataclass
class Collection:
    """What a collection brought, and what it could not bring."""

    written: int = 0  # candles that are new in the store or changed
    fetches: int = 0  # requests to sources
    missing: dict[str, str] = field(
        default_factory=dict
    )  # symbol -> why its windows are not filled, in words
    awaited: dict[str, str] = field(
        default_factory=dict
    )  # symbol -> why the last candle of a window that has just ended is not there yet, in words
    refused: list[str] = field(default_factory=list)  # data that came and could not be used, in words
    left_out: dict[str, str] = field(
        default_factory=dict
    )  # source that gave nothing at last -> why, in words


def collect_candles(
    engine: Engine,
    windows: pd.DataFrame,
    sources: Sequence[Source],
    *,
    resolutions: Sequence[str] = tuple(RESOLUTIONS),
    now: datetime | None = None,
    enough: float = 90.0,
    budget: timedelta = timedelta(minutes=5),
    tail_patience: timedelta = WAIT_FOR_FINER,
    again_since: datetime | None = None,
) -> Collection:
    """Fetch and store what the windows lack of candles; what is there already is not asked for.

    With `again_since` all is asked for again, but for what was fetched since then; whether a candle replaces
    the one that is there is the store's rule: see `write_candles`.

    Every fetch is stored in a transaction of its own, so that a collection that is killed loses little. What
    a source lacked is asked of it again after a while only: see sql/queries/candles/note_fetch.sql.

    Args:
        engine: the platform's database.
        windows: `symbol, start, end` (tz-aware UTC), one row a window; symbols as the trades spell them.
        sources: where to ask, in order of preference; the sandbox only ever alone.
        resolutions: which ones to ask for, in this order; a trade wants the finest, an indicator its own.
        now: the present, tz-aware; candles that are open then are left for later. None: the clock.
        enough: percent of a window's candles that make the next resolution unnecessary.
        again_since: the time, tz-aware, at which fetching again began; None: only what is missing.
        budget: after this time nothing more is asked for, and what is left is said to be missing.
        tail_patience: for so long after a window's end its last candles may only be late, so that a source is
            asked for them at every collection.

    Raises:
        ValueError: the sandbox is mixed with real sources, or the windows are no such frame.
    """
    names = [source.name for source in sources]
    if not names or (SANDBOX in names and len(names) > 1):
        raise ValueError(
            "candles are collected from real sources or from the sandbox market, never from both"
        )
    for column in ("start", "end"):
        if not isinstance(windows[column].dtype, pd.DatetimeTZDtype):
            raise ValueError(f"the column {column} of the windows must hold times with a time zone")
    now = now or datetime.now(UTC)
    wanted = windows[["symbol", "start", "end"]].drop_duplicates()
    wanted["end"] = wanted["end"].where(wanted["end"] < now, pd.Timestamp(now))
    wanted = wanted[wanted["start"] < wanted["end"]]

    deadline = time.monotonic() + budget.total_seconds()
    collector = _Collector(
        engine, sources, resolutions, now, enough / 100, deadline, again_since, tail_patience
    )
    with engine.begin() as connection:
        connection.execute(sql("candles/forget_fetches"), {"now": now})
        gaps = find_gaps(
            connection, wanted, resolutions[0], sandbox=SANDBOX in names, fetched_since=again_since
        )
    for symbol, of_symbol in wanted[wanted["symbol"].isin(gaps["symbol"])].groupby("symbol"):
        collector.collect(str(symbol), of_symbol)
    return collector.finish()


class _Page(NamedTuple):
    """What a source is asked for at once: candles with `start <= open time < end`."""

    symbol: str
    resolution: str | None  # None: whatever there is
    start: datetime
    end: datetime


class _Collector:
    """One collection under way."""

    def __init__(
        self,
        engine: Engine,
        sources: Sequence[Source],
        resolutions: Sequence[str],
        now: datetime,
        enough: float,
        deadline: float,
        again_since: datetime | None,
        tail_patience: timedelta,
    ):
        self.collection = Collection()
        self._engine = engine
        self._sources = sources
        self._resolutions = resolutions
        self._sandbox = any(source.name == SANDBOX for source in sources)
        self._now = now
        self._enough = enough
        self._deadline = deadline  # by time.monotonic()
        self._again_since = again_since
        self._late_since = now - tail_patience  # what ended before is not late, it is missing
        self._failures: dict[str, list[str]] = {source.name: [] for source in sources}  # in a row
        self._given_up: dict[str, SourceError] = {}  # source -> its last failure

    def collect(self, symbol: str, windows: pd.DataFrame) -> None:
        """Fill the windows of one symbol as far as can be; say why if some are not filled."""
        case = Case(symbol)
        short = windows["end"] - windows["start"] <= LONGEST_FILLED
        unfilled = windows[short]
        offers = self._offers(case, unfilled) if short.any() else {}
        waiting = unfilled[:0]
        for resolution in self._resolutions:
            if resolution in offers:
                coarser = RESOLUTIONS[resolution] > RESOLUTIONS[self._resolutions[0]]
                if coarser and case.hopeful:
                    # A trade is settled once: a short outage must not settle it on hours instead of minutes.
                    recent = unfilled["end"] > self._now - WAIT_FOR_FINER
                    waiting = pd.concat([waiting, unfilled[recent]])
                    unfilled = unfilled[~recent]
                unfilled = self._fill(case, unfilled, resolution, offers[resolution])
        unfilled = pd.concat([waiting, unfilled])
        reasons = [] if short.all() else [f"windows of more than {LONGEST_FILLED.days} days are not filled"]
        if not unfilled.empty:
            reasons.append(case.answers_text(self._sources))
        if reasons:
            self.collection.missing[symbol] = "; ".join(reasons)
        elif case.awaited:
            self.collection.awaited[symbol] = case.answers_text(self._sources)

    def finish(self) -> Collection:
        """Give what came of it, with the sources that gave nothing when they were last asked."""
        for source in self._sources:
            if isinstance(source, LeftOut):
                self.collection.left_out[source.name] = source.why
            elif self._failures[source.name]:
                self.collection.left_out[source.name] = self._failures[source.name][-1]
        return self.collection

    def _offers(self, case: Case, windows: pd.DataFrame) -> dict[str, list[tuple[Source, Offer]]]:
        """Ask all sources what they have of the symbol; answer by resolution, in order of preference."""
        with self._engine.begin() as connection:
            known = {"symbol": case.symbol, "now": self._now}
            rows = connection.execute(sql("candles/find_unknown"), known).all()
        remembered: dict[str, str] = {row.source: row.reason for row in rows}
        everything = _Page(case.symbol, None, windows["start"].min(), windows["end"].max())
        offers: dict[str, list[tuple[Source, Offer]]] = {}
        for source in self._sources:
            if source.name in remembered and not source.local:
                case.unknown[source.name] = remembered[source.name]
            elif self._may_ask(case, source):
                try:
                    with breakdowns_of(source):
                        offered = source.offers(case.symbol, self._now)
                except (UnknownSymbolError, SourceError) as error:
                    self._note_refusal(case, source, everything, error)
                else:
                    for offer in offered:
                        offers.setdefault(offer.resolution, []).append((source, offer))
        return offers

    def _fill(
        self, case: Case, windows: pd.DataFrame, resolution: str, offered: list[tuple[Source, Offer]]
    ) -> pd.DataFrame:
        """Fill windows in one resolution; answer with those that it leaves with too little."""
        if windows.empty:
            return windows
        reach = min(_reach(offer) for _, offer in offered)
        spans = windows["end"] - windows["start"]
        reached = windows["end"] - _not_before(windows["start"], reach) >= self._enough * spans
        if not reached.any():
            for source, offer in offered:
                case.note(source, f"{resolution} candles reach back to {offer.oldest:%Y-%m-%d %H:%M} only")
            return windows
        some = windows[reached]
        for source, offer in offered:
            within = some.assign(start=_not_before(some["start"], _reach(offer)))
            self._ask(case, within, resolution, source)
        with self._engine.begin() as connection:
            gaps = find_gaps(connection, some, resolution, sandbox=self._sandbox)
        shares = held_share(some, gaps, RESOLUTIONS[resolution])
        for source, _ in offered:
            if source.name not in case.notes:
                case.note(
                    source,
                    f"had no more {resolution} candles"
                    if shares.notna().any()
                    else f"no {resolution} candle fits into a window",
                )
        case.awaited |= self._late(some, gaps, RESOLUTIONS[resolution])
        filled = shares.reindex(windows.index) >= self._enough
        return windows[~filled]

    def _late(self, windows: pd.DataFrame, gaps: pd.DataFrame, interval: timedelta) -> bool:
        """Say whether the last candle of a window that has just ended is not there."""
        ends = last_close(windows["end"], interval)
        recent = (windows["end"] > self._late_since) & (windows["end"] < self._now)
        last = pd.DataFrame({"start": ends - interval, "end": ends})
        return bool((recent & (held_share(last, gaps, interval) < 1)).any())

    def _ask(self, case: Case, windows: pd.DataFrame, resolution: str, source: Source) -> None:
        """Ask one source for what the store lacks of the windows, and store what comes."""
        interval = RESOLUTIONS[resolution]
        with self._engine.begin() as connection:
            gaps = find_gaps(
                connection,
                windows,
                resolution,
                sandbox=self._sandbox,
                source=None if source.local else source.name,
                now=self._now,
                fetched_since=self._again_since,
            )
        if not source.local:
            # What came last of a recent stretch is asked for once more with what follows it: an exchange that
            # was behind may have sent its newest candle before it was whole.
            follows = ~gaps["start"].isin(first_open(windows["start"], interval))
            gaps.loc[follows & (gaps["end"] > self._late_since), "start"] -= interval
        asked = came = 0
        left = [_Page(case.symbol, resolution, start, end) for start, end in pages(gaps, interval)][::-1]
        while left and self._may_ask(case, source):
            page = left.pop()
            self.collection.fetches += 1
            try:
                with breakdowns_of(source):
                    fetched = source.fetch(case.symbol, resolution, page.start, page.end)
            except (UnknownSymbolError, SourceError) as error:
                self._note_refusal(case, source, page, error)
                break
            self._failures[source.name].clear()
            looked_at = page
            if fetched.reached and fetched.reached < page.end:
                looked_at = page._replace(end=max(page.start, fetched.reached))
                if page.start < fetched.reached:
                    left.append(page._replace(start=fetched.reached))  # it goes on from there
            asked += (looked_at.end - looked_at.start) // interval
            came += self._store(case, source, page, looked_at, fetched)
        if came < asked:
            case.note(source, f"gave {came} of {asked} {resolution} candles")

    def _store(self, case: Case, source: Source, page: _Page, looked_at: _Page, fetched: Fetched) -> int:
        """Store a page, and the note of what was looked at, in one transaction; count its usable candles."""
        resolution = looked_at.resolution or FINEST_CANDLE
        candles, refused = normalise(fetched.candles, resolution, now=self._now)
        times = candles["timestamp"]
        wanted = (times >= page.start) & (times < page.end) & (candles["symbol"] == page.symbol)
        if not wanted.all():
            refused["nobody asked for it"] = int((~wanted).sum())
            candles = candles[wanted]
        problems = [*fetched.problems, *([refused_rows_text(refused)] if refused else [])]
        for problem in problems:
            case.note(source, problem)
            words = storable(f"{source.name}, {page.symbol} {resolution}: {problem}")
            if words not in self.collection.refused:
                self.collection.refused.append(words)
        if not candles.empty:
            with self._engine.begin() as connection:
                ensure_partitions(connection, candles["timestamp"].min(), candles["timestamp"].max())
        with self._engine.begin() as connection:
            self.collection.written += write_candles(connection, candles, resolution, source.name)
            seen = self._without_late_end(looked_at, candles)
            self._note_fetch(connection, source, seen, "answered", "; ".join(problems), len(candles))
        return len(candles)

    def _without_late_end(self, page: _Page, candles: pd.DataFrame) -> _Page:
        """The part of a page that need not be looked at again soon: what came last may not be the last."""
        if page.end <= self._late_since:
            return page
        came_to = page.start
        if not candles.empty:
            came_to = (
                candles["timestamp"].max().to_pydatetime() + RESOLUTIONS[page.resolution or FINEST_CANDLE]
            )
        return page._replace(end=min(page.end, max(page.start, came_to)))

    def _may_ask(self, case: Case, source: Source) -> bool:
        failure = self._given_up.get(source.name)
        if isinstance(source, LeftOut):
            case.note(source, f"left out: {source.why}")
            return False
        if failure:
            words = f"left alone after it failed: {failure}"
        elif time.monotonic() > self._deadline:
            words = "the time ran out before it was asked for everything"
        elif self.collection.fetches >= MAX_FETCHES:
            words = f"not asked: the collection has made {MAX_FETCHES} requests already"
        else:
            return True
        case.note(source, words)
        case.hopeful |= failure is None or failure.temporary
        return False

    def _note_refusal(
        self, case: Case, source: Source, page: _Page, error: UnknownSymbolError | SourceError
    ) -> None:
        if isinstance(error, UnknownSymbolError):
            case.unknown[source.name] = storable(str(error))
            page = page._replace(resolution=None)
        else:
            case.note(source, str(error))
            case.hopeful |= error.temporary
            failures = self._failures[source.name]
            failures.append(str(error))
            if not error.temporary or len(failures) >= MAX_FAILURES:
                self._given_up[source.name] = error
        outcome = "unknown_symbol" if isinstance(error, UnknownSymbolError) else "failed"
        with self._engine.begin() as connection:
            self._note_fetch(connection, source, page, outcome, str(error))

    def _note_fetch(
        self, connection: Connection, source: Source, page: _Page, outcome: str, reason: str, candles: int = 0
    ) -> None:
        connection.execute(
            sql("candles/note_fetch"),
            {
                **page._asdict(),
                "source": source.name,
                "now": self._now,
                "remember": outcome != "failed" and not source.local,
                "candles": candles,
                "outcome": outcome,
                "reason": storable(reason) or None,  # it quotes answers and names of files
            },
        )


def _not_before(times: "pd.Series[pd.Timestamp]", earliest: pd.Timestamp) -> "pd.Series[pd.Timestamp]":
    return times.where(times > earliest, earliest)


def _reach(offer: Offer) -> pd.Timestamp:
    """The earliest open time of an offer, as a time that windows can be compared with."""
    return pd.Timestamp(offer.oldest or datetime(1970, 1, 1, tzinfo=UTC))
