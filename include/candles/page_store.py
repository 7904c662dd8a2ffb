"""What a collection reads and writes in the database: gaps, pages of candles, notes of what was asked.

What symbols ask side by side is done for many at once (`gathering`): one statement finds the gaps of all of
them, one transaction stores their pages.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine

from include.candles.frame import RESOLUTIONS, normalise, refused_rows_text
from include.candles.gathering import Gathering
from include.candles.sources import Fetched, Source
from include.candles.store import ensure_partitions, find_gaps, find_gaps_of, write_candles
from include.candles.windows import MICROSECOND, Booleans, Spans, moment_of
from include.database import sql, storable

FINEST_CANDLE = next(iter(RESOLUTIONS))


class CandlePage(NamedTuple):
    """What a source is asked for at once: candles with `start <= open time < end`."""

    symbol: str
    resolution: str | None  # None: whatever there is
    start: datetime
    end: datetime


class KeptPage(NamedTuple):
    """What came of storing a page."""

    candles: int  # that came and are usable
    problems: list[str]  # in words


class FetchNote(NamedTuple):
    """That a source was asked for a page, and what came of it."""

    source: Source
    page: CandlePage
    outcome: str
    reasons: Sequence[str]
    candles: int = 0


class AnsweredPage(NamedTuple):
    """What came of a page, and what of it the source has looked at."""

    page: CandlePage
    looked_at: CandlePage
    fetched: Fetched


class UsablePage(NamedTuple):
    """What of an answer can be stored: a candle frame, sorted, of the page's symbol alone; what was wrong."""

    candles: pd.DataFrame
    problems: list[str]


