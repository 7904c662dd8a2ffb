"""The candles that indicators are computed from: collected where the store lacks them, and without holes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
from sqlalchemy import Engine

from include.candles import Source
from include.candles.collect import collect_candles
from include.candles.frame import RESOLUTIONS, last_close
from include.candles.history import parts_of, read_history
from include.settings import SANDBOX, Settings

# Candles wanted of each timeframe. EMA 200 begins as the mean of the first 200 and forgets that by and by:
# after 500 the beginning weighs 5 %. Few coins have 500 weeks.
CANDLES_WANTED = {"15m": 500, "1h": 500, "4h": 500, "1d": 500, "1w": 250}
MIN_CANDLES = 50  # unbroken up to now; below, hardly an indicator means anything
MAX_BRIDGED = (
    3  # so many candles may lack in a row, and are taken as flat; a longer gap cuts off what is before it
)
ENOUGH_OF_A_WINDOW = (
    10.0  # percent of a window; a young coin or a short archive has no more, and that serves, too
)
MAX_CANDLES_FETCHED = 150_000  # candles of a finer resolution that a history is put together from, at most
WINDOW_SPAN = timedelta(weeks=52)  # of a window: the collector takes windows up to a year
COLLECTION_TIME = timedelta(seconds=60)  # for the collection of one timeframe

Market = tuple[str, str]  # symbol, timeframe


@dataclass(frozen=True)
class History:
    """The unbroken candles of one market up to now."""

    candles: pd.DataFrame  # timestamp, open, high, low, close, volume; no gaps, sorted
    held: int  # candles in it that are real
    bridged: int  # candles in it that were missing and are taken as flat
    wanted: int
    source: str  # `kraken`, or `coinmarketcap+kraken`
    refusal: str | None  # why nothing should be computed from it, in words

    @property
    def held_share(self) -> float:
        """The share of the wanted candles that is there, 0 to 1."""
        return self.held / self.wanted


def collect_histories(
    engine: Engine, markets: Collection[Market], sources: Sequence[Source], settings: Settings, now: datetime
) -> dict[Market, str]:
    """Fetch what the store lacks of the markets' histories; answer why some stay short, in words.

    The resolution of the timeframe itself is asked for first, then finer ones that it can be put together
    from. Raises ValueError when real sources and the sandbox are mixed.
    """
    short: dict[Market, str] = {}
    for timeframe in sorted({timeframe for _, timeframe in markets}):
        start, end = _span(timeframe, now)
        symbols = [
            symbol
            for symbol, of in sorted(markets)
            if of == timeframe and not _is_complete(engine, symbol, timeframe, settings, now)
        ]
        starts = pd.date_range(start, end, freq=WINDOW_SPAN, inclusive="left")
        windows = pd.DataFrame(
            [(symbol, at, min(at + WINDOW_SPAN, end)) for symbol in symbols for at in starts],
            columns=["symbol", "start", "end"],
        ).astype({"start": "datetime64[us, UTC]", "end": "datetime64[us, UTC]"})
        fetched = [
            name for name in parts_of(timeframe) if (end - start) // RESOLUTIONS[name] <= MAX_CANDLES_FETCHED
        ]
        collection = collect_candles(
            engine,
            windows,
            sources,
            resolutions=fetched,
            now=now,
            enough=ENOUGH_OF_A_WINDOW,
            budget=COLLECTION_TIME,
            at_once=settings.candle_fetches_at_once,
        )
        short |= {(symbol, timeframe): message for symbol, message in collection.missing.items()}
    return short


def read_unbroken(engine: Engine, symbol: str, timeframe: str, settings: Settings, now: datetime) -> History:
    """Read the closed candles of a market up to `now`, of which none is missing.

    Up to three missing candles in a row are taken as flat at the last close, without volume, as exchanges
    show a time without trades; a longer gap cuts off what is before it. `refusal` is set when fewer than 50
    candles are left or the newest one is more than a candle late.
    """
    interval = RESOLUTIONS[timeframe]
    start, end = _span(timeframe, now)
    with engine.connect() as connection:
        history = read_history(
            connection, symbol, timeframe, start, end, sandbox=SANDBOX in settings.candle_sources
        )
    wide = history["timestamp"].diff() > (MAX_BRIDGED + 1) * interval
    history = history[wide.cumsum() == wide.sum()].set_index("timestamp")
    held, sources = len(history), sorted({name for names in history["sources"] for name in names})
    if held:
        history = history.drop(columns="sources").resample(interval, origin="start").asfreq()
        missing = history["close"].isna()
        history["close"] = history["close"].ffill()
        for price in ("open", "high", "low"):
            history[price] = history[price].fillna(history["close"])
        history["volume"] = history["volume"].mask(missing, 0.0)
    candles = history.reset_index()
    refusal = None
    if held < MIN_CANDLES:
        refusal = f"{held} unbroken {timeframe} candles up to now, {MIN_CANDLES} are needed"
    elif (late := end - (candles["timestamp"].iloc[-1] + interval)) > interval:
        refusal = f"the newest {timeframe} candle closed at {end - late:%Y-%m-%d %H:%M} UTC, too long ago"
    return History(candles, held, len(candles) - held, CANDLES_WANTED[timeframe], "+".join(sources), refusal)


def _span(timeframe: str, now: datetime) -> tuple[datetime, datetime]:
    """The open time of the first wanted candle, and the close time of the newest one."""
    interval = RESOLUTIONS[timeframe]
    end = last_close(pd.Series([pd.Timestamp(now)]), interval).iloc[0].to_pydatetime()
    return end - CANDLES_WANTED[timeframe] * interval, end


def _is_complete(engine: Engine, symbol: str, timeframe: str, settings: Settings, now: datetime) -> bool:
    start, end = _span(timeframe, now)
    sandbox = SANDBOX in settings.candle_sources
    with engine.connect() as connection:
        return (
            len(read_history(connection, symbol, timeframe, start, end, sandbox=sandbox))
            == CANDLES_WANTED[timeframe]
        )
