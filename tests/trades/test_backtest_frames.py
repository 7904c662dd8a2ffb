"""What the engine takes and gives: candles it cannot use, types, units, empty frames, ids, order."""

import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from include.trades.backtest import CANDLE_COLUMNS, TRADE_COLUMNS, evaluate
from tests.trades.markets import ENTRY, LONG, QUIET, SHORT, START, make_candles, make_trades, minute
from tests.trades.reference import COLUMNS


class TestCandlesThatCannotBeUsed:
    @pytest.mark.parametrize("column", ["open", "high", "low", "close"])
    @pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -1.0])
    def test_a_candle_without_a_price_is_a_gap(self, column, value):
        candles = make_candles(ENTRY, (101, 200, 1, 101), QUIET)
        candles.loc[1, column] = value
        expected = evaluate(make_trades(LONG), candles.drop(1))
        pd.testing.assert_frame_equal(evaluate(make_trades(LONG), candles), expected)

    @pytest.mark.parametrize("order", [[1, 0, 2], [0, 1, 1, 2]])
    def test_candles_out_of_order_or_twice_are_refused(self, order):
        with pytest.raises(ValueError, match="BTC/USD at 2025-01-06T12:0"):
            evaluate(make_trades(LONG), make_candles(ENTRY, QUIET, QUIET).iloc[order])

    def test_a_symbol_in_two_places_is_refused(self):
        other = make_candles(ENTRY, symbol="ETH/USD")
        candles = pd.concat(
            [make_candles(ENTRY, QUIET).iloc[[0]], other, make_candles(ENTRY, QUIET).iloc[[1]]]
        )
        with pytest.raises(ValueError, match="BTC/USD do not stand together"):
            evaluate(make_trades(LONG), candles)

    @pytest.mark.parametrize("kind", ["str", "string", object, "category"])
    def test_a_candle_without_symbol_is_refused(self, kind):
        candles = make_candles(ENTRY, QUIET, QUIET)
        candles["symbol"] = candles["symbol"].astype(object).where([True, False, False], None).astype(kind)
        with pytest.raises(ValueError, match=r"candles\.symbol is missing"):
            evaluate(make_trades(LONG), candles)

    def test_a_candle_without_time_is_refused(self):
        candles = make_candles(ENTRY, QUIET)
        candles.loc[0, "timestamp"] = pd.NaT
        with pytest.raises(ValueError, match=r"candles\.timestamp is missing"):
            evaluate(make_trades(LONG), candles)

    def test_any_order_of_the_symbols_will_do(self):
        # PostgreSQL sorts by collation, Python by code point.
        parts = [make_candles(ENTRY, QUIET, symbol=symbol) for symbol in ("b", "A", "c")]
        rows = evaluate(make_trades(*(LONG | {"symbol": symbol} for symbol in "Abc")), pd.concat(parts))
        assert (rows["exit_reason"] == "expired").all()


