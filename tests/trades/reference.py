"""A second opinion on the rule book: one trade after the other, one candle after the other.

Written from the contract alone; nothing of the engine is used. Slow and plain on purpose.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

LEVELS = ("tp1", "tp2", "tp3", "sl")
FLAGS = [f"{level}_hit" for level in LEVELS]
TIMES = ["entry_at", "exit_at", *(f"{level}_hit_at" for level in LEVELS)]
TEXTS = ["status", "exit_reason"]
TRADED_PRICES = ["actual_entry_price", *(f"{level}_hit_price" for level in LEVELS)]
MONEY = [
    "actual_exit_price", "gross_profit_loss", "fees_paid", "slippage_cost", "net_profit_loss",
    "profit_loss_percentage", "max_favorable_excursion", "max_adverse_excursion",
]  # fmt: skip
COLUMNS = [
    "id", "status", "exit_reason", "entry_at", "actual_entry_price",
    "tp1_hit", "tp1_hit_at", "tp1_hit_price", "tp2_hit", "tp2_hit_at", "tp2_hit_price",
    "tp3_hit", "tp3_hit_at", "tp3_hit_price", "sl_hit", "sl_hit_at", "sl_hit_price",
    "exit_at", "actual_exit_price", "gross_profit_loss", "fees_paid", "slippage_cost", "net_profit_loss",
    "profit_loss_percentage", "time_to_completion_minutes",
    "max_favorable_excursion", "max_adverse_excursion",
]  # fmt: skip


@dataclass(frozen=True)
class Candle:
    opened: pd.Timestamp
    open: float
    high: float
    low: float
    close: float
    volume: float

    @property
    def silent(self) -> bool:
        """Nobody traded; a volume that is not known does not say so."""
        return self.volume == 0 and self.open == self.high == self.low == self.close


def settle_slowly(
    trades: pd.DataFrame,
    candles: pd.DataFrame,
    interval: str = "1min",
    fee_rate: float = 0.001,
    slippage_rate: float = 0.001,
    trade_size_usd: float = 1000.0,
) -> pd.DataFrame:
    by_symbol: dict[Any, list[Candle]] = {}
    for row in candles.to_dict("records"):
        prices = [float(row[name]) for name in ("open", "high", "low", "close")]
        if all(math.isfinite(price) and price > 0 for price in prices):
            volume = math.nan if pd.isna(row["volume"]) else float(row["volume"])
            by_symbol.setdefault(row["symbol"], []).append(Candle(row["timestamp"], *prices, volume))
    length = pd.Timedelta(interval)
    rows = [
        settle_one(trade, by_symbol.get(trade["symbol"], []), length, fee_rate, slippage_rate, trade_size_usd)
        for trade in trades.to_dict("records")
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def settle_one(
    trade: dict[str, Any],
    candles: list[Candle],
    length: pd.Timedelta,
    fee_rate: float,
    slippage_rate: float,
    size: float,
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS, math.nan)
    row |= dict.fromkeys(TIMES, pd.NaT) | dict.fromkeys(FLAGS, False)
    row["id"] = trade["id"]

    fault = find_fault(trade)  # rule 11
    if fault:
        return row | {"status": "incomplete_data", "exit_reason": f"invalid: {fault}"}

    window = [  # rule 1
        candle
        for candle in candles
        if candle.opened >= trade["generated_at"] and candle.opened + length <= trade["expires_at"]
    ]
    if not window:
        return row | {"status": "incomplete_data", "exit_reason": "no_candles"}

    long = trade["direction"] == "LONG"
    entry, stop = float(trade["entry_price"]), float(trade["stop_loss"])
    targets = [float(trade[f"take_profit_{k}"]) for k in (1, 2, 3)]
    shares = [float(trade[f"allocation_{k}"]) for k in (1, 2, 3)]

    entered_on = fill = None  # rule 2
    for number, candle in enumerate(window):
        if not candle.silent and (candle.low <= entry if long else candle.high >= entry):
            entered_on = number
            fill = min(candle.open, entry) if long else max(candle.open, entry)
            break
    if entered_on is None or fill is None:
        row |= dict.fromkeys(MONEY[1:6], 0.0)
        row["time_to_completion_minutes"] = whole_minutes(trade["generated_at"], trade["expires_at"])
        return row | {"status": "expired", "exit_reason": "not_entered"}
    row["entry_at"], row["actual_entry_price"] = window[entered_on].opened, fill

    exits: list[tuple[float, float]] = []  # (percent, price)
    left = {k for k in range(3) if shares[k] > 0}
    seen: list[Candle] = []
    reason = None
    for number in range(entered_on, len(window)):
        candle = window[number]
        seen.append(candle)
        if not candle.silent and (candle.low <= stop if long else candle.high >= stop):
            if number == entered_on:  # rule 3
                price = min(stop, fill) if long else max(stop, fill)
            else:  # rule 4
                price = min(candle.open, stop) if long else max(candle.open, stop)
            exits += [(shares[k], price) for k in left]
            row |= {"sl_hit": True, "sl_hit_at": candle.opened, "sl_hit_price": price}
            reason = "targets_then_stopped" if row["tp1_hit"] else "stopped"
            break
        if number > entered_on and not candle.silent:  # rule 5
            for k in range(3):
                reached = candle.high >= targets[k] if long else candle.low <= targets[k]
                if reached and not row[f"tp{k + 1}_hit"]:
                    row |= {
                        f"tp{k + 1}_hit": True,
                        f"tp{k + 1}_hit_at": candle.opened,
                        f"tp{k + 1}_hit_price": targets[k],
                    }
                    exits.append((shares[k], targets[k]))
                    left.discard(k)
            if not left:  # rule 6
                reason = "targets"
                break
        if number == len(window) - 1:
            exits += [(shares[k], candle.close) for k in left]
            reason = "expired"
    last = seen[-1]

    weighted = sum(Fraction(share) * Fraction(price) for share, price in exits)  # rule 7
    exit_price = float(weighted / sum(Fraction(share) for share, _ in exits))
    quantity = size / fill
    gross = quantity * (exit_price - fill if long else fill - exit_price)
    fees = fee_rate * quantity * (fill + exit_price)
    slippage = slippage_rate * quantity * (fill + exit_price)
    net = gross - fees - slippage

    highest, lowest = max(candle.high for candle in seen), min(candle.low for candle in seen)  # rule 8
    best, worst = (highest - fill, lowest - fill) if long else (fill - lowest, fill - highest)
    return row | {
        "status": "completed_success" if net > 0 else "completed_failure",  # rule 10
        "exit_reason": reason,
        "exit_at": last.opened,
        "actual_exit_price": exit_price,
        "gross_profit_loss": gross,
        "fees_paid": fees,
        "slippage_cost": slippage,
        "net_profit_loss": net,
        "profit_loss_percentage": 100 * net / size,
        "time_to_completion_minutes": whole_minutes(trade["generated_at"], last.opened),  # rule 12
        "max_favorable_excursion": 100 * best / fill,
        "max_adverse_excursion": 100 * worst / fill,
    }


def whole_minutes(start: pd.Timestamp, end: pd.Timestamp) -> int:
    return (end - start) // pd.Timedelta(minutes=1)


def find_fault(trade: dict[str, Any]) -> str | None:
    if trade["direction"] not in ("LONG", "SHORT"):
        return "direction is neither LONG nor SHORT"
    for name in ("generated_at", "expires_at"):
        if pd.isna(trade[name]):
            return f"{name} is missing"
    if trade["expires_at"] <= trade["generated_at"]:
        return "expires_at is not after generated_at"
    names = ["entry_price", "stop_loss", "take_profit_1", "take_profit_2", "take_profit_3"]
    prices = [math.nan if pd.isna(trade[name]) else float(trade[name]) for name in names]
    for name, price in zip(names, prices, strict=True):
        if not math.isfinite(price) or price <= 0:
            return f"{name} is not a positive number"
    entry, stop, *targets = prices
    if trade["direction"] == "SHORT":  # as a LONG in a mirror
        entry, stop, targets = -entry, -stop, [-target for target in targets]
    if stop >= entry:
        return "stop_loss is on the wrong side of entry_price"
    for k, target in enumerate(targets, 1):
        if target <= entry:
            return f"take_profit_{k} is on the wrong side of entry_price"
    if targets != sorted(targets):
        return "targets are out of order"
    shares = [
        math.nan if pd.isna(trade[f"allocation_{k}"]) else float(trade[f"allocation_{k}"]) for k in (1, 2, 3)
    ]
    for k, share in enumerate(shares, 1):
        if not share >= 0:
            return f"allocation_{k} is not a number from 0 up"
    if abs(sum(shares) - 100) > 0.01 + 1e-9:
        return "allocations do not add up to 100"
    return None


def assert_same(got: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Equal rows: exactly for texts, flags, times and traded prices; to 1e-9 for what is computed."""
    assert list(got.columns) == COLUMNS
    assert len(got) == len(expected)
    for column in ["id", *TEXTS, *FLAGS]:
        assert got[column].tolist() == expected[column].tolist(), column
    for column in TIMES:
        ours, theirs = (
            pd.to_datetime(frame[column], utc=True).astype("datetime64[ns, UTC]") for frame in (got, expected)
        )
        pd.testing.assert_series_equal(ours, theirs, check_index=False, obj=column)
    for column in [*TRADED_PRICES, "time_to_completion_minutes"]:
        np.testing.assert_array_equal(
            got[column].to_numpy(float), expected[column].to_numpy(float), err_msg=column
        )
    for column in MONEY:
        np.testing.assert_allclose(
            got[column].to_numpy(float),
            expected[column].to_numpy(float),
            rtol=1e-9,
            atol=1e-9,
            err_msg=column,
        )
