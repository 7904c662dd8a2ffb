"""A trade's page: its facts, who changed it, from what to what, and feedback, with a form to give some."""

import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, get_args
from urllib.parse import quote
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import Engine

from include.database import sql
from include.strange_times import StrangeTime
from include.telemetry.feedback import MAX_COMMENT, FeedbackError, UnknownTradeError, store_feedback
from include.telemetry.records import FeedbackType
from include.trades.changes import MAX_CHANGES, TradeChange, read_changes
from include.web.forms import read_form, render_form
from include.web.host import Person
from include.web.rendering import render

MAX_FEEDBACK = 50  # of a trade that are shown

# What stands under each heading: the word for it, the column, and its unit.
FACTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Proposal": (
        ("User", "user_id", ""),
        ("Timeframe", "timeframe", ""),
        ("Entry", "entry_price", "USD"),
        ("Stop", "stop_loss", "USD"),
        ("Target 1", "take_profit_1", "USD"),
        ("Target 2", "take_profit_2", "USD"),
        ("Target 3", "take_profit_3", "USD"),
        ("Confidence", "confidence_score", "of 100"),
        ("Model", "ai_model", ""),
        ("Proposed", "generated_at", ""),
        ("Expires", "expires_at", ""),
    ),
    "Result": (
        ("Settled", "completed_at", ""),
        ("Reason", "status_reason", ""),
        ("Entered", "entry_at", ""),
        ("Fill", "actual_entry_price", "USD"),
        ("Exit", "exit_at", ""),
        ("Exit price", "actual_exit_price", "USD"),
        ("Gross", "gross_profit_loss", "USD"),
        ("Fees", "fees_paid", "USD"),
        ("Slippage", "slippage_cost", "USD"),
        ("Net", "net_profit_loss", "USD"),
        ("Net of the position", "profit_loss_percentage", "%"),
        ("Candles", "data_source", ""),
        ("Resolution", "data_resolution", ""),
        ("Data quality", "data_quality_score", "of 100"),
        ("Unseen candles", "unseen_candles", ""),
    ),
}
TEXTS = (("Reasoning", "ai_reasoning"), ("Analysis", "ai_analysis"))


def trade(
    open_database: Callable[[], AbstractContextManager[Engine]],
    find_person: Callable[[Request], Awaitable[Person | None]],
) -> APIRouter:
    """Make the routes `/trades/<id>` and `/trades/<id>/feedback`."""
    router = APIRouter()

    def show(request: Request, trade: UUID, status: int = 200, **said: Any) -> HTMLResponse:
        with open_database() as engine, engine.connect() as connection:
            found = connection.execute(sql("web/show_trade"), {"trade": trade}).mappings().one_or_none()
            changes = read_changes(connection, trade, MAX_CHANGES + 1)
            feedback = connection.execute(
                sql("web/show_trade_feedback"), {"trade": trade, "limit": MAX_FEEDBACK}
            ).all()
        if found is None and not changes:
            return render("trade.html", request, status=404, trade=None, id=trade, changes=[])
        return render_form(
            "trade.html",
            request,
            status=status if found else 404,
            id=trade,
            trade=found,
            facts=_facts(found) if found else {},
            texts=[(word, found[column]) for word, column in TEXTS if found[column]] if found else [],
            changes=[_shown(change) for change in changes[:MAX_CHANGES]],
            more=len(changes) > MAX_CHANGES,
            feedback=feedback,
            kinds=get_args(FeedbackType),
            feedback_id=uuid4(),
            longest=MAX_COMMENT,
            moment=moment_text,
            **({"thanks": False, "refused": None, "form": {}} | said),
        )

    @router.get("/trades/{trade}", response_class=HTMLResponse)
    def show_trade(request: Request, trade: UUID, thanks: bool = False) -> HTMLResponse:
        return show(request, trade, thanks=thanks)

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


def _facts(trade: Any) -> dict[str, list[tuple[str, str]]]:
    """The facts that are known, by heading: a word and a value with its unit."""
    return {
        heading: [
            (word, f"{value_text(trade[column])} {unit}".strip())
            for word, column, unit in listed
            if trade[column] is not None
        ]
        for heading, listed in FACTS.items()
    }


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


def value_text(value: Any) -> str:
    """A value as people read it; nothing is `none`."""
    if value is None:
        return "none"
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, Decimal) and value.is_finite():
        return f"{round(value, 8):f}".rstrip("0").rstrip(".") if value % 1 else f"{value:f}".split(".")[0]
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def moment_text(moment: datetime) -> str:
    """A time to the second, in UTC; one of no calendar as PostgreSQL writes it."""
    return moment.text if isinstance(moment, StrangeTime) else moment.strftime("%Y-%m-%d %H:%M:%S")


def tone_of(amount: Decimal | None) -> str:
    """The class of a sum of money: gained, lost, or neither."""
    if amount is None or not amount.is_finite() or amount == 0:
        return ""
    return "met" if amount > 0 else "critical"
