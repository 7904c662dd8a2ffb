"""Trends: the figures that matter most, against the period before and the mean of the four before it."""

from collections.abc import Sequence

from include.reports.figures import Figure, FigureColumn, ReportSection, Table
from include.reports.words import UNKNOWN, change_text, value_text

# The figures that are followed, by section.
FOLLOWED = {
    "health": ("uptime", "latency_p95", "incidents_critical"),
    "errors": ("errors", "error_rate"),
    "performance": ("generation_time_p95", "backtest_time_p95", "analysis_time_p95"),
    "business": ("settled", "success_rate", "net"),
    "cost": ("model_cost",),
    "capacity": ("database_size",),
}
NOTE = (
    "A change against the period before may be chance: with few trades a success rate moves by many points. "
    "The mean is that of the four periods before, and stands only where all four are known."
)


def summarise(sections: Sequence[ReportSection]) -> ReportSection:
    """Compare the followed figures of sections that were measured already."""
    rows = []
    for section in sections:
        figures = {figure.name: figure for figure in section.figures}
        rows += [_row(figures[name]) for name in FOLLOWED.get(section.name, ())]
    columns = (
        FigureColumn("Figure"),
        FigureColumn("This period"),
        FigureColumn("Before"),
        FigureColumn("Change"),
        FigureColumn("Mean of 4"),
        FigureColumn("To the mean"),
    )
    return ReportSection(
        "trends", "Trends", tables=[Table("trends", "Against former periods", columns, rows, NOTE)]
    )


def _row(figure: Figure) -> list[str]:
    unit = figure.unit
    return [
        figure.label,
        value_text(figure.value, unit) or UNKNOWN,
        value_text(figure.before, unit),
        change_text(figure.value, figure.before, unit),
        value_text(figure.mean, unit),
        change_text(figure.value, figure.mean, unit),
    ]
