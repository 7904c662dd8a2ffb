"""Charts the size of a word, beside the figure that they show."""

from collections.abc import Sequence

from markupsafe import Markup

from include.web.charts.chart import Chart
from include.web.charts.scale import Scale, Value, linear_scale

HEIGHT = 28  # pixels


def small_line(
    values: Sequence[Value], *, label: str, include: Sequence[float] = (), css: str = "one"
) -> Markup:
    """Draw values at equal distances as a line without axes; missing ones interrupt it.

    `label` says in words what it shows: "12 runs, between 3 and 9 s".
    """
    chart = Chart(
        Scale(0, max(len(values) - 1, 1), ()),
        linear_scale(values, include=include),
        label=label,
        height=HEIGHT,
    )
    chart.line(range(len(values)), values, css)
    return chart.draw_bare("small")


def small_interval(
    low: Value, value: Value, high: Value, *, label: str, ends: tuple[float, float] = (0, 100)
) -> Markup:
    """Draw a value with the interval around it on a scale from end to end, with a mark in its middle.

    Nothing but the scale is drawn if one of the three is no number.
    """
    chart = Chart(Scale(*ends, ()), Scale(0, 1, ()), label=label, height=14)
    chart.add(Markup('<line class="grid" x1="0" x2="100%" y1="7" y2="7"/>'))
    chart.add(Markup('<line class="grid" x1="50%" x2="50%" y1="1" y2="13"/>'))
    if None not in (chart.x.share(low), chart.x.share(value), chart.x.share(high)):
        chart.boxes([low], [high], [0.28], [0.72], "interval")
        chart.points([value], [0.5])
    return chart.draw_bare("small interval")
