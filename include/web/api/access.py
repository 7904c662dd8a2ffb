"""Token access: what is required, and whether a wallet's user has access."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import AfterValidator, Field
from starlette.responses import Response

from include.access.overview import HAS_ACCESS, read_requirement_now, read_wallet
from include.json_rows import Number
from include.settings import check_solana_key
from include.web.api.caller import CallerDep, EngineDep, SettingsDep
from include.web.api.encoding import JsonAnswer
from include.web.api.errors import ApiError, refusals
from include.web.api.parameters import AnswerShape, ExactDep

router = APIRouter(tags=["access"])
NOW_ONLY = {"Cache-Control": "no-store"}  # somebody waits for the change

WalletParameter = Annotated[str, Path(description="in base58"), AfterValidator(check_solana_key)]


class RequirementAnswer(AnswerShape):
    """What is required; null is unknown."""

    success: bool
    requirement: int | None = Field(description="whole tokens; null: none was ever known")
    frozen: bool | None = Field(
        description="whether the last look believed no price, so that nothing changed"
    )
    reason: str | None
    valid_from: datetime | None = Field(description="the last decision")
    changed_at: datetime | None = Field(description="the last one that changed the requirement")
    average_price: Number | None = Field(description="US dollars, of the window that ended with the decision")
    price: Number | None = Field(description="US dollars, the newest that was believed")
    priced_at: datetime | None
    target_usd: Number
    grace_seconds: float


class WalletAnswer(AnswerShape):
    """Whether the wallet's user has access; null is unknown."""

    success: bool
    wallet: str
    user_id: UUID
    state: Literal["full", "grace", "none", "unknown"]
    has_access: bool | None
    since: datetime | None
    grace_ends_at: datetime | None
    reason: str
    balance: Number | None = Field(description="tokens in this wallet, as last read; a user may have several")
    checked_at: datetime | None = Field(description="when that was last so")
    requirement: int | None


@router.get("/requirement", response_model=RequirementAnswer, summary="How many tokens are required")
def show_requirement(
    caller: CallerDep, engine: EngineDep, settings: SettingsDep, exact: ExactDep = False
) -> Response:
    """The requirement now. It is of nobody: every caller sees it."""
    with engine.connect() as connection:
        found = read_requirement_now(connection)
    answer = {
        "requirement": _whole(found.requirement),
        "frozen": None if found.outcome is None else found.outcome == "frozen",
        "reason": found.reason,
        "validFrom": found.valid_from,
        "changedAt": found.changed_at,
        "averagePrice": found.average_price,
        "price": found.price,
        "pricedAt": found.priced_at,
        "targetUsd": settings.access_target_usd,
        "graceSeconds": settings.access_grace.total_seconds(),
    }
    return JsonAnswer(answer, headers=NOW_ONLY, exact=exact)


@router.get(
    "/check/{wallet}",
    response_model=WalletAnswer,
    responses=refusals(404),
    summary="Whether a wallet gives access",
)
def check_wallet(
    wallet: WalletParameter, caller: CallerDep, engine: EngineDep, exact: ExactDep = False
) -> Response:
    """The state of the wallet's user, as last judged; nothing is asked of the chain."""
    with engine.connect() as connection:
        found = read_wallet(connection, wallet, only_user=caller.only_user)
        required = read_requirement_now(connection).requirement
    if found is None:
        raise ApiError(404, "There is no such wallet, or it is another user's.")
    answer = {
        "wallet": found.wallet,
        "userId": found.user_id,
        "state": found.state,
        "hasAccess": HAS_ACCESS[found.state],
        "since": found.since,
        "graceEndsAt": found.grace_ends_at,
        "reason": found.reason,
        "balance": found.balance,
        "checkedAt": found.checked_at,
        "requirement": _whole(required),
    }
    return JsonAnswer(answer, headers=NOW_ONLY, exact=exact)


def _whole(requirement: Decimal | None) -> int | None:
    return None if requirement is None else int(requirement)
