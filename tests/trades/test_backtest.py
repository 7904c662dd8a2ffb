"""The twelve rules, each written out; then thousands of random trades against the slow reference."""

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.trades.backtest import CANDLE_COLUMNS, TRADE_COLUMNS, evaluate, find_invalid
from tests.trades.markets import (
    ENTRY,
    FILL_SHORT,
    LONG,
    QUIET,
    SHORT,
    START,
    make_candles,
    make_trades,
    minute,
    random_candles,
    random_trades,
)
from tests.trades.reference import assert_same, settle_slowly

FREE = {"fee_rate": 0.0, "slippage_rate": 0.0}


def settle(
    trade: dict[str, Any], *prices: tuple[float, float, float, float], **parameters: Any
) -> "pd.Series[Any]":
    return evaluate(make_trades(trade), make_candles(*prices), **parameters).iloc[0]


class TestRule1Window:
    def test_the_first_candle_may_open_with_the_signal_and_the_last_close_with_the_expiry(self):
        trade = LONG | {"generated_at": minute(1), "expires_at": minute(3)}
        touched = (100, 100, 90, 100)
        row = settle(trade, touched, ENTRY, QUIET, touched)
        assert (row.entry_at, row.exit_at, row.exit_reason) == (minute(1), minute(2), "expired")

    def test_a_candle_that_opened_before_the_signal_does_not_count(self):
        row = settle(LONG | {"generated_at": minute(0.5)}, ENTRY, QUIET, ENTRY)
        assert row.entry_at == minute(2)

    def test_a_candle_that_closes_after_the_expiry_does_not_count(self):
        row = settle(LONG | {"expires_at": minute(1.99)}, QUIET, ENTRY)
        assert row.exit_reason == "not_entered"

    def test_the_length_of_a_candle_is_the_interval(self):
        trade = LONG | {"expires_at": minute(5)}
        assert settle(trade, ENTRY, interval="5min").exit_reason == "expired"
        assert settle(trade, ENTRY, interval=pd.Timedelta("5min").to_pytimedelta()).exit_reason == "expired"
        assert settle(trade, ENTRY, interval="6min").exit_reason == "no_candles"

    def test_a_gap_in_the_candles_is_no_end(self):
        candles = make_candles(ENTRY, QUIET, QUIET, (101, 102, 101, 101)).iloc[[0, 3]]
        row = evaluate(make_trades(LONG), candles).iloc[0]
        assert row.tp1_hit_at == minute(3)


class TestRule2Entry:
    def test_it_fills_at_the_entry_price_when_the_candle_opens_above(self):
        row = settle(LONG, QUIET, (101, 102, 100, 101))
        assert (row.entry_at, row.actual_entry_price) == (minute(1), 100.0)

    def test_it_fills_at_the_open_when_that_is_better(self):
        assert settle(LONG, (97, 98, 96, 98)).actual_entry_price == 97.0
        assert settle(SHORT, (103, 104, 102, 103)).actual_entry_price == 103.0

    def test_a_short_needs_a_high_at_or_above_the_entry(self):
        row = settle(SHORT, (99, 99.9, 98, 99), (99, 100, 98, 99))
        assert (row.entry_at, row.actual_entry_price) == (minute(1), 100.0)


class TestRule3EntryCandle:
    def test_its_targets_do_not_count(self):
        row = settle(LONG, (101, 110, 100, 101), QUIET)
        assert (row.exit_reason, row.tp1_hit, row.tp3_hit) == ("expired", False, False)

    def test_its_stop_does(self):
        row = settle(LONG, (101, 110, 94, 101), QUIET)
        assert (row.exit_reason, row.sl_hit_at, row.sl_hit_price) == ("stopped", minute(0), 95.0)
        assert not row.tp1_hit

    def test_a_fill_below_the_stop_is_closed_at_the_fill(self):
        row = settle(LONG, (93, 94, 92, 94), QUIET)
        assert (row.actual_entry_price, row.sl_hit_price, row.gross_profit_loss) == (93.0, 93.0, 0.0)
        assert (row.exit_reason, row.status) == ("stopped", "completed_failure")

    def test_a_short_is_stopped_by_the_high(self):
        row = settle(SHORT, (99, 105, 90, 99), QUIET)
        assert (row.exit_reason, row.sl_hit_price, row.tp1_hit) == ("stopped", 105.0, False)


