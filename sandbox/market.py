"""The synthetic market behind every imitation: minute candles of a dozen coins, computed, never stored.

Nothing here is real. A coin's day closes are one seeded walk since 2020-01-01 (Student-t shocks, volatility
that persists from day to day, a slow pull towards the coin's usual price). The minutes of one day are a
seeded Student-t path bridged from the day's open to its close. A minute therefore depends on its coin and
its time alone, and any window of any request shows the same candles.

Prices are whole ticks and volumes whole lots (`int64`), so sums and aggregates are exact. Times are
milliseconds since the Unix epoch, UTC. `now` is always an argument: no function reads a clock.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from zlib import crc32

import numpy as np

from sandbox.coins import COINS, Coin, Floats, Ints

SEED = 20_200_101
MINUTE_MS = 60_000
DAY_MINUTES = 1_440
DAY_MS = DAY_MINUTES * MINUTE_MS
EPOCH_DAY = 18_262  # 2020-01-01, in days since the Unix epoch
EPOCH_MS = EPOCH_DAY * DAY_MS
HORIZON_DAYS = 365 * 40  # the walk is drawn once, as far as 2059, so that it does not depend on today

MOOD_PERSISTENCE = 0.95  # of the daily volatility: half of a calm or a storm is left after 13 days
MOOD_SPREAD = 0.14  # shock of the log volatility: its standard deviation becomes 0.45
PRICE_PERSISTENCE = 0.995  # half of a deviation from the usual price is left after 139 days
DAILY_FREEDOM, MINUTE_FREEDOM = 5.0, 4.0  # degrees of freedom of Student's t: fat tails
LARGEST_DAY = 0.30  # a day moves at most this much, in log price
WICK = 0.4  # mean reach of a wick beyond open and close, in standard deviations of a minute

# Each traded minute has four trades: the open, the two extremes, the close.
TRADES_A_MINUTE = 4
TRADE_OFFSETS_MS: Ints = np.array([6_000, 21_000, 38_000, 54_000], dtype=np.int64)

RESOLUTIONS = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": DAY_MINUTES}
OPEN, HIGH, LOW, CLOSE, VOLUME, TURNOVER, TRADES = range(7)  # the rows of a block of minutes


@dataclass(frozen=True)
class Candles:
    """Candles of one market, oldest first. All arrays have one element a candle."""

    coin: Coin
    minutes: int  # length of one candle
    opened_at: Ints  # milliseconds
    open: Ints  # ticks, as high, low and close
    high: Ints
    low: Ints
    close: Ints
    volume: Ints  # lots
    turnover: Ints  # price x volume, in tick x lot
    trades: Ints

    @property
    def ohlc(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Open, high, low and close, in ticks."""
        return self.open, self.high, self.low, self.close

    def __len__(self) -> int:
        return len(self.opened_at)


@dataclass(frozen=True)
class Trades:
    """The single trades of one market, oldest first. They add up to its candles exactly."""

    coin: Coin
    number: Ints  # consecutive over the market's whole life, with gaps at quiet minutes
    traded_at: Ints  # milliseconds
    price: Ints  # ticks
    volume: Ints  # lots


