"""Scales: every value lies where it belongs, and the names of an axis are round, few and different."""

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.web.charts import band_scale, linear_scale, time_scale
from include.web.charts.scale import number_of

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
MOMENTS = st.integers(-719_000 * 86_400, 2_932_000 * 86_400).map(
    lambda seconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)  # years 1 to 9997


@given(st.lists(NUMBERS, max_size=8))
def test_an_axis_holds_all_its_values_between_round_ends(values):
    scale = linear_scale(values)
    shares = [scale.share(value) for value in values]
    drawable = [abs(value) <= 1e300 for value in values]
    assert [share is not None for share in shares] == drawable
    assert all(-1e-9 <= share <= 1 + 1e-9 for share in shares if share is not None)
    if any(drawable):
        texts = [tick.text for tick in scale.ticks]
        assert 2 <= len(texts) <= 12 and len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([3, 97], ["0", "20", "40", "60", "80", "100"]),
        ([0, 1_234_567], ["0.0 M", "0.5 M", "1.0 M", "1.5 M"]),
        ([0.001, 0.0049], ["0.001", "0.002", "0.003", "0.004", "0.005"]),
        ([Decimal("-1200"), 300], ["-1,500", "-1,000", "-500", "0", "500"]),
        ([], []),
    ],
)
def test_names_have_as_many_digits_as_tell_them_apart(values, texts):
    assert [tick.text for tick in linear_scale(values).ticks] == texts


def test_counts_have_whole_numbers():
    assert [tick.text for tick in linear_scale([0, 1], whole=True).ticks] == ["0", "1"]


def test_equal_values_stand_in_the_middle():
    assert linear_scale([5, 5]).share(5) == pytest.approx(0.5)
    assert linear_scale([0]).share(0) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "value", [None, math.nan, math.inf, Decimal("sNaN"), Decimal("1e400"), 10**400, 1e305]
)
def test_what_is_no_ordinary_number_has_no_place(value):
    assert linear_scale([1, 2]).share(value) is None


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        number_of(datetime(2026, 1, 1))  # noqa: DTZ001


@given(MOMENTS, st.timedeltas(min_value=timedelta(), max_value=timedelta(days=20_000)))
def test_a_time_axis_has_few_names_in_order(begin, length):
    end = begin + min(length, datetime(9999, 12, 30, tzinfo=UTC) - begin)
    scale = time_scale([end, begin])
    assert scale.share(begin) == (0.5 if begin == end else 0)
    shares = [tick.share for tick in scale.ticks]
    assert shares == sorted(shares) and len(shares) <= 7
    assert all(0 <= share <= 1 for share in shares)


@pytest.mark.parametrize(
    ("begin", "end", "texts"),
    [
        ("2026-11-03T09:58", "2026-11-03T10:22", ["10:00", "10:05", "10:10", "10:15", "10:20"]),
        ("2026-11-03T00:00", "2026-11-04T00:00", ["3 Nov", "06:00", "12:00", "18:00", "4 Nov"]),
        ("2026-11-01", "2026-11-25", ["2 Nov 2026", "9 Nov", "16 Nov", "23 Nov"]),  # Mondays
        ("2025-10-20", "2026-02-10", ["Nov 2025", "Dec", "Jan 2026", "Feb"]),
        ("2016-03-01", "2026-03-01", ["2018", "2020", "2022", "2024", "2026"]),
    ],
)
def test_times_are_named_as_people_name_them(begin, end, texts):
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (begin, end)]
    assert [tick.text for tick in time_scale(moments).ticks] == texts


def test_hours_say_that_they_are_utc_and_a_date_is_its_midnight():
    day = date(2026, 11, 3)
    scale = time_scale([day, datetime(2026, 11, 3, 12, tzinfo=UTC)])
    assert scale.unit == "UTC" and scale.share(day) == 0
    assert time_scale([]).ticks == ()


def test_names_in_bands():
    scale = band_scale(["a", "b"], down=True)
    assert scale.share(0) == 1 and scale.share(2) == 0
    assert [(tick.text, tick.share) for tick in scale.ticks] == [("a", 0.75), ("b", 0.25)]
    assert len(band_scale([str(n) for n in range(1000)]).ticks) <= 12
    assert band_scale([]).ticks == ()
    assert [tick.text for tick in band_scale(["a" * 14, "b" * 15]).ticks] == ["a" * 14, "b" * 13 + "…"]
