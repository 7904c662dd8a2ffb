"""The controls of the imitated tokens: `POST /_token/price` (`price`) pins it, `/_token/balance` (`wallet`,
`amounts`: of its accounts, whole numbers of the smallest unit) says what a wallet holds, `/_token/program`
(`program`) changes the token program, `DELETE /_token` forgets all of it.
"""

from decimal import Decimal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from sandbox.service import state_of
from sandbox.tokens import TokenLedger

router = APIRouter(prefix="/_token")
DONE = {"status": "ok"}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TokenPrice(_Body):
    """A price that stands still from now on."""

    price: Decimal


class TokenHolding(_Body):
    """What a wallet holds from now on."""

    wallet: str
    amounts: list[int]


class TokenProgram(_Body):
    """The program that keeps the token's accounts."""

    program: str


@router.post("/price")
async def pin_price(request: Request, body: TokenPrice) -> JSONResponse:
    """Pin the price."""
    state_of(request).tokens.price = body.price
    return JSONResponse(DONE)


@router.post("/balance")
async def pin_balance(request: Request, body: TokenHolding) -> JSONResponse:
    """Pin what a wallet holds."""
    state_of(request).tokens.amounts[body.wallet] = body.amounts
    return JSONResponse(DONE)


@router.post("/program")
async def change_program(request: Request, body: TokenProgram) -> JSONResponse:
    """Change the token program."""
    state_of(request).tokens.program = body.program
    return JSONResponse(DONE)


@router.delete("")
async def forget(request: Request) -> JSONResponse:
    """Forget what was pinned."""
    state_of(request).tokens = TokenLedger()
    return JSONResponse(DONE)
