"""The page on monitoring: errors, durations against their limits, slowest operations, trades and feedback."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, cast

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from sqlalchemy import Engine
from starlette.responses import Response

from include.humanize import count_text, decimal_text, figure_text
from include.telemetry.exporters import CONTENT_TYPES, FORMATS, write_figures
from include.telemetry.monitoring import RANGES, TimeRange, count_ratings, read_monitoring
from include.trades.kpis import KpiHistory, read_kpi_history
from include.web.charts import Chart, band_scale, linear_scale
from include.web.rendering import render

# Means of the answer, their words, and how the KPI begins that has the limit.
DURATIONS = (
    ("averageGenerationTime", "Generation of a signal", "generation under "),
    ("averageBacktestTime", "Settling of a batch", "backtest under "),
    ("averageAnalysisTime", "Analysis by the model", "analysis under "),
    ("averageApiResponseTime", "Answer of a service", ""),
    ("averageDatabaseQueryTime", "Statement of the database", ""),
)
SEVERITY_COLOURS = {"critical": "bad", "high": "bad", "error": "bad", "warning": "thin", "medium": "thin"}


def monitoring(open_database: Callable[[], AbstractContextManager[Engine]]) -> APIRouter:
    """Make the routes `/monitoring` and `/monitoring/figures`, which gives what is shown as a file."""
    router = APIRouter()

    @router.get("/monitoring", response_class=HTMLResponse)
    def show_monitoring(request: Request) -> HTMLResponse:
        chosen = request.query_params.get("range", "24h")
        if chosen not in RANGES:
            raise HTTPException(422, f"the range is {chosen[:50]!r}: it is one of {', '.join(RANGES)}")
        time_range = cast("TimeRange", chosen)
        with open_database() as engine:
            kept = read_monitoring(engine, time_range, only_user=None)
            ratings, positive = count_ratings(engine, time_range)
            histories = read_kpi_history(engine)
        stats = json.loads(kept.body)
        return render(
            "monitoring.html",
            request,
            refused=None,
            ranges=list(RANGES),
            chosen=chosen,
            made_at=kept.made_at,
            stats=stats,
            by_type=_bars(stats["errors"]["byType"], "Errors by type", "errors"),
            by_severity=_bars(
                stats["errors"]["bySeverity"], "Errors by severity", "errors", SEVERITY_COLOURS
            ),
            by_feedback=_bars(stats["userFeedback"]["byType"], "Feedback by type", "answers"),
            durations=_durations(stats["performance"], histories),
            positive=figure_text(100 * positive / ratings, "%") if ratings else "–",
            ratings=count_text(ratings, "rating"),
            rating=decimal_text(_number(stats["userFeedback"]["averageRating"]), 1),
            success=_percent(stats["database"]["averageTradeSuccessRate"]),
            moment=_moment,
            milliseconds=_milliseconds,
            formats=FORMATS,
        )

    @router.get("/monitoring/figures")
    def give_figures(request: Request) -> Response:
        chosen, form = request.query_params.get("range", "24h"), request.query_params.get("format", "json")
        if chosen not in RANGES:
            raise HTTPException(422, f"the range is {chosen[:50]!r}: it is one of {', '.join(RANGES)}")
        known = next((one for one in FORMATS if one == form), None)
        if known is None:
            raise HTTPException(422, f"the format is {form[:50]!r}: it is one of {', '.join(FORMATS)}")
        with open_database() as engine:
            kept = read_monitoring(engine, cast("TimeRange", chosen), only_user=None)
        suffix = {"json": "json", "csv": "csv", "prometheus": "prom"}[known]
        return Response(
            write_figures(json.loads(kept.body), chosen, known),
            media_type=CONTENT_TYPES[known],
            headers={"Content-Disposition": f'attachment; filename="monitoring-{chosen}.{suffix}"'},
        )

    return router


def _bars(
    counts: Mapping[str, int], title: str, unit: str, colours: Mapping[str, str] | None = None
) -> Markup | None:
    """A bar for each name, most first; nothing where there is nothing."""
    named = [(name, count) for name, count in sorted(counts.items(), key=lambda one: -one[1]) if count]
    if not named:
        return None
    names = [name for name, _ in named]
    chart = Chart(
        linear_scale([0, *(count for _, count in named)], unit=unit, ticks=4, whole=True),
        band_scale(names, down=True),
        label=f"{title}: " + ", ".join(f"{name} {count}" for name, count in named),
        height=26 * len(named),
    )
    chart.boxes(
        [0] * len(named),
        [count for _, count in named],
        [place + 0.2 for place in range(len(named))],
        [place + 0.8 for place in range(len(named))],
        [(colours or {}).get(name, "one") for name in names],
        titles=[f"{name}: {count}" for name, count in named],
    )
    return Markup('<div class="named-bars">{}</div>').format(chart.draw())


def _durations(
    performance: Mapping[str, Any], histories: Sequence[KpiHistory]
) -> list[tuple[str, str, str, str, str]]:
    """Words, mean, limit, share within the limit today, and whether the mean keeps it."""
    rows = []
    for key, words, begin in DURATIONS:
        mean = _number(performance[key])
        kpi = next((one for one in histories if begin and one.kpi.startswith(begin)), None)
        limit = float(kpi.kpi.removeprefix(begin).split(" ")[0]) if kpi else None
        today = kpi.on(datetime.now(UTC).date()) if kpi else None
        within = "" if kpi is None else _percent(today.value if today else None)
        state = "" if limit is None or mean is None else "met" if mean < 1000 * limit else "critical"
        rows.append((words, _milliseconds(mean), figure_text(limit, "s") if limit else "none", within, state))
    return rows


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _percent(value: Any) -> str:
    return "–" if value is None else figure_text(float(value), "%")


def _milliseconds(value: Any) -> str:
    """`850 ms`, `12.3 s`."""
    if value is None:
        return "not measured"
    number = float(value)
    return figure_text(number / 1000, "s") if abs(number) >= 1000 else figure_text(number, "ms")


def _moment(text: str | None) -> str:
    """A time of the answer, to the second."""
    return "–" if text is None else text.replace("T", " ")[:19]
