"""A heat map: a table of coloured cells, green above 0 and red below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from include.web.charts.axes import short
from include.web.charts.chart import Chart
from include.web.charts.scale import band_scale, number_of

LEVELS = 4  # of shade, on either side of 0
ROW = 26  # pixels
ROOMY = 6  # columns whose texts fit on a phone


@dataclass(frozen=True, slots=True)
class HeatCell:
    """A cell: its value, the text in it (a few letters), and what is said where the pointer rests."""

    value: float | None
    text: str = ""
    title: str = ""


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Mapping[tuple[str, str], HeatCell],
    *,
    label: str,
    caption: str = "",
) -> Markup:
    """Draw a cell for each row and column that `cells` knows; the others stay empty.

    The deepest shade is that of the largest value, either side of 0 alike.
    """
    chart = Chart(
        band_scale(columns),
        band_scale(rows, down=True, most=len(rows) or 1),
        label=label,
        height=max(len(rows), 1) * ROW,
    )
    numbers = [number for cell in cells.values() if (number := number_of(cell.value)) is not None]
    largest = max(map(abs, numbers), default=0)
    for down, row in enumerate(rows):
        for across, column in enumerate(columns):
            if (cell := cells.get((row, column))) is None:
                continue
            css = shade(number_of(cell.value), largest)
            chart.boxes([across], [across + 1], [down], [down + 1], f"heat {css}", titles=[cell.title])
            if cell.text and (middle := chart.place(across + 0.5, down + 0.5)):
                chart.add(
                    Markup(
                        '<text class="cell" x="{}%" y="{}" dy=".32em" text-anchor="middle">{}</text>'
                    ).format(short(middle[0]), short(middle[1]), cell.text)
                )
    if len(columns) <= ROOMY or not any(cell.text for cell in cells.values()):
        return Markup('<div class="heat-map">{}</div>').format(chart.draw(caption))
    return Markup(  # on a narrow page it is moved sideways, also by keys
        '<div class="heat-map lettered" tabindex="0" role="region" aria-label="{}">{}</div>'
    ).format(label, chart.draw(caption))


def shade(value: float | None, largest: float) -> str:
    """The class of a cell's colour: `good-3`, `bad-1`, `level-0`, `unknown`: no number."""
    if value is None:
        return "unknown"
    if value == 0 or largest == 0:
        return "level-0"
    level = min(LEVELS, 1 + int(abs(value) / largest * LEVELS * (1 - 1e-9)))
    return f"{'good' if value > 0 else 'bad'}-{level}"