class TestRule4StopFirst:
    def test_the_stop_comes_before_the_targets_of_its_candle(self):
        row = settle(LONG, ENTRY, (101, 110, 95, 101))
        assert (row.exit_reason, row.sl_hit_at, row.actual_exit_price) == ("stopped", minute(1), 95.0)
        assert not (row.tp1_hit or row.tp2_hit or row.tp3_hit)

    def test_a_gap_fills_at_the_open(self):
        assert settle(LONG, ENTRY, (90, 91, 89, 91)).sl_hit_price == 90.0
        assert settle(SHORT, FILL_SHORT, (107, 108, 106, 107)).sl_hit_price == 107.0

    def test_it_closes_only_what_remains(self):
        row = settle(LONG, ENTRY, (101, 102, 101, 102), (101, 101, 95, 96))
        assert (row.exit_reason, row.tp1_hit_at, row.sl_hit_at) == (
            "targets_then_stopped",
            minute(1),
            minute(2),
        )
        assert row.actual_exit_price == (40 * 102 + 60 * 95) / 100


class TestRule5Targets:
    def test_each_closes_its_share_at_its_price(self):
        row = settle(LONG, ENTRY, (101, 102, 101, 102), (102, 104, 102, 104), (104, 108, 104, 105))
        assert [row.tp1_hit_at, row.tp2_hit_at, row.tp3_hit_at] == [minute(1), minute(2), minute(3)]
        assert (row.tp1_hit_price, row.tp2_hit_price, row.tp3_hit_price) == (102.0, 104.0, 108.0)
        assert (row.exit_reason, row.exit_at) == ("targets", minute(3))
        assert row.actual_exit_price == pytest.approx((40 * 102 + 30 * 104 + 30 * 108) / 100, rel=1e-12)

    def test_several_may_close_on_one_candle_and_a_jump_brings_no_better_price(self):
        row = settle(LONG, ENTRY, (106, 109, 106, 107))
        assert row.tp1_hit_at == row.tp2_hit_at == row.tp3_hit_at == row.exit_at == minute(1)
        assert row.actual_exit_price == pytest.approx(104.4, rel=1e-12)

    def test_targets_reached_on_the_closing_candle_are_marked_though_nothing_is_left(self):
        trade = LONG | {"allocation_1": 100.0, "allocation_2": 0.0, "allocation_3": 0.0}
        row = settle(trade, ENTRY, (101, 104, 101, 103), (103, 110, 103, 110))
        assert (row.exit_reason, row.exit_at, row.actual_exit_price) == ("targets", minute(1), 102.0)
        assert (row.tp1_hit, row.tp2_hit, row.tp2_hit_price) == (True, True, 104.0)
        assert not row.tp3_hit  # a later candle no longer counts

    def test_a_target_without_allocation_is_marked_and_moves_no_money(self):
        trade = LONG | {"allocation_1": 0.0, "allocation_2": 50.0, "allocation_3": 50.0}
        row = settle(trade, ENTRY, (101, 102, 101, 101), (101, 101, 94, 94))
        assert (row.exit_reason, row.tp1_hit, row.actual_exit_price) == ("targets_then_stopped", True, 95.0)

    def test_equal_targets_are_reached_together(self):
        row = settle(LONG | {"take_profit_2": 102.0}, ENTRY, (101, 102, 101, 101))
        assert (row.tp1_hit, row.tp2_hit, row.tp3_hit) == (True, True, False)


