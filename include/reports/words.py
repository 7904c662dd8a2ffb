"""Figures of a report as people read them."""

from collections.abc import Sequence

from include.humanize import duration_text, money_text, size_text
from include.reports.figures import Figure, FigureColumn, Unit, Value

LONGEST_CELL = 90  # characters of a text in a table
UNKNOWN = "not known"


def value_text(value: Value, unit: Unit) -> str:
    """A value with its unit: `44.0 %`, `1,234.50 USD`, `2.1 MiB`, `3 min 20 s`; empty for None."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_CELL else value[: LONGEST_CELL - 1] + "…"
    match unit:
        case "USD":
            return money_text(value)
        case "%":
            return f"{value:.1f} %"
        case "s":
            return duration_text(value)
        case "ms":
            return f"{value:.0f} ms" if value < 1000 else duration_text(value / 1000)
        case "bytes":
            return size_text(value)
        case "ratio":
            return f"{value:.2f}"
    return f"{value:,d}" if isinstance(value, int) else f"{value:,.1f}".removesuffix(".0")


def interval_text(figure: Figure) -> str:
    """The 95 % interval of a figure; empty where it has none."""
    if figure.low is None or figure.high is None:
        return ""
    return f"95 % interval {value_text(figure.low, figure.unit)} to {value_text(figure.high, figure.unit)}"


def change_text(value: Value, former: Value, unit: Unit) -> str:
    """How a value differs from a former one: `+12.5 %`, `-1.4 points` of a share; empty: nobody knows."""
    if not isinstance(value, int | float) or not isinstance(former, int | float):
        return ""
    if value == former:
        return "as before"
    if unit == "%":
        return f"{value - former:+.1f} points"
    if former == 0:
        return f"from {value_text(former, unit)}"
    return f"{100 * (value - former) / abs(former):+.1f} %"


def verdict(figure: Figure) -> str:
    """`better`, `worse`, or empty where there is no good direction, no comparison, no change."""
    value, before = figure.value, figure.before
    if not figure.good or not isinstance(value, int | float) or not isinstance(before, int | float):
        return ""
    if value == before:
        return ""
    return "better" if (value > before) == (figure.good == "up") else "worse"


def row_texts(columns: Sequence[FigureColumn], row: Sequence[Value]) -> list[str]:
    """The cells of a row."""
    return [value_text(value, column.unit) for column, value in zip(columns, row, strict=True)]
