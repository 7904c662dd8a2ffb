"""The controls of the imitated exchange: what the market, the clock or another hand does, beyond any fault.

`GET /_exchange` counts, `GET /_exchange/book` shows all orders and trades, `DELETE /_exchange` opens a fresh
account. The others take JSON, numbers as strings: `POST /_exchange/price` (`symbol`, `price`) pins a price;
`/fill` (`order`, `quantity`, `price`) fills an open order; `/end` (`order`, `status`) ends one; `/deposit`
(`amount`) moves money; `/reveal` lists late trades now; `/pass` (`seconds`) lets so much of a
dead man's switch run out. `order` is its number or its client id.
"""

import time
from dataclasses import replace
from decimal import Decimal
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from sandbox.service import state_of
from sandbox.trading import Account, Order, RefusedError

router = APIRouter(prefix="/_exchange")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PriceToPin(_Body):
    """A price that stands still from now on."""

    symbol: str
    price: Decimal


class FillToMake(_Body):
    """A trade of an open order."""

    order: str
    quantity: Decimal
    price: Decimal


class OrderToEnd(_Body):
    """An end of an open order that is no trade."""

    order: str
    status: Literal["CANCELLED", "EXPIRED", "REJECTED", "FAILED"]


class Deposit(_Body):
    """Money that comes or, negative, goes."""

    amount: Decimal


class TimeToPass(_Body):
    """Seconds that go by at once."""

    seconds: Decimal


@router.get("")
async def count(request: Request) -> JSONResponse:
    """How much the exchange knows: orders, open ones, trades, cash."""
    return _count(state_of(request).account)


@router.get("/book")
async def show_book(request: Request) -> JSONResponse:
    """Every order, with how often its client id was handed over, and every trade, listed or not."""
    account = state_of(request).account
    orders = [
        {
            "id": str(one.id),
            "client_id": one.client_id,
            "status": one.status,
            "filled": str(one.filled),
            "attempts": account.attempts[one.client_id],
        }
        for one in account.orders.values()
    ]
    fills = [
        {
            "id": str(one.id),
            "order": str(one.order.id),
            "quantity": str(one.quantity),
            "price": str(one.price),
        }
        for of_symbol in account.fills.values()
        for one in of_symbol
    ]
    return JSONResponse({"orders": orders, "fills": fills})


@router.delete("")
async def open_fresh_account(request: Request) -> JSONResponse:
    """Forget every order, trade and position, also of the second account."""
    state_of(request).open_accounts()
    return await count(request)


@router.post("/price")
async def pin_price(request: Request, body: PriceToPin) -> JSONResponse:
    """Pin the price of a symbol like BTC-USDT."""
    account = state_of(request).account
    account.pinned[body.symbol] = body.price
    return _count(account)


@router.post("/fill")
async def fill_order(request: Request, body: FillToMake) -> JSONResponse:
    """Fill an open order, partly or whole, whatever the price is."""
    account = state_of(request).account
    account.fill(_find(account, body.order), body.quantity, body.price, _now())
    return _count(account)


@router.post("/end")
async def end_order(request: Request, body: OrderToEnd) -> JSONResponse:
    """End an open order: it is cancelled by hand, expires, or is refused late."""
    account = state_of(request).account
    account.end(_find(account, body.order), body.status, _now())
    return _count(account)


@router.post("/deposit")
async def deposit(request: Request, body: Deposit) -> JSONResponse:
    """Move money in or out."""
    account = state_of(request).account
    account.cash += body.amount
    return _count(account)


@router.post("/pass")
async def pass_time(request: Request, body: TimeToPass) -> JSONResponse:
    """Let time pass for the dead man's switch of both accounts."""
    state = state_of(request)
    for account in (state.account, state.drill_account):
        if account.dead_man_at is not None:
            account.dead_man_at -= int(body.seconds * 1000)
    return _count(state.account)


@router.post("/reveal")
async def reveal(request: Request) -> JSONResponse:
    """List the trades that were held back by the fault `late_fill`."""
    account = state_of(request).account
    for fills in account.fills.values():
        fills[:] = [replace(one, visible_at=one.at) for one in fills]
    return _count(account)


def _find(account: Account, name: str) -> Order:
    order = account.by_client_id.get(name) or (account.orders.get(int(name)) if name.isdecimal() else None)
    if order is None:
        raise RefusedError(109421, f"no order {name}")
    return order


def _count(account: Account) -> JSONResponse:
    return JSONResponse(
        {
            "orders": len(account.orders),
            "open_orders": len(account.open_orders),
            "fills": sum(map(len, account.fills.values())),
            "cash": str(account.cash),
        }
    )


def _now() -> int:
    return time.time_ns() // 1_000_000
