"""Charts in pages: SVG drawn on the server, from numbers to markup that a template shows as it is.

    from include.web.charts import Chart, linear_scale, time_scale

    chart = Chart(
        time_scale(days),
        linear_scale(sizes, include=[0], unit="GiB"),
        label=f"The tables grew from {sizes[0]} to {sizes[-1]} GiB",
    )
    chart.area(days, sizes)
    chart.line(days, sizes)
    chart.tips(days, [f"{day}: {size} GiB" for day, size in zip(days, sizes)])
    markup = chart.draw()          # {{ markup }} in the template

Two scales, a chart, and marks on it, each in the units of the scales: `line`, `area`, `bars`, `boxes`,
`points`, `target`. A value that is no ordinary number (None, NaN, infinite) is left out, and the caption says
how many.
Colours are classes of `include/web/templates/charts.css`: one, two, three, four; good, bad, thin, soft.
A chart is as wide as its place; its height is in pixels. Beside it stands what it shows, as figures or as a
table.
"""

from include.web.charts.chart import Chart
from include.web.charts.heat_map import HeatCell, heat_map, shade
from include.web.charts.scale import Scale, Tick, band_scale, linear_scale
from include.web.charts.small import small_interval
from include.web.charts.times import time_scale

__all__ = [
    "Chart",
    "HeatCell",
    "Scale",
    "Tick",
    "band_scale",
    "heat_map",
    "linear_scale",
    "shade",
    "small_interval",
    "time_scale",
]
