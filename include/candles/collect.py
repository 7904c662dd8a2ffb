"""Collecting candles: what the store lacks of the wanted windows is fetched, source after source, and stored.

The finest resolution that reaches far enough back wins for a window, or the first of those that the caller
names. What one source leaves open, the next is asked for in the same resolution; the next resolution is asked
for where those before did not give enough. One symbol or source that fails never fails the others: what could
not be had is said in words.

Symbols are filled side by side, each by itself (`fill`); each source has its own threads (`asking`), and the
database one connection (`page_store`), over which what they ask is done for many at once (`gathering`). What
comes of a symbol does not depend on when others were answered.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from include.candles.asking import AskedSource
from include.candles.fill import WAIT_FOR_FINER, Aims, SymbolFill
from include.candles.frame import RESOLUTIONS
from include.candles.gathering import GATHER, Gathering
from include.candles.page_store import PageStore
from include.candles.sources import LeftOut, Source
from include.candles.windows import Spans
from include.database import storable
from include.settings import SANDBOX

MAX_FETCHES = 200  # requests to one source for one symbol


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
    )  # source that gave nothing, or was left alone after a while -> why, in words


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
    at_once: int = 8,
    gather: timedelta = GATHER,
    fetches_a_symbol: int = MAX_FETCHES,
) -> Collection:
    """Fetch and store what the windows lack of candles; what is there already is not asked for.

    With `again_since` all is asked for again, but for what was fetched since then; whether a candle replaces
    the one that is there is the store's rule: see `write_candles`.

    What comes is stored soon, for many symbols at once, so that a collection that is killed loses little, and
    one that is stopped nothing that came. What a source lacked is asked of it again after a while only: see
    sql/queries/candles/note_fetches.sql.

    Args:
        engine: the platform's database.
        windows: `symbol, start, end` (tz-aware UTC), one row a window; symbols as the trades spell them.
        sources: where to ask, in order of preference; the sandbox only ever alone.
        resolutions: which ones to ask for, in this order; a trade wants the finest, an indicator its own.
        now: the present, tz-aware; candles that are open then are left for later. None: the clock.
        enough: percent of a window's candles that make the next resolution unnecessary.
        again_since: the time, tz-aware, at which fetching again began; None: only what is missing.
        budget: after this time nothing more is asked for, and what is left is said to be missing. What is
            under way then is waited for and stored.
        tail_patience: for so long after a window's end its last candles may only be late, so that a source is
            asked for them at every collection.
        at_once: requests to one source that may be under way at the same time, at least 1.
        gather: for so long an answer waits for others, with which it is stored.
        fetches_a_symbol: requests to one source for one symbol, at most; the next collection goes on.

    Raises:
        ValueError: the sandbox is mixed with real sources, or the windows are no such frame.
        RuntimeError: an event loop runs in this thread already.
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

    late_since = now - tail_patience
    gathering = Gathering(gather)
    store = PageStore(
        engine,
        gathering,
        sandbox=SANDBOX in names,
        now=now,
        late_since=late_since,
        again_since=again_since,
    )
    gaps = store.prepare(wanted, resolutions[0])
    lacking = wanted[wanted["symbol"].isin(gaps["symbol"])]
    unknown = store.find_unknown(gaps["symbol"].unique().tolist())
    deadline = time.monotonic() + budget.total_seconds()
    with ExitStack() as stack:
        asked = [stack.enter_context(AskedSource(source, at_once, deadline)) for source in sources]
        again = again_since is not None
        aims = Aims(asked, resolutions, now, enough / 100, late_since, again, fetches_a_symbol)
        spans = Spans.of(lacking)
        fills = [
            SymbolFill(str(symbol), spans[np.asarray(places)], aims, store, unknown.get(str(symbol), {}))
            for symbol, places in sorted(lacking.groupby("symbol").indices.items())
        ]
        stack.enter_context(gathering)
        asyncio.run(_run_side_by_side(fills, gathering))
    return Collection(
        written=store.written,
        fetches=sum(fill.fetches.total() for fill in fills),
        missing={fill.symbol: fill.missing for fill in fills if fill.missing},
        awaited={fill.symbol: fill.awaited for fill in fills if fill.awaited},
        refused=list(dict.fromkeys(words for fill in fills for words in fill.refused)),
        left_out={one.name: why for one in asked if (why := _why_left_out(one, fills)) is not None},
    )


async def _run_side_by_side(fills: Sequence[SymbolFill], gathering: Gathering) -> None:
    """Fill all symbols; in whatever waits for a source, those that come first go first."""

    async def run(fill: SymbolFill) -> None:
        await fill.run()
        gathering.leave()

    gathering.join(len(fills))
    await asyncio.gather(*map(run, fills))


def _why_left_out(asked: AskedSource, fills: Sequence[SymbolFill]) -> str | None:
    """Say why a source gave nothing, or was left alone after a while; None: neither is so."""
    if isinstance(asked.source, LeftOut):
        return asked.source.why
    if asked.given_up is not None and asked.was_spared:
        return storable(str(asked.given_up))
    if asked.has_answered:
        return None
    return next((fill.failures[asked.name][0] for fill in fills if asked.name in fill.failures), None)
