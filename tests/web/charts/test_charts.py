"""Charts: where marks stand, what is said of them, and that nothing is taken for markup."""

import math
import re
from datetime import date, timedelta
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from include.web.charts import (
    Chart,
    HeatCell,
    band_scale,
    heat_map,
    linear_scale,
    small_interval,
    time_scale,
)
from include.web.charts.line import COLUMNS, thin

NASTY = "</svg><script>alert(1)</script>\"'&"


def elements(markup):
    """All elements; the markup is whole, or this raises."""
    return list(ET.fromstring(str(markup)).iter())  # noqa: S314  # our own words


def parts(markup, tag):
    return [one for one in elements(markup) if one.tag == tag]


def squares(**with_) -> Chart:
    return Chart(linear_scale([0, 10]), linear_scale([0, 10]), label="squares", height=100, **with_)


def test_a_line_runs_from_corner_to_corner_and_stops_where_a_value_is_missing():
    chart = squares()
    chart.line([0, 2, 4, 6, 8, 10], [0, 2, None, math.nan, 8, 10])
    (path,) = parts(chart.draw(), "path")
    assert path.get("d") == "M0.0 100.0L200.0 80.0M800.0 20.0L1000.0 0.0"


def test_what_is_left_out_is_said_to_all():
    chart = squares()
    chart.area([0, 1], [1, math.inf])
    chart.line([0, 1], [1, math.inf])
    chart.bars([0], [1], [None])
    drawn = chart.draw()
    assert "2 values that are no numbers" in parts(drawn, "svg")[0].get("aria-label")
    assert "2 values that are no numbers" in parts(drawn, "figcaption")[0].text
    assert "left out" not in squares().draw()


def test_a_point_alone_is_seen():
    chart = squares()
    chart.line([5], [5])
    assert parts(chart.draw(), "path")[0].get("d") == "M500.0 50.0h.1"


def test_bars_stand_on_their_base_and_hang_below_it():
    chart = Chart(linear_scale([0, 2]), linear_scale([-10, 10]), label="bars", height=100)
    chart.bars([0, 1], [1, 2], [10, -5], ["good", "bad"], titles=["ten", "minus five"])
    up, down = parts(chart.draw(), "rect")
    assert (up.get("x"), up.get("width"), up.get("y"), up.get("height")) == ("0%", "50%", "0", "50")
    assert (down.get("x"), down.get("y"), down.get("height")) == ("50%", "50", "25")
    assert up.find("title").text == "ten"


def test_points_have_bars_where_both_ends_are_known():
    chart = squares()
    chart.points([1, 2], [5, 5], lows=[4, None], highs=[6, 6], titles=["one", "two"])
    whole, bare = (one for one in parts(chart.draw(), "g") if one.get("class") == "point one")
    assert whole.find("line").get("y1") == "60" and bare.find("line") is None


def test_nothing_is_taken_for_markup():
    chart = Chart(band_scale([NASTY]), linear_scale([0, 1], unit=NASTY), label=NASTY)
    chart.bars([0], [1], [1], titles=[NASTY])
    chart.target(0.5, NASTY)
    chart.line([0], [0], name=NASTY)
    chart.tips([0], [NASTY])
    drawn = chart.draw(NASTY)
    assert "<script" not in drawn
    assert sum(NASTY in (one.text or "") for one in elements(drawn)) >= 5
    named = heat_map([NASTY], ["a"], {(NASTY, "a"): HeatCell(1, NASTY, NASTY)}, label=NASTY)
    assert "<script" not in named and parts(named, "svg")


@given(st.lists(st.one_of(st.none(), st.floats()), max_size=30))
def test_no_number_has_more_than_two_decimals(values):
    chart = Chart(linear_scale(range(len(values))), linear_scale(values), label="anything")
    chart.area(range(len(values)), values)
    chart.line(range(len(values)), values)
    chart.points(range(len(values)), values, lows=values, highs=values)
    chart.bars(range(len(values)), range(1, len(values) + 1), values)
    drawn = str(chart.draw())
    elements(drawn)
    assert "nan" not in drawn and not re.search(r'(x|y|width|height|cx|cy|d|[xy][12])="[^"]*\.\d{3}', drawn)


def test_a_hundred_thousand_points_are_thinned_and_keep_their_extremes():
    values = [math.sin(n / 3000) for n in range(100_000)]
    values[54_321], values[77_777] = 9, -9
    chart = Chart(linear_scale([0, 99_999]), linear_scale(values), label="many")
    chart.line(range(100_000), values)
    drawn = str(chart.draw())
    assert len(drawn) < 80_000
    kept = thin([(n * COLUMNS / 100_000, value) for n, value in enumerate(values)])
    assert len(kept) <= 4 * COLUMNS
    heights = [height for _, height in kept]
    assert min(heights) == -9 and max(heights) == 9 and heights[0] == values[0] and heights[-1] == values[-1]
    assert [at for at, _ in kept] == sorted(at for at, _ in kept)


def test_tips_cover_the_width_once_and_are_few():
    days = [date(2024, 1, 1) + timedelta(n) for n in range(900)]
    chart = Chart(time_scale(days), linear_scale([0, 1]), label="days")
    chart.tips(days, [str(day) for day in days])
    tips = parts(chart.draw(), "rect")
    assert 200 <= len(tips) <= 400
    assert abs(sum(float(one.get("width")[:-1]) for one in tips) - 100) < 2


def test_a_heat_map_shades_by_size_and_leaves_holes_empty():
    cells = {
        ("2026", "Jan"): HeatCell(100, "100", "January"),
        ("2026", "Feb"): HeatCell(-1, "-1"),
        ("2026", "Mar"): HeatCell(0, "0"),
        ("2026", "Apr"): HeatCell(math.nan, "NaN"),
    }
    drawn = heat_map(["2026"], ["Jan", "Feb", "Mar", "Apr", "May"], cells, label="months")
    assert [one.get("class") for one in parts(drawn, "rect")] == [
        "box heat good-4", "box heat bad-1", "box heat level-0", "box heat unknown",
    ]  # fmt: skip


def test_small_charts_say_what_they_show_and_bear_nothing():
    interval = small_interval(40, 50, 60, label="50 %, 40 to 60")
    assert parts(interval, "svg")[0].get("aria-label").startswith("50 %")
    assert parts(interval, "rect")[0].get("width") == "20%"
    assert not parts(small_interval(None, None, None, label="no trade"), "circle")
