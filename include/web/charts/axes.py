"""The two axes of a chart: grid, names of the ticks, units."""

from markupsafe import Markup

from include.web.charts.scale import Scale

EDGE = 0.04  # a name this near to an end of the axis is set inwards


def draw_y_axis(scale: Scale, height: int) -> Markup:
    """Grid lines across the chart, each with its name at the left, and the unit above them."""
    lines = [
        Markup(
            '<line class="grid" x1="0" x2="100%" y1="{0}" y2="{0}"/>'
            '<text x="-6" y="{0}" dy=".32em" text-anchor="end">{1}</text>'
        ).format(short((1 - tick.share) * height), tick.text)
        for tick in scale.ticks
    ]
    if scale.unit:
        lines.append(Markup('<text x="-6" y="-12" text-anchor="end">{}</text>').format(scale.unit))
    return Markup("").join(lines)


def draw_x_axis(scale: Scale, height: int) -> Markup:
    """Ticks below the chart with their names, every second of which a narrow page hides; the unit below."""
    names = []
    for place, tick in enumerate(scale.ticks):
        anchor = "start" if tick.share < EDGE else "end" if tick.share > 1 - EDGE else "middle"
        names.append(
            Markup(
                '<line class="grid" x1="{0}%" x2="{0}%" y1="{1}" y2="{2}"/>'
                '<text class="{3}" x="{0}%" y="{4}" text-anchor="{5}">{6}</text>'
            ).format(
                short(tick.share * 100),
                height,
                height + 4,
                "second" if place % 2 else "first",
                height + 17,
                anchor,
                tick.text,
            )
        )
    if scale.unit:
        names.append(
            Markup('<text x="100%" y="{}" text-anchor="end">{}</text>').format(height + 32, scale.unit)
        )
    return Markup("").join(names)


def short(number: float) -> str:
    """A length with two decimals at most: `12.5`, `100`."""
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def title_of(text: str) -> Markup:
    """What a browser says where the pointer rests on a mark; nothing without a text."""
    return Markup("<title>{}</title>").format(text) if text else Markup("")
