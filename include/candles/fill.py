"""Filling the windows of one symbol: resolution after resolution, source after source, page after page.

What comes of a symbol depends on what its sources say of this symbol and on what the store holds of it, on
nothing else: see decision 0017.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from include.candles.asking import AskedSource, NotAskedError
from include.candles.case import Case
from include.candles.frame import RESOLUTIONS
from include.candles.page_store import FINEST_CANDLE, CandlePage, PageStore
from include.candles.sources import Fetched, LeftOut, Offer, SourceError, UnknownSymbolError
from include.candles.windows import EPOCH, MICROSECOND, Booleans, Spans, held_share, moment_of, pages
from include.database import storable

# Of one source for one symbol, after which it is not asked for this symbol again: with four attempts a call,
# too few to open a breaker, so that a symbol that always fails does not cost the others their source.
MAX_FAILURES = 2
LONGEST_FILLED = timedelta(days=366)
WAIT_FOR_FINER = timedelta(hours=2)  # after a window's end, if a source fails that may have finer candles


@dataclass(frozen=True)
class Aims:
    """What a collection is after. All symbols share it."""

    sources: Sequence[AskedSource]  # in order of preference
    resolutions: Sequence[str]  # in the order in which they are tried
    now: datetime
    enough: float  # of a window's candles, from 0 to 1, that makes the next resolution unnecessary
    late_since: datetime  # what ended before is not late, it is missing
    again: bool  # what is there is fetched again
    fetches_a_symbol: int  # requests for candles of a symbol to one source, at most


@dataclass
class SymbolFill:
    """One symbol whose windows are filled, and what came of it."""

    symbol: str
    windows: Spans
    aims: Aims
    store: PageStore
    remembered: dict[str, str]  # source -> how it said lately that it does not know the symbol
    fetches: Counter[str] = field(default_factory=Counter)  # source -> requests for candles
    refused: list[str] = field(default_factory=list)  # data that came and could not be used, in words
    failures: dict[str, list[str]] = field(default_factory=dict)  # source -> how it failed, each time
    missing: str = ""  # why windows are not filled, in words; empty: they are
    awaited: str = ""  # why the last candle of a window that has just ended is not there yet, in words

    def __post_init__(self) -> None:
        self._case = Case(self.symbol)
        self._offers: dict[str, dict[str, Offer]] = {}  # source -> resolution -> its offer

    async def run(self) -> None:
        """Fill the windows as far as can be; say why if some are not filled."""
        short = self.windows.lengths <= LONGEST_FILLED // MICROSECOND
        unfilled = self.windows[short]
        waiting = False
        finest = RESOLUTIONS[self.aims.resolutions[0]]
        for resolution in self.aims.resolutions:
            if RESOLUTIONS[resolution] > finest and self._case.hopeful and self._is_offered(resolution):
                # A trade is settled once: a short outage must not settle it on hours instead of minutes.
                recent = unfilled.ends > moment_of(self.aims.now - WAIT_FOR_FINER)
                waiting |= bool(recent.any())
                unfilled = unfilled[~recent]
            if len(unfilled):
                unfilled = await self._fill(unfilled, resolution)
        reasons = [] if short.all() else [f"windows of more than {LONGEST_FILLED.days} days are not filled"]
        sources = [asked.source for asked in self.aims.sources]
        if waiting or len(unfilled):
            reasons.append(self._case.answers_text(sources))
        self.missing = "; ".join(reasons)
        if not reasons and self._case.awaited:
            self.awaited = self._case.answers_text(sources)

    def _is_offered(self, resolution: str) -> bool:
        return any(resolution in offers for offers in self._offers.values())

    async def _fill(self, windows: Spans, resolution: str) -> Spans:
        """Fill windows in one resolution; answer with those that it leaves with too little."""
        interval = RESOLUTIONS[resolution]
        offered, reached = await self._find_reach(windows, resolution)
        if not reached.any():
            for asked, offer in offered:
                words = f"{resolution} candles reach back to {offer.oldest:%Y-%m-%d %H:%M} only"
                self._case.note(asked.source, words)
            return windows
        some = windows[reached]
        gaps, shares = some, np.zeros(len(some))
        for asked in self.aims.sources:
            if not len(gaps) and bool((shares >= self.aims.enough).all()) and not self.aims.again:
                break  # what the others have need not even be asked
            offer_here = await self._offer_of(asked, resolution)
            if offer_here is not None:
                await self._ask(asked, some.not_before(_reach(offer_here)), resolution)
                gaps = await self.store.find_missing(self.symbol, some, resolution)
                shares = held_share(some, gaps, interval)
        for asked in self.aims.sources:
            if resolution in self._offers.get(asked.name, {}) and asked.name not in self._case.notes:
                words = f"no {resolution} candle fits into a window"
                if not np.isnan(shares).all():
                    words = f"had no more {resolution} candles"
                self._case.note(asked.source, words)
        self._case.awaited |= self._is_late(some, gaps, interval)
        reached[reached] = shares >= self.aims.enough
        return windows[~reached]

    async def _find_reach(
        self, windows: Spans, resolution: str
    ) -> tuple[list[tuple[AskedSource, Offer]], Booleans]:
        """Say which windows the offers reach; sources are asked for theirs until all windows are reached."""
        offered: list[tuple[AskedSource, Offer]] = []
        reached = np.zeros(len(windows), dtype=bool)
        for asked in self.aims.sources:
            offer = await self._offer_of(asked, resolution)
            if offer is not None:
                offered.append((asked, offer))
                within = windows.not_before(_reach(offer))
                reached |= within.lengths >= self.aims.enough * windows.lengths
                if reached.all():
                    break
        return offered, reached

    async def _offer_of(self, asked: AskedSource, resolution: str) -> Offer | None:
        """Say what a source has of the symbol in one resolution; it is asked once."""
        if asked.name not in self._offers:
            self._offers[asked.name] = await self._find_offers(asked)
        return self._offers[asked.name].get(resolution)

    async def _find_offers(self, asked: AskedSource) -> dict[str, Offer]:
        if asked.name in self.remembered and not asked.source.local:
            self._case.unknown[asked.name] = self.remembered[asked.name]
            return {}
        if isinstance(asked.source, LeftOut):
            self._case.note(asked.source, f"left out: {asked.source.why}")
            return {}
        try:
            offers = await asked.find_offers(self.symbol, self.aims.now)
        except (UnknownSymbolError, SourceError, NotAskedError) as error:
            start, end = self.windows.hull()
            everything = CandlePage(self.symbol, None, start, end)
            await self._note_refusal(asked, everything, error)
            return {}
        return {offer.resolution: offer for offer in offers}

    def _is_late(self, windows: Spans, gaps: Spans, interval: timedelta) -> bool:
        """Say whether the last candle of a window that has just ended is not there."""
        late_since, now = moment_of(self.aims.late_since), moment_of(self.aims.now)
        recent = windows[(windows.ends > late_since) & (windows.ends < now)]
        ends = recent.whole(interval).ends
        last = Spans(ends - interval // MICROSECOND, ends)
        return bool((held_share(last, gaps, interval) < 1).any())

    async def _ask(self, asked: AskedSource, windows: Spans, resolution: str) -> None:
        """Ask one source for what the store lacks of the windows, and store what comes."""
        interval = RESOLUTIONS[resolution]
        gaps = await self.store.find_askable(self.symbol, windows, resolution, asked.source)
        wanted = came = 0
        left = [CandlePage(self.symbol, resolution, start, end) for start, end in pages(gaps, interval)][::-1]
        while left:
            page = left.pop()
            try:
                fetched = await self._fetch(asked, page)
            except (UnknownSymbolError, SourceError, NotAskedError) as error:
                await self._note_refusal(asked, page, error)
                break
            looked_at = page
            if fetched.reached and fetched.reached < page.end:
                looked_at = page._replace(end=max(page.start, fetched.reached))
                if page.start < fetched.reached:
                    left.append(page._replace(start=fetched.reached))  # it goes on from there
            wanted += (looked_at.end - looked_at.start) // interval
            kept = await self.store.keep(asked.source, page, looked_at, fetched)
            came += kept.candles
            for problem in kept.problems:
                self._case.note(asked.source, problem)
                words = storable(f"{asked.name}, {self.symbol} {resolution}: {problem}")
                if words not in self.refused:
                    self.refused.append(words)
        if came < wanted:
            self._case.note(asked.source, f"gave {came} of {wanted} {resolution} candles")

    async def _fetch(self, asked: AskedSource, page: CandlePage) -> Fetched:
        made = self.fetches[asked.name]
        if made >= self.aims.fetches_a_symbol:
            raise NotAskedError(f"not asked on: {made} requests were made for it already", temporary=True)
        self.fetches[asked.name] += 1
        try:
            return await asked.fetch(self.symbol, page.resolution or FINEST_CANDLE, page.start, page.end)
        except NotAskedError:
            self.fetches[asked.name] -= 1
            raise

    async def _note_refusal(
        self, asked: AskedSource, page: CandlePage, error: UnknownSymbolError | SourceError | NotAskedError
    ) -> None:
        if isinstance(error, UnknownSymbolError):
            self._case.unknown[asked.name] = storable(str(error))
            self._offers[asked.name] = {}
            await self.store.note_refusal(
                asked.source, page._replace(resolution=None), "unknown_symbol", str(error)
            )
            return
        self._case.note(asked.source, str(error))
        self._case.hopeful |= error.temporary
        if isinstance(error, SourceError):
            self.failures.setdefault(asked.name, []).append(storable(str(error)))
            if len(self.failures[asked.name]) >= MAX_FAILURES:
                self._offers[asked.name] = {}
            await self.store.note_refusal(asked.source, page, "failed", str(error))


def _reach(offer: Offer) -> int:
    """The earliest open time of an offer, in microseconds since 1970."""
    return moment_of(offer.oldest or EPOCH)
