"""Candles on which nobody traded fill no order, and are there all the same."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from include.trades.backtest import evaluate
from tests.trades.markets import ENTRY, LONG, QUIET, SHORT, make_candles, make_trades, minute


def flat(price: float) -> tuple[float, float, float, float]:
    return price, price, price, price


def settle(trade, *prices, silent=(), volume=0.0):
    candles = make_candles(*prices)
    candles.loc[list(silent), "volume"] = volume
    return evaluate(make_trades(trade), candles).iloc[0]


@pytest.mark.parametrize("trade", [LONG, SHORT])
def test_an_outage_at_the_entry_price_fills_nothing(trade):
    row = settle(trade, *[flat(100)] * 30, *[flat(120 if trade is LONG else 80)] * 30, silent=range(30))
    assert (row["exit_reason"], row["status"], row["net_profit_loss"]) == ("not_entered", "expired", 0)


def test_the_order_is_filled_by_the_first_candle_that_traded():
    row = settle(LONG, flat(99), flat(98), (99, 101, 98, 100), silent=[0, 1])
    assert (row["entry_at"], row["actual_entry_price"]) == (minute(2), 99)


def test_a_stop_waits_for_trade_too_and_then_gaps():
    row = settle(LONG, ENTRY, flat(90), (93, 94, 92, 93), silent=[1])
    assert (row["exit_reason"], row["sl_hit_at"], row["sl_hit_price"]) == ("stopped", minute(2), 93)


def test_a_target_waits_for_trade_too():
    row = settle(LONG, ENTRY, flat(103), QUIET, flat(109), silent=[1, 3])
    assert not row[["tp1_hit", "tp2_hit", "tp3_hit"]].any()
    assert (row["exit_reason"], row["exit_at"], row["actual_exit_price"]) == ("expired", minute(3), 109)


def test_silence_counts_for_excursions_and_as_the_last_close():
    row = settle(LONG, ENTRY, flat(94), flat(110), flat(97), silent=[1, 2, 3])
    assert (row["max_favorable_excursion"], row["max_adverse_excursion"]) == (10, -6)
    assert (row["exit_reason"], row["actual_exit_price"]) == ("expired", 97)


def test_a_window_of_nothing_but_silence_is_a_window():
    assert settle(LONG, flat(100), flat(100), silent=[0, 1])["exit_reason"] == "not_entered"


@pytest.mark.parametrize("volume", [np.nan, 0.5, 1e-12])
def test_a_flat_candle_is_silent_only_if_its_volume_is_zero(volume):
    row = settle(LONG, flat(100), silent=[0], volume=volume)
    assert row["entry_at"] == minute(0)


@pytest.mark.parametrize("prices", [(101, 101, 100, 100), (100, 101, 100, 100), (100, 100, 99, 100)])
def test_a_candle_that_moves_is_traded_whatever_its_volume_says(prices):
    assert settle(LONG, prices, silent=[0])["entry_at"] == minute(0)


def test_numbers_of_other_types_are_as_silent():
    candles = make_candles(flat(100), flat(100)).astype(object)
    candles["timestamp"] = pd.to_datetime(candles["timestamp"], utc=True)
    numbers = ["open", "high", "low", "close", "volume"]
    candles["volume"] = 0
    candles[numbers] = candles[numbers].map(lambda value: Decimal(str(value)))
    assert evaluate(make_trades(LONG), candles).at[0, "exit_reason"] == "not_entered"
