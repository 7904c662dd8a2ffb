"""What must hold for any trades on any candles: small markets of whole prices, drawn by hypothesis."""

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from include.trades.backtest import evaluate
from tests.trades.reference import FLAGS, LEVELS, TEXTS, TIMES, assert_same, settle_slowly

START = pd.Timestamp("2025-01-06", tz="UTC")
SYMBOLS = ["AAA", "BBB"]
PRICES = ["open", "high", "low", "close"]
MIRROR = 400.0  # prices p and MIRROR - p are whole numbers, so that a reflection is exact
ALLOCATIONS = [(40, 30, 30), (100, 0, 0), (0, 100, 0), (0, 0, 100), (50, 50, 0), (0, 50, 50), (50, 0, 50)]
FREE = {"fee_rate": 0.0, "slippage_rate": 0.0}

deterministic = settings(derandomize=True, deadline=None, max_examples=40)
steps = st.integers(-4, 4)
# The volume of a candle that is flat at its open, None for one that moves. Flat ones are silent, or traded,
# or nobody knows.
flatness = st.sampled_from([None, None, None, 0.0, 0.0, 1.0, np.nan])


@st.composite
def markets(draw: st.DrawFn) -> pd.DataFrame:
    """Up to 24 minutes of each symbol, with jumps, gaps and silence."""
    frames = []
    for symbol in SYMBOLS:
        drawn = draw(
            st.lists(
                st.tuples(steps, steps, st.integers(0, 4), st.integers(0, 4), st.booleans(), flatness),
                min_size=1,
                max_size=24,
            )
        )
        *columns, volumes = zip(*drawn, strict=True)
        jump, move, above, below, kept = map(np.array, columns)
        flat = np.array([volume is not None for volume in volumes])
        close = 200 + np.cumsum(move)
        opens = np.append(200, close[:-1]) + np.where(np.abs(jump) == 4, jump, 0)
        frame = pd.DataFrame(
            {
                "symbol": symbol,
                "timestamp": pd.date_range(START, periods=len(drawn), freq="1min"),
                "open": opens,
                "high": np.where(flat, opens, np.maximum(opens, close) + above),
                "low": np.where(flat, opens, np.minimum(opens, close) - below),
                "close": np.where(flat, opens, close),
                "volume": [1 if volume is None else volume for volume in volumes],
            }
        )
        frames.append(frame[kept | (np.arange(len(drawn)) % 3 > 0)])
    return pd.concat(frames, ignore_index=True).astype(dict.fromkeys([*PRICES, "volume"], float))


@st.composite
def sound_trades(draw: st.DrawFn) -> dict[str, Any]:
    sign = draw(st.sampled_from([1, -1]))
    entry = 200 + draw(st.integers(-6, 6))
    targets = entry + sign * np.cumsum(
        [draw(st.integers(1, 5)), draw(st.integers(0, 3)), draw(st.integers(0, 3))]
    )
    shares = draw(st.sampled_from(ALLOCATIONS))
    generated = START + pd.Timedelta(seconds=draw(st.sampled_from([-60, 0, 0, 30, 60, 300])))
    return {
        "symbol": draw(st.sampled_from(SYMBOLS)),
        "direction": "LONG" if sign > 0 else "SHORT",
        "entry_price": float(entry),
        "stop_loss": float(entry - sign * draw(st.integers(1, 8))),
        **{f"take_profit_{k}": float(target) for k, target in enumerate(targets, 1)},
        **{f"allocation_{k}": float(share) for k, share in enumerate(shares, 1)},
        "generated_at": generated,
        "expires_at": generated
        + pd.Timedelta(seconds=60 * draw(st.integers(1, 26)) + draw(st.sampled_from([0, 30]))),
    }


@st.composite
def any_trades(draw: st.DrawFn) -> dict[str, Any]:
    """Sound trades, and some with one value replaced by a bad one."""
    trade = draw(sound_trades())
    if draw(st.integers(0, 3)) == 0:
        column = draw(st.sampled_from([name for name in trade if not name.endswith("_at")]))
        bad = ["", "NONE"] if isinstance(trade[column], str) else [np.nan, np.inf, -1.0, 0.0, 200.0]
        trade[column] = draw(st.sampled_from(bad))
    return trade