class TestRule6End:
    def test_what_remains_closes_at_the_close_of_the_last_candle(self):
        row = settle(LONG, ENTRY, (101, 102, 101, 101.5), (101, 103, 101, 103))
        assert (row.exit_reason, row.exit_at) == ("expired", minute(2))
        assert row.actual_exit_price == pytest.approx((40 * 102 + 60 * 103) / 100, rel=1e-12)

    def test_an_entry_on_the_last_candle_closes_at_its_close(self):
        row = settle(LONG, QUIET, ENTRY)
        assert (row.entry_at, row.exit_at, row.exit_reason) == (minute(1), minute(1), "expired")
        assert row.actual_exit_price == 101.0

    def test_allocations_99_99_are_used_up_by_their_targets(self):
        trade = LONG | {f"allocation_{k}": 33.33 for k in (1, 2, 3)}
        row = settle(trade, ENTRY, (101, 108, 101, 105), QUIET)
        assert (row.exit_reason, row.exit_at) == ("targets", minute(1))
        assert row.actual_exit_price == pytest.approx((102 + 104 + 108) / 3, rel=1e-12)

    def test_a_target_on_the_last_candle_ends_the_trade_by_targets(self):
        assert settle(LONG, ENTRY, (101, 108, 101, 105)).exit_reason == "targets"


class TestRule7Money:
    def test_a_long(self):
        row = settle(LONG, ENTRY, (101, 108, 101, 105), fee_rate=0.002, slippage_rate=0.001)
        assert row.gross_profit_loss == pytest.approx(10 * 4.4)  # 10 coins for 1000 dollars at 100
        assert row.fees_paid == pytest.approx(0.002 * 10 * (100 + 104.4))
        assert row.slippage_cost == pytest.approx(0.001 * 10 * (100 + 104.4))
        assert row.net_profit_loss == pytest.approx(44 - 4.088 - 2.044)
        assert row.profit_loss_percentage == pytest.approx(3.7868)

    def test_a_short(self):
        row = settle(SHORT, FILL_SHORT, (99, 105, 99, 99), **FREE, trade_size_usd=500.0)
        assert row.gross_profit_loss == row.net_profit_loss == 5 * (100 - 105)
        assert row.profit_loss_percentage == -5.0

    def test_nothing_moves_without_an_entry(self):
        row = settle(LONG, QUIET)
        money = [
            "gross_profit_loss",
            "fees_paid",
            "slippage_cost",
            "net_profit_loss",
            "profit_loss_percentage",
        ]
        assert (row[money] == 0).all()
        assert row[["actual_entry_price", "actual_exit_price", "max_favorable_excursion"]].isna().all()


class TestRule8Excursions:
    def test_a_long_from_entry_to_exit_inclusive(self):
        row = settle(
            LONG, (99, 120, 98, 99), ENTRY, (100, 103, 96, 100), (100, 101, 94, 95), (95, 200, 1, 95)
        )
        assert row.actual_entry_price == 99.0
        assert row.max_favorable_excursion == pytest.approx(100 * (120 - 99) / 99)
        assert row.max_adverse_excursion == pytest.approx(100 * (94 - 99) / 99)

    def test_a_short_gains_by_lows(self):
        row = settle(SHORT, FILL_SHORT, (99, 103, 97.5, 99))
        assert (row.max_favorable_excursion, row.max_adverse_excursion) == (2.5, -3.0)


class TestRules9And10:
    @pytest.mark.parametrize(
        ("prices", "reason", "status"),
        [
            ([ENTRY, (101, 108, 101, 101)], "targets", "completed_success"),
            ([ENTRY, (101, 101, 95, 96)], "stopped", "completed_failure"),
            ([ENTRY, (101, 102, 101, 102), (101, 101, 95, 96)], "targets_then_stopped", "completed_failure"),
            ([ENTRY, (101, 103.5, 101, 103.5)], "expired", "completed_success"),
            ([ENTRY, (101, 101, 99, 99.5)], "expired", "completed_failure"),
            ([QUIET], "not_entered", "expired"),
            ([], "no_candles", "incomplete_data"),
        ],
    )
    def test_reason_and_status(self, prices, reason, status):
        row = settle(LONG, *prices)
        assert (row.exit_reason, row.status) == (reason, status)

    def test_a_net_result_of_zero_is_a_failure(self):
        row = settle(LONG, (100, 101, 100, 100), **FREE)
        assert (row.net_profit_loss, row.status) == (0.0, "completed_failure")

    def test_an_unknown_symbol_has_no_candles(self):
        for symbol in ("DOGE/USD", None):
            assert settle(LONG | {"symbol": symbol}, ENTRY).exit_reason == "no_candles"


