"""Charts the size of a word, beside the figure that they show."""

from markupsafe import Markup

from include.web.charts.chart import Chart
from include.web.charts.scale import Scale, Value


def small_interval(low: Value, value: Value, high: Value, *, label: str) -> Markup:
    """Draw a value with the interval around it on a scale from 0 to 100, with a mark in its middle.

    Nothing but the scale is drawn if one of the three is no number.
    """
    chart = Chart(Scale(0, 100, ()), Scale(0, 1, ()), label=label, height=14)
    chart.add(Markup('<line class="grid" x1="0" x2="100%" y1="7" y2="7"/>'))
    chart.add(Markup('<line class="grid" x1="50%" x2="50%" y1="1" y2="13"/>'))
    if None not in (chart.x.share(low), chart.x.share(value), chart.x.share(high)):
        chart.boxes([low], [high], [0.28], [0.72], "interval")
        chart.points([value], [0.5])
    return chart.draw_bare("small interval")
