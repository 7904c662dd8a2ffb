"""The page on backups: what there is, verified when, what failed, drills, what retention drops next."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from sqlalchemy import Engine, Row
from starlette.concurrency import run_in_threadpool

from include.backups import BackupError, RetentionRules
from include.backups.catalogue import this_installation
from include.backups.manifest import Kind
from include.backups.overview import (
    BackupState,
    StoreLook,
    look_at_store,
    plan_retention,
    read_drills,
    read_loss,
    read_page,
    read_restores,
    read_sums,
)
from include.humanize import duration_text, size_text
from include.settings.reader import SettingsError
from include.storage import Storage, StorageError
from include.web.charts import Chart, linear_scale, time_scale
from include.web.cursors import ForeignCursorError, place_cursor, read_place
from include.web.host import DeskHost
from include.web.rendering import render
from include.web.shared_look import SharedLook

ROWS = 50  # of a page of the list
KINDS: tuple[Kind, ...] = ("database", "full", "configuration", "logs")  # the most important first
STORE_SECONDS = 0.8  # for which a page waits for the store
STORE_KEPT = 30.0  # seconds for which a look into it answers whoever asks
STATES = {"kept": "there", "bad": "failed, lost or bad", "gone": "deleted", "any": "any"}
LATE = StoreLook(trouble="it has not answered yet; it goes on being asked, so open the page again in a while")


def backups(
    open_database: Callable[[], AbstractContextManager[Engine]],
    host: DeskHost,
    *,
    store_seconds: float = STORE_SECONDS,
) -> APIRouter:
    """Make the route `/backups`; `?kind=&state=` choose, `?before=` is where a page begins."""
    router = APIRouter()

    def look() -> StoreLook:
        try:
            storage = _open(host)
        except (StorageError, SettingsError) as error:
            return StoreLook(trouble=str(error))
        if storage is None:
            return StoreLook(trouble="there is no connection object_store")
        return look_at_store(storage)

    shared = SharedLook(look, late=LATE, seconds=store_seconds, kept=STORE_KEPT)

    def read(kind: str | None, state: BackupState, before: tuple[datetime, str] | None) -> dict[str, Any]:
        settings, now = host.settings(), datetime.now(UTC)
        location = _location(host)
        with open_database() as engine:
            try:
                this_installation(engine)
                unknown = ""
            except BackupError as error:
                unknown = str(error)
            with engine.connect() as connection:
                rules = RetentionRules.of(settings)
                plan = plan_retention(connection, location, rules, now) if location and not unknown else None
                rows = read_page(connection, kind=kind, state=state, before=before, rows=ROWS + 1)
                drills, loss = read_drills(connection), read_loss(connection)
                return {
                    "settings": settings,
                    "location": location,
                    "unknown": unknown,
                    "plan": plan,
                    "rules": rules,
                    "rows": rows[:ROWS],
                    "next": place_cursor(_order(kind, state), rows[ROWS - 1].started_at, rows[ROWS - 1].id)
                    if len(rows) > ROWS
                    else None,
                    "sums": read_sums(connection),
                    "drills": drills[::-1],
                    "drill_chart": draw_drills(drills),
                    "loss_chart": draw_loss(loss),
                    "restores": read_restores(connection),
                }

    @router.get("/backups", response_class=HTMLResponse)
    async def show_backups(
        request: Request, kind: str = "", state: str = "kept", before: str = ""
    ) -> HTMLResponse:
        wrong, place = "", None
        if kind not in ("", *KINDS):
            wrong = f"kind is none of {', '.join(KINDS)}"
        elif state not in STATES:
            wrong = f"state is none of {', '.join(STATES)}"
        elif before:
            try:
                moment, (name,) = read_place(before, _order(kind, state))
                place = moment, name
            except ForeignCursorError:
                wrong = "before is no place of this list: begin at its first page"
        if wrong:
            kind, state = "", "kept"
        # What is in the database first: the store may be slow, or away.
        found = await run_in_threadpool(read, kind or None, state, place)  # type: ignore[arg-type]
        store = await shared() if found["location"] else None
        chosen = {"kind": kind, "state": state}
        return await run_in_threadpool(
            lambda: render(
                "backups.html",
                request,
                status=422 if wrong else 200,
                wrong=wrong,
                store=store,
                kinds=KINDS,
                states=STATES,
                chosen=chosen,
                older=f"?{urlencode(chosen | {'before': found['next']})}" if found["next"] else None,
                first=f"?{urlencode(chosen)}" if before else None,
                **found,
            )
        )

    return router


def _open(host: DeskHost) -> Storage | None:
    location = host.settings().backup_location
    return host.storage(location) if location else None


def _location(host: DeskHost) -> str:
    """The location as the catalogue writes it; nothing: there is none, or it cannot be used."""
    try:
        storage = _open(host)
    except StorageError:
        return ""
    return storage.location if storage else ""


def _order(kind: str | None, state: str) -> str:
    return f"backups {kind or ''} {state}"


def draw_drills(drills: Sequence[Row[Any]]) -> Markup | None:
    """Draw how long the restores of the drills took, failed drills as points at the bottom; None: too few."""
    good = [drill for drill in drills if drill.success and drill.restore_seconds is not None]
    failed = [drill for drill in drills if not drill.success]
    if len(drills) < 2:
        return None
    longest = max((float(drill.restore_seconds) for drill in good), default=0.0)
    divisor, unit = (60, "min") if longest >= 180 else (1, "s")
    newest = duration_text(float(good[-1].restore_seconds)) if good else "none"
    chart = Chart(
        time_scale([drill.started_at for drill in drills]),
        linear_scale([float(drill.restore_seconds) / divisor for drill in good], include=[0], unit=unit),
        label=f"Recovery time of {len(good)} drills: the newest {newest}, the longest "
        f"{duration_text(longest)}; {len(failed)} failed.",
        height=140,
    )
    times, values = [one.started_at for one in good], [float(one.restore_seconds) / divisor for one in good]
    chart.line(times, values, name="recovery time")
    chart.points(
        times,
        values,
        titles=[
            f"{one.started_at:%Y-%m-%d %H:%M}: {duration_text(float(one.restore_seconds))}, "
            f"{size_text(one.bytes or 0)}"
            for one in good
        ],
    )
    if failed:
        titles = [f"{one.started_at:%Y-%m-%d %H:%M}: failed" for one in failed]
        chart.points(
            [one.started_at for one in failed], [0] * len(failed), "bad", titles=titles, name="failed"
        )
    return chart.draw()


def draw_loss(loss: Sequence[Row[Any]]) -> Markup | None:
    """Draw the time between backups of the database, which a loss would have cost; None: too few."""
    if len(loss) < 2:
        return None
    hours = [float(one.hours) for one in loss]
    divisor, unit = (24, "days") if max(hours) > 72 else (1, "h")
    chart = Chart(
        time_scale([one.started_at for one in loss]),
        linear_scale([hour / divisor for hour in hours], include=[0], unit=unit),
        label=f"Time between {len(loss) + 1} backups of the database: at most "
        f"{duration_text(max(hours) * 3600)}, lately {duration_text(hours[-1] * 3600)}.",
        height=140,
    )
    times = [one.started_at for one in loss]
    chart.line(times, [hour / divisor for hour in hours], "two", name="lost at most")
    chart.tips(
        times,
        [f"{at:%Y-%m-%d %H:%M}: {duration_text(hour * 3600)}" for at, hour in zip(times, hours, strict=True)],
    )
    return chart.draw()