def read_candles(
    coin: Coin, minutes: int, start: int, end: int, now: int, *, with_open: bool = False
) -> Candles:
    """Candles of `minutes` length that open in [start, end) and have closed by `now` (milliseconds).

    Candles are aligned to the Unix epoch. `with_open` appends the one still open at `now`, if it opens in the
    window, as far as its trades have gone.
    """
    length = minutes * MINUTE_MS
    first = -(-max(start, EPOCH_MS) // length) * length
    closed = now // length * length  # where the open candle begins
    last = max(first, min(-(-end // length) * length, closed))
    piece = max(30 * DAY_MS // length, 1) * length  # years of minutes at once would fill the memory
    blocks = [
        _aggregate(_minutes_between(coin, begin, min(begin + piece, last)), minutes)
        for begin in range(first, last, piece)
    ]
    opened_at: Ints = np.arange(first, last, length, dtype=np.int64)
    if with_open and max(start, EPOCH_MS) <= closed < end:
        begun = _minutes_so_far(coin, closed, now)
        blocks.append(_aggregate(begun, begun.shape[1]))
        opened_at = np.append(opened_at, closed)
    return Candles(coin, minutes, opened_at, *np.concatenate([np.empty((7, 0), np.int64), *blocks], axis=1))


def read_trades(coin: Coin, start: int, end: int) -> Trades:
    """Trades made in [start, end) (milliseconds); the caller sees to it that `end` is not in the future."""
    first = max(start, EPOCH_MS) // MINUTE_MS * MINUTE_MS
    last = max(first, -(-end // MINUTE_MS) * MINUTE_MS)
    block = _minutes_between(coin, first, last)
    opened_at = np.arange(first, last, MINUTE_MS, dtype=np.int64)
    traded_at = (opened_at[:, None] + TRADE_OFFSETS_MS).ravel()
    number = ((opened_at - EPOCH_MS) // MINUTE_MS)[:, None] * TRADES_A_MINUTE + np.arange(TRADES_A_MINUTE)
    kept = (np.repeat(block[VOLUME] > 0, TRADES_A_MINUTE)) & (traded_at >= start) & (traded_at < end)
    return Trades(
        coin,
        number.ravel()[kept],
        traded_at[kept],
        _trade_prices(block).T.ravel()[kept],
        _trade_volumes(block[VOLUME]).T.ravel()[kept],
    )


def read_price(coin: Coin, now: int) -> float:
    """Price at `now` (milliseconds), in US dollars: the close of the minute that is still open."""
    minute = now // MINUTE_MS * MINUTE_MS
    return float(coin.price_dollars(_minutes_so_far(coin, minute, now)[CLOSE, -1:])[0])


def read_day_closes(coin: Coin, now: int) -> Floats:
    """Closes of all days that have ended by `now` (milliseconds), in US dollars, oldest first.

    The first element is the open of 2020-01-01.
    """
    closes, _ = _walk(coin)
    return coin.price_dollars(closes[: (now - EPOCH_MS) // DAY_MS + 1])


def _minutes_between(coin: Coin, first: int, last: int) -> Ints:
    """Minutes that open in [first, last), both whole minutes; shape (7, minutes)."""
    if last <= first:
        return np.empty((7, 0), dtype=np.int64)
    days = range(first // DAY_MS, (last - 1) // DAY_MS + 1)
    block = np.concatenate([_minutes_of_day(coin, day - EPOCH_DAY) for day in days], axis=1)
    skipped = (first - days[0] * DAY_MS) // MINUTE_MS
    return block[:, skipped : skipped + (last - first) // MINUTE_MS]


def _minutes_so_far(coin: Coin, first: int, now: int) -> Ints:
    """Minutes from `first` up to `now`, the last of them only as far as its trades have gone."""
    minute = now // MINUTE_MS * MINUTE_MS
    block = _minutes_between(coin, first, minute + MINUTE_MS).copy()
    current = block[:, -1:]
    done = int((minute + TRADE_OFFSETS_MS <= now).sum()) if current[VOLUME, 0] else 0
    prices = _trade_prices(current)[:done, 0]
    volumes = _trade_volumes(current[VOLUME])[:done, 0]
    open_ = current[OPEN, 0]
    block[:, -1] = (
        open_,
        prices.max(initial=open_),
        min(prices, default=open_),
        prices[-1] if done else open_,
        volumes.sum(),
        (prices * volumes).sum(),
        done,
    )
    return block


def _aggregate(block: Ints, minutes: int) -> Ints:
    """Join every `minutes` columns of a block into one candle; shape (7, candles)."""
    if minutes == 1:
        return block
    grouped = block.reshape(7, -1, minutes)
    return np.stack(
        [
            grouped[OPEN, :, 0],
            grouped[HIGH].max(axis=1),
            grouped[LOW].min(axis=1),
            grouped[CLOSE, :, -1],
            grouped[VOLUME].sum(axis=1),
            grouped[TURNOVER].sum(axis=1),
            grouped[TRADES].sum(axis=1),
        ]
    )


@lru_cache(maxsize=256)  # 80 kB each; pages of one window ask for the same days again
def _minutes_of_day(coin: Coin, day: int) -> Ints:
    """All minutes of one day, counted from 2020-01-01; shape (7, 1440), read-only."""
    closes, volatility = _walk(coin)
    rng = np.random.default_rng([SEED, crc32(coin.symbol.encode()), day + 1])
    rhythm = _rhythm()
    deviation = volatility[day] / np.sqrt(DAY_MINUTES) * rhythm

    active = rng.random(DAY_MINUTES) >= coin.quiet
    steps = np.where(active, deviation * _student(rng, MINUTE_FREEDOM, DAY_MINUTES), 0.0)
    path = np.cumsum(steps)
    target = np.log(closes[day + 1] / closes[day])
    path += (target - path[-1]) * np.cumsum(active) / active.sum()  # the bridge; quiet minutes stay flat

    close = np.rint(closes[day] * np.exp(path)).astype(np.int64)
    open_ = np.concatenate([closes[day : day + 1], close[:-1]])
    reach = np.where(active, np.exp(deviation * WICK * rng.standard_exponential((2, DAY_MINUTES))), 1.0)
    high = np.floor(np.maximum(open_, close) * reach[0]).astype(np.int64)
    low = np.maximum(np.ceil(np.minimum(open_, close) / reach[1]).astype(np.int64), 1)

    surprise = 0.5 + 0.5 * np.abs(steps) / deviation  # busy minutes move, moving minutes are busy
    spent = coin.turnover / DAY_MINUTES * rhythm * surprise * rng.lognormal(-0.25, 0.7, DAY_MINUTES)
    lots = np.rint(spent / close * 10.0 ** (coin.price_decimals + coin.volume_decimals))
    volume = np.where(active, np.maximum(lots, TRADES_A_MINUTE), 0).astype(np.int64)

    block = np.stack([open_, high, low, close, volume, volume, active * TRADES_A_MINUTE])
    block[TURNOVER] = (_trade_prices(block) * _trade_volumes(volume)).sum(axis=0)
    block.flags.writeable = False
    return block


def _trade_prices(block: Ints) -> Ints:
    """Prices of the four trades of each minute; shape (4, minutes). A rising minute dips first."""
    rising = block[CLOSE] >= block[OPEN]
    return np.stack(
        [
            block[OPEN],
            np.where(rising, block[LOW], block[HIGH]),
            np.where(rising, block[HIGH], block[LOW]),
            block[CLOSE],
        ]
    )


def _trade_volumes(volume: Ints) -> Ints:
    """Volumes of the four trades of each minute; shape (4, minutes). They add up to `volume`."""
    quarter = volume // TRADES_A_MINUTE
    return np.stack([quarter, quarter, quarter, volume - 3 * quarter])


@lru_cache(maxsize=len(COINS))
def _walk(coin: Coin) -> tuple[Ints, Floats]:
    """Day closes in ticks (the first element: the open of 2020-01-01) and each day's volatility."""
    rng = np.random.default_rng([SEED, crc32(coin.symbol.encode())])
    mood = _persist(MOOD_SPREAD * rng.standard_normal(HORIZON_DAYS), MOOD_PERSISTENCE)
    volatility = coin.volatility * np.exp(mood)
    shocks = np.clip(volatility * _student(rng, DAILY_FREEDOM, HORIZON_DAYS), -LARGEST_DAY, LARGEST_DAY)
    level = np.concatenate([[0.0], _persist(shocks, PRICE_PERSISTENCE)])
    return np.rint(coin.price * np.exp(level) * 10.0**coin.price_decimals).astype(np.int64), volatility


@lru_cache(maxsize=1)
def _rhythm() -> Floats:
    """How lively each minute of a day is: most at 14:30 UTC, least twelve hours away; mean square 1."""
    wave = 1.0 + 0.35 * np.cos((np.arange(DAY_MINUTES) - 870) * (2.0 * np.pi / DAY_MINUTES))
    return np.asarray(wave / np.sqrt((wave**2).mean()), dtype=np.float64)


def _student(rng: np.random.Generator, freedom: float, size: int) -> Floats:
    """Student-t shocks with standard deviation 1."""
    return np.asarray(rng.standard_t(freedom, size) / np.sqrt(freedom / (freedom - 2.0)))


def _persist(shocks: Floats, persistence: float) -> Floats:
    """A first-order autoregression: level = persistence x previous level + shock."""
    levels = accumulate(shocks.tolist(), lambda level, shock: persistence * level + shock)
    return np.fromiter(levels, dtype=np.float64, count=len(shocks))
