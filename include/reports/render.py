"""A report as HTML and as text, for mail and for the storage.

The HTML is made for mail clients: tables, styles on the elements, at most 600 points wide, nothing loaded but
its pictures. Colours for dark clients stand in one style sheet, which the others pass over.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from include.reports.build import Report
from include.reports.charts import describe_charts
from include.reports.figures import Figure
from include.reports.words import (
    LONGEST_CELL,
    UNKNOWN,
    change_text,
    interval_text,
    row_texts,
    value_text,
    verdict,
)

TEMPLATES = Path(__file__).parent / "templates"
MAIL_LIMIT = 102_000  # bytes, beyond which Gmail cuts a mail
# Characters of a text in a table: names full of markup take five times as many bytes.
CELL_LENGTHS = (LONGEST_CELL, 40, 15)

# What stands at the top, by section.
HEADLINE = (
    ("business", "net"),
    ("business", "success_rate"),
    ("business", "settled"),
    ("errors", "errors"),
    ("health", "uptime"),
    ("cost", "model_cost"),
)
# Tables whose first column is the id of a trade, which has a page.
TRADE_TABLES = ("best_trades", "worst_trades")


class ReportTooLargeError(RuntimeError):
    """The HTML is larger than mail clients show."""


def render_html(report: Report, pictures: Mapping[str, str], *, desk_url: str) -> str:
    """Write the report as HTML.

    Args:
        report: the figures.
        pictures: where each chart's picture is, by its name: `cid:…` in a mail, a file's name in the storage.
        desk_url: the address of the desk, without a slash at its end.

    Raises:
        ReportTooLargeError: it would be cut.
    """
    for longest in CELL_LENGTHS:
        html = _render_html(report, pictures, desk_url, longest)
        if len(html.encode()) <= MAIL_LIMIT:
            return html
    raise ReportTooLargeError(f"the report takes {len(html.encode())} bytes of HTML, over {MAIL_LIMIT}")


def _render_html(report: Report, pictures: Mapping[str, str], desk_url: str, longest: int) -> str:
    described = describe_charts(report)
    return _template("report.html").render(
        report=report,
        headline=_headline(report),
        pictures={
            section.name: [
                (pictures[name], title, words)
                for name, (of, title, words) in described.items()
                if of == section.name and name in pictures
            ]
            for section in report.sections
        },
        desk_url=desk_url,
        page_url=page_url(report, desk_url),
        trade_tables=TRADE_TABLES,
        longest=longest,
    )


def render_text(report: Report, *, desk_url: str) -> str:
    """Write the report as text, for mail clients that show no HTML; it has all that the HTML has."""
    return _template("report.txt").render(
        report=report,
        headline=_headline(report),
        charts={
            section.name: [
                (title, words) for of, title, words in describe_charts(report).values() if of == section.name
            ]
            for section in report.sections
        },
        page_url=page_url(report, desk_url),
    )


def render_summary(report: Report) -> list[str]:
    """The figures at the top, a line each: `Net result: -12.00 USD (+3.1 %)`."""
    lines = []
    for figure in _headline(report):
        value = value_text(figure.value, figure.unit) or f"{UNKNOWN}: {figure.why}"
        further = [interval_text(figure), change_text(figure.value, figure.before, figure.unit)]
        said = "; ".join(part for part in further if part)
        lines.append(f"{figure.label}: {value}" + (f" ({said})" if said else ""))
    return lines


def page_url(report: Report, desk_url: str) -> str:
    """Where the report is in the desk."""
    return f"{desk_url}/reports/{report.key.id}"


def _headline(report: Report) -> list[Figure]:
    return [
        next(figure for figure in report.section(section).figures if figure.name == name)
        for section, name in HEADLINE
    ]


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "value_text": value_text,
        "change_text": change_text,
        "interval_text": interval_text,
        "row_texts": row_texts,
        "verdict": verdict,
        "unknown": UNKNOWN,
    }
    return environment.get_template(name)
