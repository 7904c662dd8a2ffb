"""The rule book: how trades are settled on candles. `docs/settlement.md` says it in an operator's words.

Nothing here reads a clock, a database or a setting: the answer depends on the arguments alone. A SHORT is
settled by the rules of a LONG on prices times -1, which floating point does exactly.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from include.trades.first_touch import NEVER, Flags, Floats, Ints, Orders, Touches, find_touches
from include.trades.windows import find_windows

TRADE_COLUMNS = (
    "id", "symbol", "direction", "entry_price", "stop_loss",
    "take_profit_1", "take_profit_2", "take_profit_3", "allocation_1", "allocation_2", "allocation_3",
    "generated_at", "expires_at",
)  # fmt: skip
CANDLE_COLUMNS = ("symbol", "timestamp", "open", "high", "low", "close", "volume")

Times = NDArray[np.datetime64]  # UTC
Ticks = NDArray[np.int64]  # times as a count of micro- or nanoseconds since 1970, _NO_TICK where missing

_NO_TICK = np.iinfo(np.int64).min  # what NumPy holds for NaT
_NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
# Percent that allocations may be off 100. The 1e-9 forgives binary rounding: 33.33 three times is 0.01 off.
_ALLOCATION_TOLERANCE = 0.01 + 1e-9


@dataclass(frozen=True)
class _Trades:
    """n trades; every array has shape (n,)."""

    symbol: Ints  # position in _Market.symbols, -1 for an unknown one
    known_direction: Flags
    sign: Floats  # 1 for a LONG, -1 for a SHORT
    entry: Floats
    stop: Floats
    targets: list[Floats]  # three
    allocations: list[Floats]  # three
    generated: Ticks
    expires: Ticks


@dataclass(frozen=True)
class _Market:
    """All candles that have prices, by symbol; those of symbol k are bounds[k], ..., bounds[k + 1] - 1."""

    symbols: "pd.Index[Any]"
    bounds: Ints
    opened: Times
    silent: Flags  # nobody traded: it fills nothing
    open: Floats
    high: Floats
    low: Floats
    close: Floats


def evaluate(
    trades: pd.DataFrame,
    candles: pd.DataFrame,
    interval: str | timedelta = "1min",
    fee_rate: float = 0.001,
    slippage_rate: float = 0.001,
    trade_size_usd: float = 1000.0,
) -> pd.DataFrame:
    """Settle every trade on the candles of its window.

    `trades`, one row each, has the columns TRADE_COLUMNS: prices in the quote currency, allocations in
    percent, tz-aware times. `candles`, one row each, has the columns CANDLE_COLUMNS; all are `interval` long
    (a timedelta, or "1min", "1h", "1D" as pandas has it), and `timestamp` is the open time, tz-aware. The
    candles of a symbol stand together, in order of time. Gaps are allowed; a candle without four finite
    positive prices is a gap. A candle with volume 0 and four equal prices says that nobody traded: no order
    fills on it. Numbers may have any numeric type, Decimal included. `fee_rate` and
    `slippage_rate` are shares of the traded value, on each side; `trade_size_usd` is what a trade puts in.
    Arguments are never changed.

    Answers with one row a trade, in the order of `trades`, index 0 to n - 1:

    - `id` as given; `status` and `exit_reason`: str, never missing;
    - `tp1_hit`, `tp2_hit`, `tp3_hit`, `sl_hit`: bool;
    - `entry_at`, `exit_at`, `*_hit_at`: datetime64 in UTC, in the unit of `candles.timestamp`: the open time
      of the candle, NaT where there is none;
    - all others: float64. Prices in the quote currency, NaN where there is none. Money in US dollars, and
      `profit_loss_percentage` of the trade size: 0 for a trade never entered, NaN for `incomplete_data`.
      Excursions in percent of the fill, NaN unless entered. `time_to_completion_minutes` is a whole number,
      NaN for `incomplete_data`.

    A bad trade is answered with `invalid: <what>`, its first fault in the order of `docs/settlement.md`.
    Raises ValueError for a missing column, a time without time zone, candles out of order or twice, and
    parameters without sense.
    """
    length = _read_interval(interval)
    if not (np.isfinite([fee_rate, slippage_rate]).all() and 0 < trade_size_usd < np.inf):
        raise ValueError("fee_rate and slippage_rate must be finite, trade_size_usd finite and positive")
    _require_columns(trades, "trades", TRADE_COLUMNS)
    _require_columns(candles, "candles", CANDLE_COLUMNS)
    market = _read_candles(candles)
    generated, expires = (_read_times(trades, "trades", name) for name in ("generated_at", "expires_at"))
    unit = _finest_unit(generated, expires, market.opened)
    book = _read_trades(trades, market.symbols, _to_ticks(generated, unit), _to_ticks(expires, unit))

    # Faulty trades take part in the arithmetic; what is odd about them stays in their own rows.
    with np.errstate(all="ignore"):
        faults = _find_faults(book)
        faulty = reduce(np.logical_or, faults.values())
        first, end = _find_windows(market, book, ~faulty, unit, length)
        touches = find_touches(market.low, market.high, market.silent, _to_orders(book, first, end))
        fill, stop_price, exit_price, used_up = _price_fills(market, book, touches)
        quantity = trade_size_usd / fill
        gross = quantity * (book.sign * exit_price - book.sign * fill)
        fees = fee_rate * quantity * (fill + exit_price)
        slippage = slippage_rate * quantity * (fill + exit_price)
        net = gross - fees - slippage
        favorable, adverse = _measure_excursions(book, touches, fill)

    entered = touches.entry != NEVER
    never_entered = ~entered & (first < end)
    stopped = touches.stop != NEVER
    target_hit = reduce(np.logical_or, [touch != NEVER for touch in touches.targets])
    reasons = {f"invalid: {what}": rows for what, rows in faults.items()} | {
        "no_candles": first == end,
        "not_entered": never_entered,
        "targets_then_stopped": stopped & target_hit,
        "stopped": stopped,
        "targets": used_up,
        "expired": entered,
    }
    statuses = {
        "completed_success": entered & (net > 0),
        "completed_failure": entered,
        "expired": never_entered,
        "incomplete_data": ~entered,
    }
    exit_at = _at(market.opened, touches.exit)
    ended = np.where(entered, _to_ticks(exit_at, unit), book.expires)
    minutes = np.where(entered | never_entered, _count_minutes(book.generated, ended, unit), np.nan)

    hit_columns: dict[str, Any] = {}
    for level, touch, price in zip(
        ("tp1", "tp2", "tp3", "sl"),
        (*touches.targets, touches.stop),
        (*book.targets, stop_price),
        strict=True,
    ):
        hit_columns[f"{level}_hit"] = touch != NEVER
        hit_columns[f"{level}_hit_at"] = _to_utc(_at(market.opened, touch))
        hit_columns[f"{level}_hit_price"] = np.where(touch != NEVER, price, np.nan)
    return pd.DataFrame(
        {
            "id": trades["id"].array.copy(),
            "status": _choose(statuses),
            "exit_reason": _choose(reasons),
            "entry_at": _to_utc(_at(market.opened, touches.entry)),
            "actual_entry_price": fill,
            **hit_columns,
            "exit_at": _to_utc(exit_at),
            "actual_exit_price": exit_price,
            "gross_profit_loss": np.where(never_entered, 0.0, gross),
            "fees_paid": np.where(never_entered, 0.0, fees),
            "slippage_cost": np.where(never_entered, 0.0, slippage),
            "net_profit_loss": np.where(never_entered, 0.0, net),
            "profit_loss_percentage": np.where(never_entered, 0.0, 100 * net / trade_size_usd),
            "time_to_completion_minutes": minutes,
            "max_favorable_excursion": favorable,
            "max_adverse_excursion": adverse,
        },
        copy=False,  # all columns are new
    )


def find_invalid(trades: pd.DataFrame) -> Flags:
    """Find the trades that `evaluate` answers with `invalid: …`, whatever the candles. Raises as it does."""
    _require_columns(trades, "trades", TRADE_COLUMNS)
    times = [_read_times(trades, "trades", name) for name in ("generated_at", "expires_at")]
    book = _read_trades(trades, pd.Index([]), *(_to_ticks(one, _finest_unit(*times)) for one in times))
    with np.errstate(all="ignore"):
        return reduce(np.logical_or, _find_faults(book).values())


def _read_interval(interval: str | timedelta) -> int:
    """The length of a candle in nanoseconds."""
    length = pd.Timedelta(interval)
    if not length >= pd.Timedelta(seconds=1):  # refuses NaT, and "60", which pandas reads as nanoseconds
        raise ValueError(f"interval must be a length of time such as '1min', '1h' or '1D', not {interval!r}")
    return length.as_unit("ns").value


def _require_columns(frame: pd.DataFrame, name: str, columns: tuple[str, ...]) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise ValueError(f"{name} lacks the column {', '.join(missing)}")


def _read_times(frame: pd.DataFrame, name: str, column: str) -> Times:
    """The column's times in UTC, in its own unit."""
    times = frame[column]
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        try:
            times = pd.to_datetime(times)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}.{column} must hold times with a time zone: {error}") from error
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        times = times.dt.tz_convert(None)
    elif times.notna().any():  # an empty column has no time zone either, and needs none
        raise ValueError(f"{name}.{column} holds times without a time zone: make them UTC")
    return times.to_numpy()


