"""One trade with all that its page tells: its candles, where the work on it stands, what went wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from include.candles.chart import (
    DrawnCandle,
    UnseenStretch,
    buckets_of,
    choose_bucket,
    earliest_read,
    find_unseen,
    read_chart,
)
from include.candles.frame import RESOLUTIONS
from include.database import sql
from include.strange_times import StrangeTime

MOST_LISTED = 50  # errors and former results
MOST_FETCHES = 20
MOST_DAYS = 7  # of which the audit's findings are told
FIRST_MARKET = datetime(1970, 1, 1, tzinfo=UTC)
BEFORE = 0.15  # of a trade's life that is drawn before it began
AFTER = 0.25  # and behind its exit


@dataclass(frozen=True)
class TradePicture:
    """The candles of a trade from `start` to `end` (UTC).

    Attributes:
        resolution: of the candles of the store; of a settled trade, what it was settled on.
        bucket: how long the drawn ones are.
        fitting: how many candles other lengths would give.
        unseen: stretches of the trade's life that the store lacks.
        cut: whether the trade began before `start`, since more candles than that are not read.
    """

    resolution: str
    bucket: str
    fitting: Mapping[str, int]
    start: datetime
    end: datetime
    candles: Sequence[DrawnCandle]
    unseen: Sequence[UnseenStretch]
    cut: bool


@dataclass(frozen=True)
class TradeStory:
    """A trade: `trade` is a row of vw_complete_trades, `work` one of trades/read_work.

    Attributes:
        picture: None where there is nothing to draw: no candle of any resolution, or times of no calendar.
        fetches: of a trade that waits, what the sources were asked for.
        findings: of its days, batches of candles that the suite found fault with.
        errors, former: that name it, and results that replays replaced; the newest first.
    """

    trade: Mapping[str, Any]
    work: Row[Any]
    picture: TradePicture | None
    fetches: Sequence[Row[Any]] = field(default=())
    findings: Sequence[Row[Any]] = field(default=())
    errors: Sequence[Row[Any]] = field(default=())
    former: Sequence[Row[Any]] = field(default=())


def read_story(
    connection: Connection, trade: UUID, *, bucket: str | None = None, whole: bool = False
) -> TradeStory | None:
    """Read a trade; None when there is none of this id.

    `bucket`: the length of the drawn candles, if it fits. `whole`: up to its expiry, also behind its exit.
    """
    row = connection.execute(sql("web/show_trade"), {"trade": trade}).one_or_none()
    work = connection.execute(sql("trades/read_work"), {"trade": trade}).one_or_none()
    if row is None or work is None:
        return None
    found: dict[str, Any] = dict(row._mapping)
    listed = {"trade": trade, "most": MOST_LISTED}
    window = trade_window(found, work.now)
    return TradeStory(
        found,
        work,
        _picture(connection, found, work, bucket, whole),
        _fetches(connection, found, window) if work.is_waiting and window else (),
        _findings(connection, found["symbol"], work.chart_resolution, window) if window else (),
        connection.execute(sql("trades/read_errors"), listed).all(),
        connection.execute(sql("trades/read_former_results"), listed).all(),
    )


def trade_window(trade: Mapping[str, Any], now: datetime) -> tuple[datetime, datetime] | None:
    """From proposal to expiry, or to now if that is earlier (UTC); None for times that no market has."""
    start, end = trade["generated_at"], min(trade["expires_at"], now)
    if isinstance(start, StrangeTime) or isinstance(end, StrangeTime) or not FIRST_MARKET <= start < end:
        return None
    return start, end


def _picture(
    connection: Connection, trade: Mapping[str, Any], work: Row[Any], bucket: str | None, whole: bool
) -> TradePicture | None:
    window, resolution = trade_window(trade, work.now), work.chart_resolution
    if window is None or resolution not in RESOLUTIONS:
        return None
    (began, ended), length = window, RESOLUTIONS[resolution]
    out = trade["exit_at"]
    # Of what settling looked at; an exit of no calendar lies at an end of the trade's life.
    last = min(ended, min(max(out, began), ended) + length) if out is not None else ended
    life = max(last - began, length)
    end = ended if whole or out is None else min(ended, last + max(life * AFTER, 5 * length))
    wanted = began - max(life * BEFORE, 3 * length)
    start = earliest_read(resolution, wanted, end)
    fitting = buckets_of(resolution, start, end)
    chosen = bucket if bucket in fitting else choose_bucket(fitting)
    symbol = trade["symbol"]
    candles = read_chart(connection, symbol, resolution, start, end, chosen)
    seen_from = max(began, start)
    unseen = find_unseen(connection, symbol, resolution, seen_from, last) if seen_from < last else ()
    return TradePicture(resolution, chosen, fitting, start, end, candles, unseen, start > began)


def _fetches(
    connection: Connection, trade: Mapping[str, Any], window: tuple[datetime, datetime]
) -> Sequence[Row[Any]]:
    start, end = window
    asked = {"symbol": trade["symbol"], "start": start, "end": end, "most": MOST_FETCHES}
    return connection.execute(sql("candles/read_symbol_fetches"), asked).all()


def _findings(
    connection: Connection, symbol: str, resolution: str | None, window: tuple[datetime, datetime]
) -> Sequence[Row[Any]]:
    start, end = window
    days = [
        start.date() + timedelta(days=n) for n in range(min((end.date() - start.date()).days + 1, MOST_DAYS))
    ]
    batches = [f"{symbol}/{resolution}/{day}" for day in days]
    return connection.execute(sql("quality/read_batches"), {"batches": batches}).all()