FAULTS = [
    ({"direction": "long"}, "direction is neither LONG nor SHORT"),
    ({"direction": None}, "direction is neither LONG nor SHORT"),
    ({"generated_at": pd.NaT}, "generated_at is missing"),
    ({"expires_at": pd.NaT}, "expires_at is missing"),
    ({"expires_at": START}, "expires_at is not after generated_at"),
    ({"entry_price": 0.0}, "entry_price is not a positive number"),
    ({"entry_price": None}, "entry_price is not a positive number"),
    ({"stop_loss": -95.0}, "stop_loss is not a positive number"),
    ({"take_profit_1": np.nan}, "take_profit_1 is not a positive number"),
    ({"take_profit_3": np.inf}, "take_profit_3 is not a positive number"),
    ({"take_profit_3": "soon"}, "take_profit_3 is not a positive number"),
    ({"stop_loss": 101.0}, "stop_loss is on the wrong side of entry_price"),
    ({"stop_loss": 100.0}, "stop_loss is on the wrong side of entry_price"),
    ({"take_profit_1": 99.0}, "take_profit_1 is on the wrong side of entry_price"),
    ({"take_profit_1": 100.0}, "take_profit_1 is on the wrong side of entry_price"),
    ({"take_profit_2": 101.0}, "targets are out of order"),
    ({"take_profit_2": 110.0}, "targets are out of order"),
    ({"allocation_1": -40.0}, "allocation_1 is not a number from 0 up"),
    ({"allocation_2": np.nan}, "allocation_2 is not a number from 0 up"),
    ({"allocation_3": np.inf}, "allocations do not add up to 100"),
    ({"allocation_3": 30.02}, "allocations do not add up to 100"),
    ({"stop_loss": 101.0, "allocation_3": 0.0}, "stop_loss is on the wrong side of entry_price"),
    ({"direction": "BUY", "entry_price": 0.0}, "direction is neither LONG nor SHORT"),
]


class TestRule11Invalid:
    @pytest.mark.parametrize(("change", "what"), FAULTS)
    def test_a_bad_trade_is_answered_and_its_neighbours_are_settled(self, change, what):
        candles = make_candles(ENTRY, (101, 108, 101, 105))
        rows = evaluate(make_trades(LONG, LONG | change, SHORT), candles)
        assert rows["exit_reason"].tolist() == ["targets", f"invalid: {what}", "stopped"]
        assert find_invalid(make_trades(LONG, LONG | change, SHORT)).tolist() == [False, True, False]
        bad = rows.iloc[1]
        assert bad.status == "incomplete_data"
        assert (
            bad.drop(["id", "status", "exit_reason"])
            .drop([f"{x}_hit" for x in ("tp1", "tp2", "tp3", "sl")])
            .isna()
            .all()
        )
        pd.testing.assert_frame_equal(rows.iloc[[0]], evaluate(make_trades(LONG), candles))

    @pytest.mark.parametrize(
        "change", [{"allocation_3": 30.005}, {"allocation_3": 29.99}, {"take_profit_2": 102.0}]
    )
    def test_what_is_not_bad(self, change):
        assert settle(LONG | change, ENTRY).exit_reason == "expired"

    def test_a_short_is_judged_in_the_mirror(self):
        assert settle(SHORT, FILL_SHORT).exit_reason == "expired"
        assert "stop_loss" in settle(SHORT | {"stop_loss": 99.0}, FILL_SHORT).exit_reason
        assert "take_profit_1" in settle(SHORT | {"take_profit_1": 101.0}, FILL_SHORT).exit_reason
        assert "order" in settle(SHORT | {"take_profit_2": 99.0}, FILL_SHORT).exit_reason

    def test_invalid_goes_before_no_candles(self):
        assert settle(LONG | {"entry_price": 0.0}).exit_reason.startswith("invalid: entry_price")

    @pytest.mark.parametrize("column", TRADE_COLUMNS)
    def test_a_missing_trade_column_is_named(self, column):
        with pytest.raises(ValueError, match=rf"trades .*\b{column}\b"):
            evaluate(make_trades(LONG).drop(columns=column), make_candles(ENTRY))

    @pytest.mark.parametrize("column", CANDLE_COLUMNS)
    def test_a_missing_candle_column_is_named(self, column):
        with pytest.raises(ValueError, match=rf"candles .*\b{column}\b"):
            evaluate(make_trades(LONG), make_candles(ENTRY).drop(columns=column))

    @pytest.mark.parametrize("kind", ["datetime64[us]", object])
    @pytest.mark.parametrize("column", ["generated_at", "expires_at"])
    def test_a_naive_time_of_a_trade_is_named(self, column, kind):
        trades = make_trades(LONG)
        trades[column] = trades[column].dt.tz_localize(None).astype(kind)
        with pytest.raises(ValueError, match=rf"trades\.{column}"):
            evaluate(trades, make_candles(ENTRY))

    def test_one_naive_time_among_others_is_named(self):
        trades = make_trades(LONG, LONG).astype({"expires_at": object})
        trades.at[1, "expires_at"] = trades.at[1, "expires_at"].tz_localize(None)
        with pytest.raises(ValueError, match=r"trades\.expires_at"):
            evaluate(trades, make_candles(ENTRY))

    def test_a_naive_candle_is_named(self):
        candles = make_candles(ENTRY)
        candles["timestamp"] = candles["timestamp"].dt.tz_localize(None)
        with pytest.raises(ValueError, match=r"candles\.timestamp"):
            evaluate(make_trades(LONG), candles)