def _finest_unit(*columns: Times) -> str:
    """Microseconds reach beyond the year 9999, so nanoseconds only if some column holds them."""
    return "ns" if any(np.datetime_data(times.dtype)[0] == "ns" for times in columns) else "us"


def _to_ticks(times: Times, unit: str) -> Ticks:
    """The times as counts of `unit`; one that is beyond such a count becomes the first or last within."""
    ticks = times.view(np.int64)
    scale = _NANOSECONDS[np.datetime_data(times.dtype)[0]] // _NANOSECONDS[unit]
    if scale == 1:
        return ticks
    limit = np.iinfo(np.int64).max // scale
    return np.where(ticks == _NO_TICK, _NO_TICK, np.clip(ticks, -limit, limit) * scale)


def _to_utc(times: Times) -> pd.DatetimeIndex:
    unit = np.datetime_data(times.dtype)[0]  # for pandas takes counts as they are, and converts times
    return pd.DatetimeIndex(times.view(np.int64), dtype=f"datetime64[{unit}, UTC]")


def _count_minutes(start: Ticks, end: Ticks, unit: str) -> Ticks:
    """Whole minutes from start to end, without the overflow that a difference of far times would have."""
    minute = 60 * 10**9 // _NANOSECONDS[unit]
    return end // minute - start // minute - (end % minute < start % minute)