class PageStore:
    """The database as one collection uses it: one connection at a time, a page and its note together.

    Attributes:
        written: candles that are new in the store or changed.
    """

    def __init__(
        self,
        engine: Engine,
        gathering: Gathering,
        *,
        sandbox: bool,
        now: datetime,
        late_since: datetime,
        again_since: datetime | None,
    ):
        """Take the platform's database, and the moments that the collection goes by.

        Args:
            engine: the platform's database.
            gathering: where what symbols ask waits for what others ask.
            sandbox: invented candles are collected.
            now: the present, tz-aware.
            late_since: what ended before is not late, it is missing.
            again_since: when fetching again began; None: only what is missing is fetched.
        """
        self._engine = engine
        self._looking = engine.execution_options(isolation_level="AUTOCOMMIT")  # half the round trips
        self._gathering = gathering
        self._sandbox = sandbox
        self._now = now
        self._late_since = late_since
        self._again_since = again_since
        self._months: set[datetime] = set()  # whose partitions were made or seen
        self.written = 0

    def prepare(self, windows: pd.DataFrame, resolution: str) -> pd.DataFrame:
        """Forget what was asked long ago; find what all windows lack."""
        with self._engine.begin() as connection:
            connection.execute(sql("candles/forget_fetches"), {"now": self._now})
            return find_gaps(
                connection, windows, resolution, sandbox=self._sandbox, fetched_since=self._again_since
            )

    def find_unknown(self, symbols: Collection[str]) -> dict[str, dict[str, str]]:
        """Find where symbols are known to be unknown: symbol -> source -> how it said so."""
        with self._engine.begin() as connection:
            known = {"symbols": list(symbols), "now": self._now}
            rows = connection.execute(sql("candles/find_unknown"), known).all()
        found: dict[str, dict[str, str]] = {}
        for row in rows:
            found.setdefault(row.symbol, {})[row.source] = row.reason
        return found

    async def find_missing(self, symbol: str, windows: Spans, resolution: str) -> Spans:
        """Find what windows of a symbol lack, whoever was asked for it."""

        def find(some: Sequence[tuple[str, Spans]]) -> list[Spans]:
            with self._looking.connect() as connection:
                return find_gaps_of(connection, some, resolution, sandbox=self._sandbox)

        return await self._gathering.ask(("missing", resolution), find, (symbol, windows))

    async def find_askable(self, symbol: str, windows: Spans, resolution: str, source: Source) -> Spans:
        """Find what windows of a symbol lack and this source may be asked for now."""

        def find(some: Sequence[tuple[str, Spans]]) -> list[Spans]:
            with self._looking.connect() as connection:
                return find_gaps_of(
                    connection,
                    some,
                    resolution,
                    sandbox=self._sandbox,
                    source=None if source.local else source.name,
                    now=self._now,
                    fetched_since=self._again_since,
                )

        gaps = await self._gathering.ask(("askable", resolution, source.name), find, (symbol, windows))
        if source.local:
            return gaps
        # What came last of a recent stretch is asked for once more with what follows it: an exchange that was
        # behind may have sent its newest candle before it was whole.
        interval = RESOLUTIONS[resolution]
        follows = ~np.isin(gaps.starts, windows.whole(interval).starts)
        recent = gaps.ends > moment_of(self._late_since)
        return Spans(gaps.starts - (follows & recent) * (interval // MICROSECOND), gaps.ends)

    async def keep(
        self, source: Source, page: CandlePage, looked_at: CandlePage, fetched: Fetched
    ) -> KeptPage:
        """Store what came of a page together with the note of what was looked at."""
        resolution = looked_at.resolution or FINEST_CANDLE

        def store(answers: Sequence[AnsweredPage]) -> list[KeptPage]:
            return self._store(answers, resolution, source)

        answer = AnsweredPage(page, looked_at, fetched)
        return await self._gathering.ask(
            ("keep", resolution, source.name), store, answer, candles=len(fetched.candles)
        )

    async def note_refusal(self, source: Source, page: CandlePage, outcome: str, reason: str) -> None:
        """Note that a source gave nothing for a page."""

        def note(notes: Sequence[FetchNote]) -> list[None]:
            with self._engine.begin() as connection:
                self._note(connection, notes)
            return [None] * len(notes)

        await self._gathering.ask(("note",), note, FetchNote(source, page, outcome, [reason]))

    def _store(self, answers: Sequence[AnsweredPage], resolution: str, source: Source) -> list[KeptPage]:
        """Store answers of one source in one resolution, each for another symbol, in one transaction."""
        in_order = sorted(answers, key=lambda answer: answer.page.symbol)
        usable = self._usable_pages(in_order, resolution)
        frames = [page.candles for page in usable]
        self._ensure_partitions(frames)
        notes, kept = [], {}
        for answer, page in zip(in_order, usable, strict=True):
            seen = self._without_late_end(answer.looked_at, page.candles)
            notes.append(FetchNote(source, seen, "answered", page.problems, len(page.candles)))
            kept[answer.page.symbol] = KeptPage(len(page.candles), page.problems)
        with self._engine.begin() as connection:
            written = write_candles(connection, _joined(frames), resolution, source.name)
            self._note(connection, notes)
        self.written += written
        return [kept[answer.page.symbol] for answer in answers]

    def _usable_pages(self, answers: Sequence[AnsweredPage], resolution: str) -> list[UsablePage]:
        """Take of answers, sorted by symbol, what can be stored: all, as a rule, which is seen at once."""
        candles, refused = normalise(
            _joined([answer.fetched.candles for answer in answers]), resolution, now=self._now
        )
        if refused or not _is_what_was_asked(candles, answers):
            return [self._usable_of(answer, resolution) for answer in answers]
        ends = np.cumsum([len(answer.fetched.candles) for answer in answers])
        return [
            UsablePage(candles.iloc[end - len(answer.fetched.candles) : end], list(answer.fetched.problems))
            for answer, end in zip(answers, ends, strict=True)
        ]

    def _usable_of(self, answer: AnsweredPage, resolution: str) -> UsablePage:
        candles, refused = normalise(answer.fetched.candles, resolution, now=self._now)
        wanted = _within(candles, [answer.page], [len(candles)])
        wanted &= (candles["symbol"] == answer.page.symbol).to_numpy(bool)
        if not wanted.all():
            refused["nobody asked for it"] = int((~wanted).sum())
            candles = candles[wanted]
        problems = [*answer.fetched.problems, *([refused_rows_text(refused)] if refused else [])]
        return UsablePage(candles, problems)

    def _ensure_partitions(self, frames: Sequence[pd.DataFrame]) -> None:
        """Make what partitions the candles need, in a transaction of its own, once a collection."""
        new, months = [], set()
        for times in (candles["timestamp"] for candles in frames if not candles.empty):
            first, last = times.iloc[0].to_pydatetime(), times.iloc[-1].to_pydatetime()
            ends = {
                moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0) for moment in (first, last)
            }
            if last - first >= timedelta(days=28) or not ends <= self._months:
                new.append((first, last))
                months |= ends
        if new:
            with self._engine.begin() as connection:
                ensure_partitions(connection, *map(list, zip(*new, strict=True)))
            self._months |= months

    def _without_late_end(self, page: CandlePage, candles: pd.DataFrame) -> CandlePage:
        """The part of a page that need not be looked at again soon: what came last may not be the last."""
        if page.end <= self._late_since:
            return page
        came_to = page.start
        if not candles.empty:
            came_to = (
                candles["timestamp"].max().to_pydatetime() + RESOLUTIONS[page.resolution or FINEST_CANDLE]
            )
        return page._replace(end=min(page.end, max(page.start, came_to)))

    def _note(self, connection: Connection, notes: Sequence[FetchNote]) -> None:
        connection.execute(
            sql("candles/note_fetches"),
            {
                "symbols": [note.page.symbol for note in notes],
                "resolutions": [note.page.resolution for note in notes],
                "sources": [note.source.name for note in notes],
                "starts": [note.page.start for note in notes],
                "ends": [note.page.end for note in notes],
                "now": self._now,
                "remembered": [note.outcome != "failed" and not note.source.local for note in notes],
                "candles": [note.candles for note in notes],
                "outcomes": [note.outcome for note in notes],
                # They quote answers and names of files.
                "reasons": [storable("; ".join(note.reasons)) or None for note in notes],
            },
        )


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def _within(candles: pd.DataFrame, pages: Sequence[CandlePage], counts: Sequence[int]) -> Booleans:
    """Say which candles lie within their page; the first of `counts` are of the first page, and so on."""
    moments = candles["timestamp"].to_numpy("datetime64[us]").view("int64")
    starts = np.repeat([moment_of(page.start) for page in pages], counts)
    ends = np.repeat([moment_of(page.end) for page in pages], counts)
    return np.asarray((moments >= starts) & (moments < ends), dtype=np.bool_)


def _is_what_was_asked(candles: pd.DataFrame, answers: Sequence[AnsweredPage]) -> bool:
    """Say whether candles, sorted, are just what came of pages of as many symbols, all within them."""
    some = [answer for answer in answers if len(answer.fetched.candles)]
    counts = [len(answer.fetched.candles) for answer in some]
    symbols = candles["symbol"]
    first = np.flatnonzero((symbols != symbols.shift()).to_numpy(bool))  # of its symbol
    return (
        first.tolist() == np.cumsum([0, *counts])[:-1].tolist()
        and symbols.iloc[first].tolist() == [answer.page.symbol for answer in some]
        and bool(_within(candles, [answer.page for answer in some], counts).all())
    )
