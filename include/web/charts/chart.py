"""A chart: a frame with two axes, and the marks that are drawn in it."""

from collections.abc import Iterable, Sequence
from itertools import pairwise, repeat

from markupsafe import Markup

from include.humanize import count_text
from include.web.charts.axes import draw_x_axis, draw_y_axis, short, title_of
from include.web.charts.line import COLUMNS, path_of, thin
from include.web.charts.scale import Scale, Value

MOST_TIPS = 400  # more than that are narrower than a pointer


class Chart:
    """A frame of two scales, to which marks are added, each over those before it; `draw` gives the markup.

    `label` says in words what the chart shows, for those who do not see it. `height` is in pixels, without
    the axis' names. `css` names a colour: one, two, three, four; good, bad, thin, soft.
    """

    def __init__(self, x: Scale, y: Scale, *, label: str, height: int = 200) -> None:
        self.x, self.y, self.label, self.height = x, y, label, height
        self._marks: list[Markup] = []
        self._names: list[tuple[str, str]] = []
        self._left_out = 0

    def place(self, x: Value, y: Value) -> tuple[float, float] | None:
        """Where a point lies: percent of the width, pixels from the top; None if it cannot be drawn."""
        across, up = self.x.share(x), self.y.share(y)
        if across is None or up is None:
            return None
        return across * 100, (1 - up) * self.height

    def add(self, mark: Markup) -> None:
        """Add a mark of your own: x in percent, y in pixels, as `place` gives them."""
        self._marks.append(mark)

    def line(self, xs: Iterable[Value], ys: Iterable[Value], css: str = "one", *, name: str = "") -> None:
        """Join points by a line, in the order of `xs`, which rise; a missing value interrupts it.

        `name` stands in the caption beside the line's colour.
        """
        runs = self._runs(xs, ys)
        drawn = "".join(path_of(run) for run in runs)
        self._stretched(Markup('<path class="line {}" d="{}"/>').format(css, drawn))
        if name:
            self._names.append((css, name))

    def area(self, xs: Iterable[Value], ys: Iterable[Value], css: str = "one") -> None:
        """Fill what lies between the points and 0, as `line` joins them. It counts none as left out."""
        before, bottom = self._left_out, self._down(0)
        runs = self._runs(xs, ys)
        self._left_out = before  # the line over it counts them
        drawn = "".join(path_of([(run[0][0], bottom), *run, (run[-1][0], bottom)]) + "Z" for run in runs)
        self._stretched(Markup('<path class="area {}" d="{}"/>').format(css, drawn))

    def bars(
        self,
        lefts: Sequence[Value],
        rights: Sequence[Value],
        ys: Sequence[Value],
        css: str | Iterable[str] = "one",
        *,
        titles: Iterable[str] = repeat(""),
    ) -> None:
        """Stand a bar on 0 for each value, from left to right on the x axis: a day, a bin."""
        self.boxes(lefts, rights, [0] * len(ys), ys, css, titles=titles)

    def boxes(
        self,
        lefts: Iterable[Value],
        rights: Iterable[Value],
        bottoms: Iterable[Value],
        tops: Iterable[Value],
        css: str | Iterable[str] = "one",
        *,
        titles: Iterable[str] = repeat(""),
        name: str = "",
    ) -> None:
        """Draw a rectangle for each; one that has no height is a line of a pixel.

        `name` stands in the caption beside the colour, where they have one.
        """
        if name and isinstance(css, str):
            self._names.append((css, name))
        colours = repeat(css) if isinstance(css, str) else css
        for left, right, bottom, top, colour, title in zip(
            lefts, rights, bottoms, tops, colours, titles, strict=False
        ):
            one, other = self.place(left, bottom), self.place(right, top)
            if one is None or other is None:
                self._left_out += 1
                continue
            (x, width), (y, height) = _from_to(one[0], other[0]), _from_to(one[1], other[1])
            self._marks.append(
                Markup('<rect class="box {}" x="{}%" y="{}" width="{}%" height="{}">{}</rect>').format(
                    colour, short(x), short(y), short(width), short(max(height, 1)), title_of(title)
                )
            )

    def points(
        self,
        xs: Iterable[Value],
        ys: Iterable[Value],
        css: str = "one",
        *,
        lows: Iterable[Value] = repeat(None),
        highs: Iterable[Value] = repeat(None),
        titles: Iterable[str] = repeat(""),
        name: str = "",
    ) -> None:
        """Draw a point for each value, with an upright bar from `lows` to `highs` where both are given."""
        for x, y, low, high, title in zip(xs, ys, lows, highs, titles, strict=False):
            here, below, above = self.place(x, y), self.place(x, low), self.place(x, high)
            if here is None:
                self._left_out += 1
                continue
            bar = Markup("")
            if below and above:
                bar = Markup('<line x1="{0}%" x2="{0}%" y1="{1}" y2="{2}"/>').format(
                    short(here[0]), short(below[1]), short(above[1])
                )
            self._marks.append(
                Markup('<g class="point {}">{}{}<circle cx="{}%" cy="{}" r="3.5"/></g>').format(
                    css, title_of(title), bar, short(here[0]), short(here[1])
                )
            )
        if name:
            self._names.append((css, name))

    def target(self, value: Value, text: str, css: str = "soft") -> None:
        """Draw a dashed line across the chart at a value of the y axis, with a word at its end."""
        down = self._down(value)
        self._marks.append(
            Markup(
                '<line class="target {0}" x1="0" x2="100%" y1="{1}" y2="{1}"/>'
                '<text class="word" x="100%" y="{1}" dy="-.35em" text-anchor="end">{2}</text>'
            ).format(css, short(down), text)
        )

    def tips(self, xs: Sequence[Value], texts: Sequence[str]) -> None:
        """Say `texts` where a pointer rests: each value of `xs`, which rise, has the strip around it.

        Of more than 400 values, every second, third, … has one.
        """
        every = -(-len(xs) // MOST_TIPS) or 1
        shown = zip(xs[::every], texts[::every], strict=True)
        known = [(share * 100, text) for x, text in shown if (share := self.x.share(x)) is not None]
        middles = [(one[0] + other[0]) / 2 for one, other in pairwise(known)]
        for (_, text), left, right in zip(known, [0.0, *middles], [*middles, 100.0], strict=True):
            self._marks.append(
                Markup('<rect class="tip" x="{}%" y="0" width="{}%" height="{}">{}</rect>').format(
                    short(left), short(max(right - left, 0)), self.height, title_of(text)
                )
            )

    def draw(self, caption: str = "") -> Markup:
        """The chart as a `<figure>`: below it `caption`, the lines' names, what was left out."""
        keys = [Markup('<span class="key {}">{}</span>').format(css, name) for css, name in self._names]
        below = Markup(" ").join(part for part in (*keys, caption, self._said()) if part)
        axes = draw_y_axis(self.y, self.height), draw_x_axis(self.x, self.height)
        return Markup('<figure class="chart">{}{}</figure>').format(
            self._svg("plot two-lines" if self.x.unit else "plot", axes[0], *self._marks, axes[1]),
            Markup("<figcaption>{}</figcaption>").format(below) if below else "",
        )

    def draw_bare(self, css: str = "") -> Markup:
        """The marks alone, without axes and words: a chart that stands in a line of text or in a table."""
        return self._svg(f"plot bare {css}".strip(), *self._marks)

    def _svg(self, css: str, *parts: Markup) -> Markup:
        return Markup('<svg class="{}" width="100%" height="{}" role="img" aria-label="{}">{}</svg>').format(
            css, self.height, f"{self.label} {self._said()}".strip(), Markup("").join(parts)
        )

    def _said(self) -> str:
        if not self._left_out:
            return ""
        one, many = "value that is no number is left out.", "values that are no numbers are left out."
        return count_text(self._left_out, one, many)

    def _down(self, value: Value) -> float:
        """Pixels from the top; what cannot be drawn lies at the bottom."""
        share = self.y.share(value)
        return self.height if share is None else (1 - share) * self.height

    def _runs(self, xs: Iterable[Value], ys: Iterable[Value]) -> list[list[tuple[float, float]]]:
        """Points between missing values, thinned to what can be seen: x of 1,000 columns, y in pixels."""
        runs: list[list[tuple[float, float]]] = [[]]
        for x, y in zip(xs, ys, strict=True):
            if (placed := self.place(x, y)) is not None:
                runs[-1].append((placed[0] * COLUMNS / 100, placed[1]))
                continue
            self._left_out += 1
            if runs[-1]:
                runs.append([])
        return [thin(run) for run in runs if run]

    def _stretched(self, path: Markup) -> None:
        """A path knows no percent: it lies in a frame of its own that is stretched to the chart's width."""
        self._marks.append(
            Markup(
                '<svg viewBox="0 0 {} {}" preserveAspectRatio="none" width="100%" height="{}">{}</svg>'
            ).format(COLUMNS, self.height, self.height, path)
        )


def _from_to(one: float, other: float) -> tuple[float, float]:
    """Where it begins, and how long it is."""
    return min(one, other), abs(one - other)