def _read_numbers(frame: pd.DataFrame, column: str) -> Floats:
    """The column as floats, NaN for whatever is not a number."""
    values = frame[column]
    if values.dtype == np.float64:
        return values.to_numpy()
    return pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def _is_price(values: Floats) -> Flags:
    return (values > 0) & (values < np.inf)


def _read_candles(candles: pd.DataFrame) -> _Market:
    """The candles that have prices, as arrays; ValueError if symbols or times are out of order."""
    opened = _read_times(candles, "candles", "timestamp")
    if np.isnat(opened).any():
        raise ValueError("candles.timestamp is missing in some rows")
    symbol = candles["symbol"]
    changes = pd.Series(symbol.array[1:] != symbol.array[:-1]).fillna(True).to_numpy(dtype=bool)
    starts = np.flatnonzero(np.append(True, changes)[: len(opened)])
    symbols = pd.Index(symbol.iloc[starts], dtype=object)
    if symbols.hasnans:
        raise ValueError("candles.symbol is missing in some rows")
    if not symbols.is_unique:
        torn = symbols[symbols.duplicated()][0]
        raise ValueError(f"candles of {torn} do not stand together: sort candles by symbol and timestamp")
    disorder = np.flatnonzero(~(changes | (opened[1:] > opened[:-1])))
    if len(disorder):
        row = disorder[0] + 1
        raise ValueError(
            f"candle of {symbol.iloc[row]} at {opened[row]} comes twice or out of order: "
            "sort candles by symbol and timestamp, one row a candle"
        )
    bounds = np.append(starts, len(opened))
    prices = [_read_numbers(candles, name) for name in ("open", "high", "low", "close")]
    silent = _find_silence(prices, _read_numbers(candles, "volume"))
    # The extremes (NaN if any is) are found in a fraction of the time that masks take.
    if len(opened) and not all(price.min() > 0 and price.max() < np.inf for price in prices):
        usable = reduce(np.logical_and, map(_is_price, prices))
        prices = [price[usable] for price in prices]
        opened, silent = opened[usable], silent[usable]
        bounds = np.append(0, np.cumsum(usable))[bounds]
    return _Market(symbols, bounds, opened, silent, *prices)


def _find_silence(prices: list[Floats], volume: Floats) -> Flags:
    """The candles on which nobody traded; an unknown volume (NaN) does not say so."""
    silent: Flags = volume == 0
    quiet = np.flatnonzero(silent)  # mostly few
    for price in prices[1:]:
        silent[quiet] &= price[quiet] == prices[0][quiet]
    return silent


def _read_trades(trades: pd.DataFrame, symbols: "pd.Index[Any]", generated: Ticks, expires: Ticks) -> _Trades:
    codes, names = pd.factorize(trades["symbol"])
    known = symbols.get_indexer(pd.Index(names, dtype=object))
    long, short = (
        (trades["direction"] == direction).to_numpy(dtype=bool, na_value=False)
        for direction in ("LONG", "SHORT")
    )
    return _Trades(
        symbol=np.append(known, -1)[codes],  # a missing symbol has the code -1
        known_direction=long | short,
        sign=np.where(short, -1.0, 1.0),
        entry=_read_numbers(trades, "entry_price"),
        stop=_read_numbers(trades, "stop_loss"),
        targets=[_read_numbers(trades, f"take_profit_{k}") for k in (1, 2, 3)],
        allocations=[_read_numbers(trades, f"allocation_{k}") for k in (1, 2, 3)],
        generated=generated,
        expires=expires,
    )


