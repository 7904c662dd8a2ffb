"""Sample trades, and which candles they are made from."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from include.signals.requests import SIGNAL_LIFETIMES
from include.trades.backtest import evaluate
from local.demo import MOST_CANDLES, _archive_windows, _read_markets
from local.samples import (
    ALLOCATIONS_OFF,
    NEVER_FILLS,
    NO_SUCH_SYMBOL,
    STOP_ON_WRONG_SIDE,
    UNKNOWN_SYMBOL,
    Market,
    make_trades,
)

START = datetime(2026, 1, 5, tzinfo=UTC)


def market(symbol="BTC", rows=3000, minutes=1, price=100.0, seed=1):
    random = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(random.normal(0, 0.001, rows)))
    opened = np.concatenate([[price], close[:-1]])
    reach = np.abs(random.normal(0, 0.0005, rows))
    candles = pd.DataFrame(
        {
            "symbol": symbol,
            "timestamp": pd.date_range(START, periods=rows, freq=f"{minutes}min"),
            "open": opened,
            "high": np.maximum(opened, close) * (1 + reach),
            "low": np.minimum(opened, close) * (1 - reach),
            "close": close,
            "volume": 1.0,
        }
    )
    return Market(candles, timedelta(minutes=minutes))


def as_frame(trades):
    frame = pd.DataFrame(trades)
    prices = [name for name in frame if name.startswith(("entry", "stop", "take", "allocation"))]
    return frame.astype(dict.fromkeys(prices, float))


@pytest.fixture(scope="module")
def markets():
    return [market("BTC", seed=1), market("ETH", price=0.001234, seed=2)]


def test_the_same_batch_is_the_same_and_another_is_another(markets):
    first = make_trades(markets, 1)
    assert make_trades(markets, 1) == first
    other = make_trades(markets, 2)
    assert not {trade["id"] for trade in first} & {trade["id"] for trade in other}
    assert [trade["generated_at"] for trade in first] != [trade["generated_at"] for trade in other]


def test_a_batch_is_mixed(markets):
    trades = pd.DataFrame(make_trades(markets, 1))
    assert len(trades) == 60
    assert set(trades["direction"]) == {"LONG", "SHORT"}
    assert set(trades["timeframe"]) == set(SIGNAL_LIFETIMES)
    assert set(trades["symbol"]) == {"BTC", "ETH", UNKNOWN_SYMBOL}
    assert trades["user_id"].nunique() == 5


def test_windows_lie_inside_the_candles(markets):
    last = max(each.candles["timestamp"].iloc[-1] + each.interval for each in markets)
    for trade in make_trades(markets, 3):
        assert START <= trade["generated_at"] < trade["expires_at"] <= last


def test_what_each_trade_becomes_is_what_it_was_made_for(markets):
    trades = as_frame(make_trades(markets, 1))
    candles = pd.concat([each.candles for each in markets]).sort_values(["symbol", "timestamp"])
    reasons = evaluate(trades, candles, interval="1min")["exit_reason"]
    place = trades.index % 20
    assert set(reasons[place == NEVER_FILLS]) == {"not_entered"}
    assert set(reasons[place == NO_SUCH_SYMBOL]) == {"no_candles"}
    assert all(reason.startswith("invalid: ") for reason in reasons[place == STOP_ON_WRONG_SIDE])
    assert all(reason.startswith("invalid: ") for reason in reasons[place == ALLOCATIONS_OFF])
    special = (NEVER_FILLS, NO_SUCH_SYMBOL, STOP_ON_WRONG_SIDE, ALLOCATIONS_OFF)
    ordinary = set(reasons[~place.isin(special)])
    assert {"targets", "stopped", "expired"} <= ordinary
    assert not any(reason.startswith("invalid") or reason == "no_candles" for reason in ordinary)


@pytest.mark.parametrize("rows", [24, 60])
@pytest.mark.parametrize("minutes", [1, 60, 1440])
def test_few_and_coarse_candles_are_enough(rows, minutes):
    trades = make_trades([market(rows=rows, minutes=minutes)], 1)
    assert len(trades) == 60


def test_too_few_candles_are_refused():
    with pytest.raises(ValueError, match="24 candles"):
        make_trades([market(rows=23)], 1)


def test_a_market_with_too_few_candles_is_left_out():
    trades = make_trades([market("BTC"), market("ETH", rows=5)], 1)
    assert {trade["symbol"] for trade in trades} == {"BTC", UNKNOWN_SYMBOL}


def test_flat_prices_still_give_trades_with_different_levels():
    flat = market()
    flat.candles[["open", "high", "low", "close"]] = 5.0
    for number, trade in enumerate(make_trades([flat], 1)):
        if number % 20 != STOP_ON_WRONG_SIDE:
            levels = [trade[name] for name in ("stop_loss", "entry_price", "take_profit_1", "take_profit_3")]
            assert levels in (sorted(levels), sorted(levels, reverse=True))
            assert len(set(levels)) == 4


@pytest.mark.parametrize(
    "broken",
    [
        {"open": 0.0, "high": 0.0, "low": 0.0, "close": 0.0},
        {"high": 1.0},
        {"close": np.nan},
        {"volume": -1.0},
        {"open": np.inf, "high": np.inf},
    ],
)
def test_a_candle_that_is_none_is_no_sample(markets, broken):
    spoilt = [Market(each.candles.copy(), each.interval) for each in markets]
    for each in spoilt:
        each.candles.loc[each.candles.index % 100 == 50, list(broken)] = list(broken.values())
    for number, trade in enumerate(make_trades(spoilt, 1)):
        assert trade["entry_price"].is_finite()
        assert trade["stop_loss"] > 0
        assert trade["entry_price"] > 0
        if number % 20 not in (STOP_ON_WRONG_SIDE, NO_SUCH_SYMBOL):
            side = 1 if trade["direction"] == "LONG" else -1
            assert side * (trade["entry_price"] - trade["stop_loss"]) > 0
            assert trade["entry_price"] < 200


def test_rates_and_broken_candles_of_a_folder_are_left_out_by_name(tmp_path, capsys):
    frame = market("BTC", rows=300, minutes=60).candles.drop(columns="symbol")
    frame.loc[7, ["open", "high", "low", "close"]] = 0.0
    frame.to_feather(tmp_path / "BTC_USDT-1h.feather")
    frame.to_csv(tmp_path / "BTC_USDT-1h-mark.csv", index=False)
    rates = frame.assign(open=0.0001, high=0.0, low=0.0, close=0.0)[::8]
    rates.to_feather(tmp_path / "SOL_USDT_USDT-8h-funding_rate.feather")
    rates.to_feather(tmp_path / "SOL_USDT-8h.feather")
    (tmp_path / "ETH_USDT-1h.json").write_text("[]")
    stack = SimpleNamespace(sandbox_url="http://nowhere.invalid")
    chosen = {"candle_sources": ["archive"], "archive_path": str(tmp_path)}
    (found,) = _read_markets(stack, None, chosen)
    said = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in said] == [
        "SOL_USDT-8h.feather",
        "BTC_USDT-1h-mark.csv",
        "ETH_USDT-1h.json",
        "SOL_USDT_USDT-8h-funding_rate.feather",
        "BTC_USDT 1h",
    ]
    assert "mark prices by its name" in said[1]
    assert said[4].endswith("1 row refused: no valid candle, such as one of zeros")
    trades = make_trades([found], 1)
    assert {trade["symbol"] for trade in trades} == {"BTC_USDT", UNKNOWN_SYMBOL}


def test_daily_files_and_two_spellings_are_one_market():
    def holding(symbol, day):
        first = pd.Timestamp(day, tz="UTC")
        last = first + timedelta(hours=23)
        return SimpleNamespace(symbol=symbol, resolution="1h", first=first, last=last)

    windows = _archive_windows([holding("ETHUSDT", "2026-01-01"), holding("ETH_USDT", "2026-01-02")])
    assert windows == [("ETH_USDT", "1h", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC))]


def test_of_an_archive_the_finest_resolution_and_the_newest_candles_are_read():
    def holding(symbol, resolution, first, last):
        return SimpleNamespace(
            symbol=symbol,
            resolution=resolution,
            first=pd.Timestamp(first, tz="UTC"),
            last=pd.Timestamp(last, tz="UTC"),
        )

    windows = _archive_windows(
        [
            holding("BTC", "1d", "2015-01-01", "2026-01-01"),
            holding("BTC", "1m", "2020-01-01", "2026-01-01"),
            holding("ETH", "1h", "2026-01-01", "2026-01-02"),
        ]
    )
    end = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    assert windows == [
        ("BTC", "1m", end - timedelta(minutes=MOST_CANDLES + 1), end),
        ("ETH", "1h", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, 1, tzinfo=UTC)),
    ]