def frame(trades: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(trades).assign(id=range(len(trades)))


many_trades = st.lists(any_trades(), min_size=1, max_size=8).map(frame)
sound = st.lists(sound_trades(), min_size=1, max_size=8).map(frame)


@deterministic
@given(many_trades, markets())
def test_the_reference_agrees(trades, candles):
    assert_same(evaluate(trades, candles), settle_slowly(trades, candles))


@deterministic
@given(many_trades, markets(), st.randoms(use_true_random=False))
def test_the_order_of_trades_does_not_matter(trades, candles, random):
    order = list(range(len(trades)))
    random.shuffle(order)
    expected = evaluate(trades, candles).iloc[order].reset_index(drop=True)
    pd.testing.assert_frame_equal(evaluate(trades.iloc[order], candles), expected)


@deterministic
@given(many_trades, markets(), st.lists(st.integers(0, 2), min_size=8, max_size=8))
def test_the_grouping_of_trades_does_not_matter(trades, candles, groups):
    parts = [part for _, part in trades.groupby(groups[: len(trades)])]
    rows = pd.concat([evaluate(part, candles) for part in parts]).sort_values("id", ignore_index=True)
    pd.testing.assert_frame_equal(rows, evaluate(trades, candles))


@deterministic
@given(many_trades, markets())
def test_done_twice_it_gives_the_same_and_changes_no_argument(trades, candles):
    before = trades.copy(deep=True), candles.copy(deep=True)
    first = evaluate(trades, candles)
    first_kept = first.copy(deep=True)
    second = evaluate(trades, candles)
    pd.testing.assert_frame_equal(first, first_kept)
    pd.testing.assert_frame_equal(second, first)
    pd.testing.assert_frame_equal(trades, before[0])
    pd.testing.assert_frame_equal(candles, before[1])


@deterministic
@given(sound, markets())
def test_a_short_is_a_long_in_the_mirror(trades, candles):
    """Reflect every price p to MIRROR - p and swap the directions.

    Events, times, flags and reasons stay; traded prices are reflected. Money and percentages are compared per
    coin: a trade buys size / fill coins, and the reflected fill buys another number of them.
    """
    mirrored_candles = candles.assign(
        open=MIRROR - candles["open"],
        high=MIRROR - candles["low"],
        low=MIRROR - candles["high"],
        close=MIRROR - candles["close"],
    )
    levels = ["entry_price", "stop_loss", *(f"take_profit_{k}" for k in (1, 2, 3))]
    mirrored_trades = trades.assign(
        direction=trades["direction"].map({"LONG": "SHORT", "SHORT": "LONG"}),
        **{level: MIRROR - trades[level] for level in levels},
    )
    rows = evaluate(trades, candles, **FREE)
    mirrored = evaluate(mirrored_trades, mirrored_candles, **FREE)
    same = ["id", *TEXTS, *FLAGS, *TIMES, "time_to_completion_minutes"]
    pd.testing.assert_frame_equal(mirrored[same], rows[same])
    for column in ["actual_entry_price", *(f"{level}_hit_price" for level in LEVELS)]:
        np.testing.assert_array_equal(mirrored[column], MIRROR - rows[column])
    np.testing.assert_allclose(mirrored["actual_exit_price"], MIRROR - rows["actual_exit_price"], rtol=1e-12)
    for column in ["gross_profit_loss", "max_favorable_excursion", "max_adverse_excursion"]:
        ours, theirs = (result[column] * result["actual_entry_price"] for result in (rows, mirrored))
        np.testing.assert_allclose(theirs, ours, rtol=1e-9, atol=1e-6)


@deterministic
@given(sound, markets(), st.sampled_from([0.0, 0.001, 0.03]), st.sampled_from([0.0, 0.002]))
def test_money_is_conserved(trades, candles, fee_rate, slippage_rate):
    """All that was bought is sold once: at targets, and the rest at the stop or the last close."""
    rows = evaluate(trades, candles, fee_rate=fee_rate, slippage_rate=slippage_rate, trade_size_usd=250.0)
    for (_, trade), (_, row) in zip(trades.iterrows(), rows.iterrows(), strict=True):
        if row["exit_reason"] == "no_candles":
            continue
        net = row["gross_profit_loss"] - row["fees_paid"] - row["slippage_cost"]
        assert row["net_profit_loss"] == net
        np.testing.assert_allclose(row["profit_loss_percentage"], 100 * net / 250)
        if row["exit_reason"] == "not_entered":
            assert net == 0
            continue
        coins = 250.0 / row["actual_entry_price"]
        sold = received = 0.0
        for k in (1, 2, 3):
            if row[f"tp{k}_hit"]:
                share = coins * trade[f"allocation_{k}"] / 100
                sold, received = sold + share, received + share * row[f"tp{k}_hit_price"]
        candle = candles[
            (candles["symbol"] == trade["symbol"]) & (candles["timestamp"] == row["exit_at"])
        ].iloc[0]
        received += (coins - sold) * (row["sl_hit_price"] if row["sl_hit"] else candle["close"])
        sign = 1 if trade["direction"] == "LONG" else -1
        np.testing.assert_allclose(row["gross_profit_loss"], sign * (received - 250), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(row["fees_paid"], fee_rate * (250 + received), rtol=1e-9)
        np.testing.assert_allclose(row["slippage_cost"], slippage_rate * (250 + received), rtol=1e-9)


@deterministic
@given(sound, st.lists(any_trades(), min_size=1, max_size=8).map(frame), markets())
def test_neighbours_do_not_matter(trades, others, candles):
    """Whatever is wrong with a trade stays in its row."""
    mixed = pd.concat([others, trades, others], ignore_index=True)
    rows = evaluate(mixed, candles).iloc[len(others) : len(others) + len(trades)].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, evaluate(trades, candles))


@deterministic
@given(any_trades(), markets())
def test_only_the_candles_of_the_window_matter(trade, candles):
    minute = pd.Timedelta("1min")
    opened = candles["timestamp"]
    inside = (
        (candles["symbol"] == trade["symbol"])
        & (opened >= trade["generated_at"])
        & (opened + minute <= trade["expires_at"])
    )
    expected = evaluate(frame([trade]), candles)
    pd.testing.assert_frame_equal(evaluate(frame([trade]), candles[inside]), expected)
    other = candles.copy()
    other.loc[~inside, PRICES] = [200.0, 900.0, 1.0, 200.0]
    pd.testing.assert_frame_equal(evaluate(frame([trade]), other), expected)


@deterministic
@given(sound, markets())
def test_what_comes_after_the_exit_does_not_matter(trades, candles):
    rows = evaluate(trades, candles)
    for number in rows.index[rows["exit_reason"].str.contains("targets|stopped")]:
        expected = rows.loc[[number]].reset_index(drop=True)
        until_exit = candles[candles["timestamp"] <= rows.at[number, "exit_at"]]
        pd.testing.assert_frame_equal(evaluate(trades.loc[[number]], until_exit), expected)


@deterministic
@given(sound, markets())
def test_no_order_fills_while_nobody_trades(trades, candles):
    rows = evaluate(trades, candles)
    flat = (candles[PRICES].nunique(axis=1) == 1) & (candles["volume"] == 0)
    silent = set(zip(candles["symbol"][flat], candles["timestamp"][flat], strict=True))
    for fill in ["entry_at", *(f"{level}_hit_at" for level in LEVELS)]:
        assert not silent & set(zip(trades["symbol"], rows[fill], strict=True)), fill


@deterministic
@given(sound, markets())
def test_silence_before_the_entry_is_as_good_as_a_gap(trades, candles):
    flat = (candles[PRICES].nunique(axis=1) == 1) & (candles["volume"] == 0)
    with_it, without = evaluate(trades, candles), evaluate(trades, candles[~flat])
    pd.testing.assert_series_equal(with_it["entry_at"], without["entry_at"])
    pd.testing.assert_series_equal(with_it["actual_entry_price"], without["actual_entry_price"])


@deterministic
@given(sound, markets(), st.sampled_from([2.0, 0.5, 1024.0]))
def test_money_is_proportional_to_the_size(trades, candles, factor):
    money = ["gross_profit_loss", "fees_paid", "slippage_cost", "net_profit_loss"]
    one, scaled = evaluate(trades, candles), evaluate(trades, candles, trade_size_usd=1000.0 * factor)
    pd.testing.assert_frame_equal(scaled[money], one[money] * factor)  # powers of two: exact
    pd.testing.assert_frame_equal(scaled.drop(columns=money), one.drop(columns=money))