def _find_faults(book: _Trades) -> dict[str, Flags]:
    """What may be wrong, and with which trades; the first fault of a trade is the one to name."""
    prices = {
        "entry_price": book.entry,
        "stop_loss": book.stop,
        **{f"take_profit_{k}": target for k, target in enumerate(book.targets, 1)},
    }
    entry, stop = book.sign * book.entry, book.sign * book.stop
    targets = [book.sign * target for target in book.targets]
    return {
        "direction is neither LONG nor SHORT": ~book.known_direction,
        "generated_at is missing": book.generated == _NO_TICK,
        "expires_at is missing": book.expires == _NO_TICK,
        "expires_at is not after generated_at": book.expires <= book.generated,
        **{f"{name} is not a positive number": ~_is_price(price) for name, price in prices.items()},
        "stop_loss is on the wrong side of entry_price": stop >= entry,
        **{
            f"take_profit_{k} is on the wrong side of entry_price": target <= entry
            for k, target in enumerate(targets, 1)
        },
        "targets are out of order": (targets[0] > targets[1]) | (targets[1] > targets[2]),
        **{
            f"allocation_{k} is not a number from 0 up": ~(share >= 0)
            for k, share in enumerate(book.allocations, 1)
        },
        "allocations do not add up to 100": ~(np.abs(sum(book.allocations) - 100) <= _ALLOCATION_TOLERANCE),
    }


def _find_windows(market: _Market, book: _Trades, sound: Flags, unit: str, length: int) -> tuple[Ints, Ints]:
    """The candles first, ..., end - 1 of each trade's window; it is empty for a trade that is not sound."""
    step = length // _NANOSECONDS[unit]
    last_open = np.maximum(book.expires, _NO_TICK + 1 + step) - step  # the maximum: no underflow
    symbol = np.where(sound, book.symbol, -1)
    opened = _to_ticks(market.opened, unit)
    return find_windows(opened, market.bounds, symbol, book.generated, last_open)


def _to_orders(book: _Trades, first: Ints, end: Ints) -> Orders:
    final = np.where(book.allocations[2] > 0, 2, np.where(book.allocations[1] > 0, 1, 0))
    near, middle, far = book.targets
    return Orders(first, end, book.sign < 0, book.entry, book.stop, near, middle, far, final)


def _price_fills(market: _Market, book: _Trades, touches: Touches) -> tuple[Floats, Floats, Floats, Flags]:
    """The prices of entry, stop and (on average) exit, and whether targets closed all; NaN where absent."""
    sign = book.sign
    # For a LONG min(open, entry) and min(open, stop). On the entry candle the rule for the stop is
    # min(stop, fill), which is the same, as the stop is below the entry.
    fill = sign * np.minimum(sign * _at(market.open, touches.entry), sign * book.entry)
    stop_price = sign * np.minimum(sign * _at(market.open, touches.stop), sign * book.stop)
    rest_price = np.where(touches.stop != NEVER, stop_price, _at(market.close, touches.exit))

    closed, rest = np.zeros_like(fill), np.zeros_like(fill)
    for touch, target, share in zip(touches.targets, book.targets, book.allocations, strict=True):
        closed += np.where(touch != NEVER, share * target, 0.0)
        rest += np.where(touch != NEVER, 0.0, share)
    average = (closed + rest * rest_price) / sum(book.allocations)
    return fill, stop_price, np.where(closed > 0, average, rest_price), rest == 0


def _measure_excursions(book: _Trades, touches: Touches, fill: Floats) -> tuple[Floats, Floats]:
    """The best and the worst price seen, as profit in percent of the fill."""
    best = np.where(book.sign > 0, touches.highest, touches.lowest)
    worst = np.where(book.sign > 0, touches.lowest, touches.highest)
    favorable, adverse = (100 * (book.sign * price - book.sign * fill) / fill for price in (best, worst))
    return favorable, adverse


def _at(values: NDArray[Any], positions: Ints) -> NDArray[Any]:
    """values[positions], NaN or NaT where the position is NEVER."""
    missing = np.nan if values.dtype.kind == "f" else np.datetime64("NaT")
    if not len(values):
        return np.full(len(positions), missing, values.dtype)
    found = values.take(positions, mode="clip")
    np.putmask(found, positions == NEVER, missing)
    return found


def _choose(options: dict[str, Flags]) -> "pd.api.extensions.ExtensionArray":
    """For each row the first name that holds."""
    names = pd.array(list(options), dtype="str")
    chosen = np.zeros(len(next(iter(options.values()))), dtype=np.int8)
    for number, holds in reversed(list(enumerate(options.values()))):
        np.putmask(chosen, holds, number)
    return names.take(chosen)