class TestFrames:
    @pytest.mark.parametrize("interval", ["", "60", "-1min", None, "soon"])
    def test_an_interval_without_sense_is_refused(self, interval):
        with pytest.raises(ValueError):
            evaluate(make_trades(LONG), make_candles(ENTRY), interval=interval)

    @pytest.mark.parametrize("name", ["fee_rate", "slippage_rate", "trade_size_usd"])
    def test_money_without_sense_is_refused(self, name):
        with pytest.raises(ValueError, match=name):
            evaluate(make_trades(LONG), make_candles(ENTRY), **{name: np.nan})

    def test_the_types_are_as_promised_whatever_the_number_of_rows(self):
        candles = make_candles(ENTRY, QUIET)
        full = evaluate(make_trades(LONG, LONG | {"entry_price": 0.0}, LONG | {"entry_price": 96.0}), candles)
        for rows in (full, full.iloc[:0], evaluate(make_trades(LONG).iloc[:0], candles)):
            assert list(rows.columns) == COLUMNS
            for name, dtype in rows.dtypes.drop("id").items():
                if name in ("status", "exit_reason"):
                    assert dtype == "str"
                elif name.endswith("_hit"):
                    assert dtype == np.bool_
                elif name.endswith("_at"):
                    assert dtype == pd.DatetimeTZDtype("us", "UTC")
                else:
                    assert dtype == np.float64
        assert full.index.equals(pd.RangeIndex(3))

    def test_empty_frames_without_types(self):
        no_trades, no_candles = pd.DataFrame(columns=TRADE_COLUMNS), pd.DataFrame(columns=CANDLE_COLUMNS)
        assert evaluate(no_trades, make_candles(ENTRY)).shape == (0, len(COLUMNS))
        assert evaluate(no_trades, no_candles).shape == (0, len(COLUMNS))
        assert evaluate(make_trades(LONG), no_candles)["exit_reason"].tolist() == ["no_candles"]

    @pytest.mark.parametrize(
        "change",
        [str, Decimal, lambda price: np.float32(price), lambda price: int(price)],
        ids=["str", "Decimal", "f32", "int"],
    )
    def test_numbers_of_any_type(self, change):
        candles = make_candles(ENTRY, (101, 108, 101, 105))
        trades = make_trades(LONG, SHORT)
        expected = evaluate(trades, candles)
        for frame in (trades, candles):
            for column in frame.select_dtypes(float):
                frame[column] = pd.Series([change(value) for value in frame[column]], dtype=object)
        pd.testing.assert_frame_equal(evaluate(trades, candles), expected)

    @pytest.mark.parametrize("kind", ["Float64", "float64[pyarrow]", "Int64"])
    def test_nullable_numbers(self, kind):
        candles = make_candles(ENTRY, (101, 108, 101, 105))
        trades = make_trades(LONG, SHORT)
        floats = list(trades.select_dtypes(float))
        nullable = trades.astype(dict.fromkeys(floats, kind))
        pd.testing.assert_frame_equal(evaluate(nullable, candles), evaluate(trades, candles))
        nullable.loc[0, "stop_loss"] = pd.NA
        assert evaluate(nullable, candles)["exit_reason"][0] == "invalid: stop_loss is not a positive number"

    @pytest.mark.parametrize("kind", ["str", "string", object, "category", "string[pyarrow]"])
    def test_texts_of_any_type(self, kind):
        candles = pd.concat([make_candles(ENTRY), make_candles(ENTRY, QUIET, symbol="ETH/USD")])
        trades = make_trades(SHORT, LONG | {"symbol": "ETH/USD"}, LONG | {"symbol": "X", "direction": "x"})
        typed = [frame.astype({"symbol": kind}) for frame in (trades.astype({"direction": kind}), candles)]
        pd.testing.assert_frame_equal(evaluate(*typed), evaluate(trades, candles))

    @pytest.mark.parametrize("candle_unit", ["s", "ms", "us", "ns"])
    @pytest.mark.parametrize("trade_unit", ["s", "ms", "us", "ns"])
    def test_times_of_any_unit(self, trade_unit, candle_unit):
        trades, candles = make_trades(LONG, SHORT), make_candles(ENTRY, QUIET)
        expected = evaluate(trades, candles)
        trades["generated_at"] = trades["generated_at"].dt.as_unit(trade_unit)
        candles["timestamp"] = candles["timestamp"].dt.as_unit(candle_unit)
        rows = evaluate(trades, candles)
        pd.testing.assert_frame_equal(rows, expected, check_dtype=False)
        assert rows["exit_at"].dtype == pd.DatetimeTZDtype(candle_unit, "UTC")

    def test_a_nanosecond_counts(self):
        late = LONG | {"generated_at": START + pd.Timedelta(1, unit="ns")}
        early = LONG | {"expires_at": minute(1) - pd.Timedelta(1, unit="ns")}
        rows = evaluate(make_trades(LONG, late, early), make_candles(ENTRY))
        assert rows["exit_reason"].tolist() == ["expired", "no_candles", "no_candles"]

    @pytest.mark.parametrize("unit", ["us", "ns"])
    def test_a_trade_that_never_expires_does_not_spoil_the_rest(self, unit):
        trades = make_trades(LONG, LONG).astype({"expires_at": object})
        trades.at[0, "expires_at"] = pd.Timestamp("9999-12-31", tz="UTC")
        candles = make_candles(ENTRY, QUIET)
        candles["timestamp"] = candles["timestamp"].dt.as_unit(unit)
        rows = evaluate(trades, candles).drop(columns="id")
        pd.testing.assert_series_equal(rows.iloc[0], rows.iloc[1], check_names=False)

    def test_the_first_seconds_of_nanosecond_time(self):
        long_ago = pd.Timestamp.min.tz_localize("UTC").ceil("s")
        trade = LONG | {"generated_at": long_ago, "expires_at": long_ago + pd.Timedelta("5s")}
        trades = make_trades(trade)
        for column in ("generated_at", "expires_at"):
            trades[column] = trades[column].dt.as_unit("ns")
        assert evaluate(trades, make_candles(ENTRY))["exit_reason"].tolist() == ["no_candles"]

    def test_other_time_zones(self):
        trades, candles = make_trades(LONG), make_candles(ENTRY, QUIET)
        expected = evaluate(trades, candles)
        trades["expires_at"] = trades["expires_at"].dt.tz_convert("Asia/Tokyo")
        candles["timestamp"] = candles["timestamp"].dt.tz_convert("America/New_York")
        pd.testing.assert_frame_equal(evaluate(trades, candles), expected)

    def test_ids_come_back_as_given(self):
        ids = [uuid.UUID(int=7), "seven", 7, None, 7]
        rows = evaluate(make_trades(*(LONG | {"id": given} for given in ids)), make_candles(ENTRY))
        assert rows["id"].tolist() == ids

    @pytest.mark.parametrize("ids", [[1], ["one"]])
    def test_changing_the_answer_does_not_change_the_trades(self, ids):
        trades = make_trades(LONG | {"id": ids[0]})
        rows = evaluate(trades, make_candles(ENTRY))
        rows.loc[0, ["id", "actual_entry_price"]] = [ids[0] * 2, 1.0]
        assert trades["id"].tolist() == ids

    def test_rows_follow_the_trades_whatever_their_index(self):
        trades = make_trades(LONG | {"id": 1}, SHORT | {"id": 2}, LONG | {"id": 3}).set_axis([5, 5, 0])
        candles = make_candles(ENTRY, QUIET).set_axis([9, 9])
        expected = evaluate(trades.reset_index(drop=True), candles.reset_index(drop=True))
        pd.testing.assert_frame_equal(evaluate(trades, candles), expected)
