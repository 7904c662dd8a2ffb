"""A trade's page: its picture, its numbers, why it waits, who changed it, and feedback by a form."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Annotated, Any, get_args
from urllib.parse import quote
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import Engine

from include.database import sql
from include.humanize import figure_text, money_text, price_text
from include.settings import SANDBOX
from include.telemetry.feedback import MAX_COMMENT, FeedbackError, UnknownTradeError, store_feedback
from include.telemetry.records import FeedbackType
from include.trades.changes import TradeChange, read_changes
from include.trades.steps import settlement_steps
from include.trades.story import TradeStory, read_story
from include.trades.waiting import waiting_text
from include.web.forms import read_form, render_form
from include.web.host import Person
from include.web.pages.trade_chart import draw_trade, stretch_text
from include.web.pages.trade_facts import moment_text, read_facts, tone_of, value_text
from include.web.rendering import render

MAX_FEEDBACK = 50  # of a trade that are shown

CHANGES_SHOWN = 50  # of the trail on a page
TEXTS = (("Reasoning", "ai_reasoning"), ("Analysis", "ai_analysis"))


def trade(
    open_database: Callable[[], AbstractContextManager[Engine]],
    find_person: Callable[[Request], Awaitable[Person | None]],
) -> APIRouter:
    """Make the routes `/trades/<id>` and `/trades/<id>/feedback`."""
    router = APIRouter()

    def show(
        request: Request,
        trade: UUID,
        status: int = 200,
        *,
        bucket: str | None = None,
        whole: bool = False,
        before: int | None = None,
        **said: Any,
    ) -> HTMLResponse:
        with open_database() as engine, engine.connect() as connection:
            story = read_story(connection, trade, bucket=bucket, whole=whole)
            changes = read_changes(connection, trade, CHANGES_SHOWN + 1, before=before)
            feedback = connection.execute(
                sql("web/show_trade_feedback"), {"trade": trade, "limit": MAX_FEEDBACK}
            ).all()
        if story is None and not changes:
            return render("trade.html", request, status=404, story=None, id=trade, changes=[])
        found = story.trade if story else None
        return render_form(
            "trade.html",
            request,
            status=status if story else 404,
            id=trade,
            story=story,
            trade=found,
            facts=read_facts(found) if found else {},
            texts=[(word, found[column]) for word, column in TEXTS if found[column]] if found else [],
            analysed_by=_analysed_by(found) if found else "",
            picture=draw_trade(story.trade, story.picture) if story and story.picture else None,
            steps=settlement_steps(found) if found else None,
            distances=_distances(story) if story else [],
            waits=_waits(story) if story else None,
            stretch=stretch_text,
            sandbox=_is_sandbox(story) if story else False,
            changes=[_shown(change) for change in changes[:CHANGES_SHOWN]],
            older=changes[CHANGES_SHOWN - 1].id if len(changes) > CHANGES_SHOWN else None,
            before=before,
            whole=whole,
            feedback=feedback,
            kinds=get_args(FeedbackType),
            feedback_id=uuid4(),
            longest=MAX_COMMENT,
            moment=moment_text,
            tone=tone_of,
            price=price_text,
            money=money_text,
            share=lambda percent: figure_text(float(percent), "%"),
            **({"thanks": False, "refused": None, "form": {}} | said),
        )

    @router.get("/trades/{trade}", response_class=HTMLResponse)
    def show_trade(
        request: Request,
        trade: UUID,
        thanks: bool = False,
        zoom: Annotated[str | None, Query(max_length=3)] = None,
        whole: bool = False,
        before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    ) -> HTMLResponse:
        return show(request, trade, bucket=zoom, whole=whole, before=before, thanks=thanks)

    @router.post("/trades/{trade}/feedback", response_class=HTMLResponse)
    def take_feedback(
        request: Request,
        trade: UUID,
        person: Annotated[Person | None, Depends(find_person)],
        form: Annotated[dict[str, str], Depends(read_form)],
    ) -> Response:
        if person is None:
            raise HTTPException(403, "feedback is for people who are logged in to Airflow")
        try:
            rating = _rating(form.get("rating", ""))
            if rating is None and not form.get("comment", "").strip():
                raise FeedbackError("give a rating or a comment")
            with open_database() as engine:
                store_feedback(
                    engine,
                    None,  # a person in Airflow is no user of the platform
                    form.get("feedback_type", ""),  # type: ignore[arg-type]  # it is checked there
                    rating=rating,
                    comment=form.get("comment"),
                    trade_signal_id=trade,
                    metadata={"person": person.name, "source": "page"},
                    only_user=None,
                    id=_feedback_id(form.get("feedback_id", "")),
                )
        except UnknownTradeError:
            return show(request, trade, 404)
        except FeedbackError as error:
            return show(request, trade, 422, refused=str(error), form=form)
        return RedirectResponse(f"{request.scope['root_path']}/trades/{trade}?thanks=true#feedback", 303)

    return router


def _analysed_by(found: Mapping[str, Any]) -> str:
    """Which model wrote the analysis, in words; empty: there is none, or it does not say."""
    detail = found["ai_analysis_detail"]
    if not found["ai_analysis"] or not isinstance(detail, dict) or not detail.get("model"):
        return ""
    return f"By {detail['model']}" + (", the second model." if detail.get("choice") == "second" else ".")


def _rating(text: str) -> int | None:
    if not text:
        return None
    if text not in ("1", "2", "3", "4", "5"):
        raise FeedbackError("a rating is a whole number from 1 to 5")
    return int(text)


def _feedback_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise FeedbackError("the form is not one of this page: open the page anew") from None


def _is_sandbox(story: TradeStory) -> bool:
    """Whether prices that the sandbox invented stand behind what is shown."""
    drawn = {one.source for one in story.picture.candles} if story.picture else set()
    named = {story.trade["data_source"], story.trade["indicators_data_source"], *drawn}
    return any(SANDBOX in (name or "") for name in named)


def _distances(story: TradeStory) -> list[tuple[str, str, str]]:
    """How far the newest price of a running trade is from its levels: name, level, distance in percent."""
    running = story.trade["status"] == "active" and not story.work.is_waiting
    if not running or story.picture is None or not story.picture.candles:
        return []
    last = story.picture.candles[-1].close
    names = {"Entry": "entry_price", "Stop": "stop_loss"}
    names |= {f"Target {number}": f"take_profit_{number}" for number in (1, 2, 3)}
    return [
        (name, price_text(level), f"{100 * (float(level) / float(last) - 1):+.2f} %")
        for name, column in names.items()
        if (level := story.trade[column]).is_finite() and abs(level) < Decimal("1e15")
    ]


def _waits(story: TradeStory) -> str | None:
    """Why a due trade is not settled; None: it is, or it is not due."""
    work = story.work
    if not work.is_waiting:
        return None
    return waiting_text(
        work.reason or story.trade["status_reason"],
        work.claim_id if work.is_held else None,
        work.lease_expires_at,
        work.next_attempt_at,
    )


def _shown(
    change: TradeChange,
) -> tuple[TradeChange, str, str | None, list[tuple[str, str | None, str | None]]]:
    """A change, who made it, where its run is shown, and what differs."""
    return change, _actor_text(change), _run_path(change), _differences(change)


def _actor_text(change: TradeChange) -> str:
    kinds = {"task": "task", "person": "", "key": "API key", "role": "database role"}
    return f"{kinds[change.actor_kind]} {change.actor}".strip()


def _run_path(change: TradeChange) -> str | None:
    """Where Airflow shows the run that made the change."""
    if change.actor_kind != "task" or not change.run_id:
        return None
    dag = change.actor.split(".", 1)[0]
    return f"/dags/{quote(dag, safe='')}/runs/{quote(change.run_id, safe='')}"


def _differences(change: TradeChange) -> list[tuple[str, str | None, str | None]]:
    """Column, value before and value after, as far as they are kept; None: there is no such side."""
    before, after = change.before or {}, change.after or {}
    return [
        (
            name,
            value_text(before[name]) if name in before else None,
            value_text(after[name]) if name in after else None,
        )
        for name in sorted(before.keys() | after.keys())
    ]
