"""What a collection reads and writes in the database: gaps, pages of candles, notes of what was asked."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine

from include.candles.frame import RESOLUTIONS, normalise, refused_rows_text
from include.candles.sources import Fetched, Source
from include.candles.store import ensure_partitions, find_gaps, find_gaps_of, write_candles
from include.candles.windows import MICROSECOND, Spans, moment_of
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
    written: int  # of them new in the store or changed
    problems: list[str]  # in words


class PageStore:
    """The database as one collection uses it: one connection at a time, a transaction a page."""

    def __init__(
        self,
        engine: Engine,
        *,
        sandbox: bool,
        now: datetime,
        late_since: datetime,
        again_since: datetime | None,
    ):
        """Take the platform's database, and the moments that the collection goes by.

        Args:
            engine: the platform's database.
            sandbox: invented candles are collected.
            now: the present, tz-aware.
            late_since: what ended before is not late, it is missing.
            again_since: when fetching again began; None: only what is missing is fetched.
        """
        self._engine = engine
        self._looking = engine.execution_options(isolation_level="AUTOCOMMIT")  # half the round trips
        self._sandbox = sandbox
        self._now = now
        self._late_since = late_since
        self._again_since = again_since
        self._months: set[datetime] = set()  # whose partitions were made or seen

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

    def find_missing(self, symbol: str, windows: Spans, resolution: str) -> Spans:
        """Find what windows of a symbol lack, whoever was asked for it."""
        with self._looking.connect() as connection:
            return find_gaps_of(connection, symbol, windows, resolution, sandbox=self._sandbox)

    def find_askable(self, symbol: str, windows: Spans, resolution: str, source: Source) -> Spans:
        """Find what windows of a symbol lack and this source may be asked for now."""
        with self._looking.connect() as connection:
            gaps = find_gaps_of(
                connection,
                symbol,
                windows,
                resolution,
                sandbox=self._sandbox,
                source=None if source.local else source.name,
                now=self._now,
                fetched_since=self._again_since,
            )
        if source.local:
            return gaps
        # What came last of a recent stretch is asked for once more with what follows it: an exchange that was
        # behind may have sent its newest candle before it was whole.
        interval = RESOLUTIONS[resolution]
        follows = ~np.isin(gaps.starts, windows.whole(interval).starts)
        recent = gaps.ends > moment_of(self._late_since)
        return Spans(gaps.starts - (follows & recent) * (interval // MICROSECOND), gaps.ends)

    def keep(self, source: Source, page: CandlePage, looked_at: CandlePage, fetched: Fetched) -> KeptPage:
        """Store what came of a page, and the note of what was looked at, in one transaction."""
        resolution = looked_at.resolution or FINEST_CANDLE
        candles, refused = normalise(fetched.candles, resolution, now=self._now)
        moments = candles["timestamp"].to_numpy("datetime64[us]").view("int64")
        wanted = (moments >= moment_of(page.start)) & (moments < moment_of(page.end))
        wanted &= (candles["symbol"] == page.symbol).to_numpy(bool)
        if not wanted.all():
            refused["nobody asked for it"] = int((~wanted).sum())
            candles = candles[wanted]
        problems = [*fetched.problems, *([refused_rows_text(refused)] if refused else [])]
        self._ensure_partitions(candles)
        seen = self._without_late_end(looked_at, candles)
        with self._engine.begin() as connection:
            written = write_candles(connection, candles, resolution, source.name)
            self._note(connection, source, seen, "answered", problems, len(candles))
        return KeptPage(len(candles), written, problems)

    def note_refusal(self, source: Source, page: CandlePage, outcome: str, reason: str) -> None:
        """Note that a source gave nothing for a page."""
        with self._engine.begin() as connection:
            self._note(connection, source, page, outcome, [reason], 0)

    def _ensure_partitions(self, candles: pd.DataFrame) -> None:
        """Make what partitions the candles need, in a transaction of its own, once a collection."""
        if candles.empty:
            return
        first, last = candles["timestamp"].min().to_pydatetime(), candles["timestamp"].max().to_pydatetime()
        ends = {moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0) for moment in (first, last)}
        if last - first < timedelta(days=28) and ends <= self._months:
            return
        with self._engine.begin() as connection:
            ensure_partitions(connection, first, last)
        self._months |= ends

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

    def _note(
        self,
        connection: Connection,
        source: Source,
        page: CandlePage,
        outcome: str,
        reasons: Sequence[str],
        candles: int,
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
                "reason": storable("; ".join(reasons)) or None,  # it quotes answers and names of files
            },
        )
