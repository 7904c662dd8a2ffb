"""What a report holds: sections of figures and tables, and series for the charts; to JSON and back.

A figure that is not known is None and says why. Times in JSON are ISO 8601 in UTC.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, Literal

FORMAT = 1  # of the JSON; another number where a reader must look twice

Unit = Literal["count", "USD", "%", "s", "ms", "bytes", "ratio", "text"]
Value = float | int | str | None
# A trade's number may be of any size; what no double holds is no figure.
NO_NUMBER = "a row that it is made of holds no number (NaN or infinity)"


@dataclass(frozen=True)
class Figure:
    """One number of the period, and what it is compared with.

    Attributes:
        name: how programs find it.
        label: how people read it.
        unit: of `value`, `before`, `mean`, `low` and `high`.
        value: of the period; None: not known, and `why` says why.
        before: of the period before; None: not known or not compared.
        mean: of the four periods before; None unless all four are known.
        low: the lower end of the 95 % interval.
        high: its upper end.
        why: why it is not known, or what it does not cover.
        good: whether more is better (`up`) or worse (`down`); empty: neither.
    """

    name: str
    label: str
    unit: Unit
    value: Value
    before: Value = None
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    why: str = ""
    good: Literal["up", "down", ""] = ""


@dataclass(frozen=True)
class FigureColumn:
    """A column of a table."""

    title: str
    unit: Unit = "text"


@dataclass(frozen=True)
class Table:
    """Rows that say more than one number; `note` says what it leaves out, or why it is empty."""

    name: str
    title: str
    columns: Sequence[FigureColumn]
    rows: Sequence[Sequence[Value]]
    note: str = ""


@dataclass(frozen=True)
class ReportSection:
    """One subject of a report."""

    name: str
    title: str
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    # For the charts: a list of points, by name of the chart.
    series: Mapping[str, Sequence[Mapping[str, Value]]] = field(default_factory=dict)


def number(value: Decimal | float | int | None) -> float | int | None:
    """A number as JSON holds it; None for NaN, infinity, and what no double holds."""
    if value is None or isinstance(value, int):
        return value
    found = float(value)
    return found if math.isfinite(found) else None


def compare(
    name: str,
    label: str,
    unit: Unit,
    values: Sequence[Any],
    *,
    why: str = "",
    good: Literal["up", "down", ""] = "",
    low: float | None = None,
    high: float | None = None,
    unknown_before: Sequence[bool] = (),
) -> Figure:
    """Make a figure of the values of the period and the four before it, the newest first.

    `why` stands where the value is None. `unknown_before[i]` says that nothing is known of a whole period,
    though its value may look like one: a count of rows that are deleted by now.
    """
    read = [number(value) for value in values]
    for place, unknown in enumerate(unknown_before):
        if unknown and place:
            read[place] = None
    if read[0] is None and values[0] is not None:
        why = NO_NUMBER
    former = [value for value in read[1:] if value is not None]
    return Figure(
        name,
        label,
        unit,
        read[0],
        before=read[1] if len(read) > 1 else None,
        mean=sum(former) / len(former) if former and len(former) == len(read) - 1 else None,
        low=low,
        high=high,
        why=why if read[0] is None else "",
        good=good,
    )


def left_out_note(left: int, what: str) -> str:
    """Say how many rows a table leaves out: `3 more symbols are left out.`; empty for none."""
    return f"{left} more {what} are left out." if left > 0 else ""


def to_json(section: ReportSection) -> dict[str, Any]:
    """A section as JSON has it."""
    return asdict(section)


def from_json(read: Mapping[str, Any]) -> ReportSection:
    """A section from what `to_json` made."""
    return ReportSection(
        read["name"],
        read["title"],
        [Figure(**one) for one in read["figures"]],
        [
            Table(**one | {"columns": [FigureColumn(**column) for column in one["columns"]]})
            for one in read["tables"]
        ],
        read["notes"],
        read["series"],
    )