class TestRule12Minutes:
    def test_from_the_signal_to_the_open_of_the_exit_candle(self):
        row = settle(LONG | {"generated_at": minute(0.25)}, QUIET, ENTRY, QUIET, (101, 101, 94, 95))
        assert (row.exit_at, row.time_to_completion_minutes) == (minute(3), 2)

    def test_to_the_expiry_when_never_entered(self):
        assert settle(LONG | {"expires_at": minute(7.9)}, QUIET).time_to_completion_minutes == 7

    def test_nothing_without_data(self):
        assert np.isnan(settle(LONG).time_to_completion_minutes)


@pytest.mark.parametrize("interval", ["1min", "5min", "1h", "1D"])
@pytest.mark.parametrize("tick", [0.5, 0.01])
def test_random_trades_are_settled_as_by_the_reference(interval, tick):
    reasons: set[str] = set()
    for seed in range(12):
        rng = np.random.default_rng([seed, round(tick * 100)])
        units = rng.choice(["us", "ns"], 2).tolist()
        candles = random_candles(rng, seed % 4 + 1, int(rng.integers(5, 300)), interval, tick, units[0])
        trades = random_trades(rng, candles, 150, interval, tick, units[1])
        if seed % 3 == 0:
            candles.loc[rng.random(len(candles)) < 0.05, rng.choice(["open", "high", "low", "close"])] = (
                np.nan
            )
        expected = settle_slowly(trades, candles, interval)
        assert_same(evaluate(trades, candles, interval), expected)
        reasons.update(expected["exit_reason"])
    assert reasons >= {"targets", "stopped", "targets_then_stopped", "expired", "not_entered", "no_candles"}
    assert len(reasons) > 15  # and most faults


def test_long_windows_are_settled_as_by_the_reference():
    rng = np.random.default_rng(5)
    candles = random_candles(rng, 2, 4000, "1min", 0.01)
    trades = random_trades(rng, candles, 150, "1min", 0.2)
    trades["expires_at"] = trades["generated_at"] + pd.to_timedelta(
        rng.integers(1, 4000, len(trades)), unit="min"
    )
    assert_same(evaluate(trades, candles), settle_slowly(trades, candles))


def test_without_costs_the_sign_of_the_result_is_exact():
    rng = np.random.default_rng(8)
    candles = random_candles(rng, 2, 200, "1h", 1.0)
    trades = random_trades(rng, candles, 400, "1h", 1.0)
    assert_same(evaluate(trades, candles, "1h", **FREE), settle_slowly(trades, candles, "1h", **FREE))


def test_importing_the_engine_brings_nothing_heavy():
    code = (
        "import sys, include.trades.backtest; "
        "heavy = {'numba', 'scipy', 'airflow', 'sqlalchemy', 'pydantic', 'great_expectations'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
