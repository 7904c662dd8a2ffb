"""BingX: the clock, and the perpetual swaps as far as ccxt trades them: `/bingx/openApi/swap/…`.

Errors come under status 200, with a `code` other than 0. Private requests are signed
(sandbox/bingx_requests.py has key and secret). The
account starts with 100,000 USDT; `/_exchange` (sandbox/exchange_control.py) moves the market's hand.
"""

import asyncio
import json
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from sandbox.bingx_answers import (
    show_contract,
    show_fill,
    show_fill_without_number,
    show_order,
    show_position,
    text,
)
from sandbox.bingx_requests import (
    NAME,
    SYMBOLS,
    Call,
    market_price,
    now_ms,
    read_number,
    read_order,
    read_signed,
    read_symbol,
    read_window,
)
from sandbox.faults import EXCHANGE_KINDS
from sandbox.service import Service, state_of
from sandbox.trading import Order, RefusedError

ORDERS_LIMIT, FILLS_LIMIT = 1_000, 1_000

router = APIRouter(prefix=f"/{NAME}/openApi/swap")


Signed = Annotated[Call, Depends(read_signed)]


@router.get("/v2/server/time")
async def show_time(request: Request) -> JSONResponse:
    """The exchange's clock, in milliseconds."""
    fault = state_of(request).faults.take(NAME, ("clock_skew", "maintenance"), None, request.url.path)
    if fault and fault.kind == "maintenance":
        raise RefusedError(100503, "Server is under maintenance")
    return _answer({"serverTime": now_ms() + (int((fault.seconds or 0) * 1000) if fault else 0)})


@router.get("/v2/quote/contracts")
async def list_contracts() -> JSONResponse:
    """The contracts that are traded."""
    return _answer(
        [show_contract(number, symbol, coin) for number, (symbol, coin) in enumerate(SYMBOLS.items(), 100)]
    )


@router.get("/v2/quote/price")
async def show_price(request: Request, symbol: str) -> JSONResponse:
    """The price of one contract."""
    if symbol not in SYMBOLS:
        raise RefusedError(109425, f"{symbol} not exist")
    now = now_ms()
    price = state_of(request).account.pinned.get(symbol) or market_price(symbol, now)
    return _answer({"symbol": symbol, "price": str(price), "time": now})


@router.get("/v3/user/balance")
async def show_balance(call: Signed) -> JSONResponse:
    """The money of the account."""
    account = call.account
    unrealised = sum(
        (one.size * (call.price_of(symbol) - one.entry) for (symbol, _), one in account.positions.items()),
        Decimal(0),
    )
    used = account.used_margin()
    balance = {
        "userId": "sandbox",
        "asset": "USDT",
        "balance": text(account.cash),
        "equity": text(account.cash + unrealised),
        "unrealizedProfit": text(unrealised),
        "realisedProfit": text(sum((one.realised for one in account.positions.values()), Decimal(0))),
        "availableMargin": text(account.cash - used),
        "usedMargin": text(used),
        "freezedMargin": "0.0000",
        "shortUid": "0",
    }
    return _answer(call.rows([balance]))


@router.get("/v2/user/positions")
async def list_positions(call: Signed) -> JSONResponse:
    """What is held; of one symbol if it is given."""
    only = call.params.get("symbol")
    held = [
        show_position(
            symbol, position_side, position, call.price_of(symbol), call.account.leverage.get(symbol, 1)
        )
        for (symbol, position_side), position in call.account.positions.items()
        if position.size and only in (None, symbol)
    ]
    return _answer(call.rows(held))


@router.post("/v2/trade/leverage")
async def set_leverage(call: Signed) -> JSONResponse:
    """Set the leverage of one symbol, for both sides."""
    symbol, leverage = read_symbol(call), int(read_number(call, "leverage"))
    if not 1 <= leverage <= 125:
        raise RefusedError(109400, "leverage must be from 1 to 125")
    call.account.leverage[symbol] = leverage
    return _answer({"leverage": leverage, "symbol": symbol})


@router.post("/v2/trade/order")
async def place_order(call: Signed) -> Response:
    """Accept an order, with what a fault does to it."""
    asked = read_order(call)
    fault = call.fault
    late = int((fault.seconds or 0) * 1000) if fault and fault.kind == "late_fill" else 0
    order = call.account.place(asked, call.now, call.price_of, reveal_after=late)
    if call.suffers("partial_then_cancel"):
        _cut_short(call, order)
    if call.suffers("duplicate_client_id"):
        raise RefusedError(101481, "clientOrderID already exists")
    if fault and fault.kind == "accepted_then_timeout":
        await asyncio.sleep(fault.seconds or 0)
        return HTMLResponse("<html><body><h1>504 Gateway Time-out</h1></body></html>", 504)
    legs = {
        "stopLoss" if leg["type"].startswith("STOP") else "takeProfit": json.dumps(
            {"stopPrice": float(leg["stop_price"]), "type": leg["type"], "quantity": float(leg["quantity"])}
        )
        for leg in order.attached
    }
    shown = {
        "orderId": order.id,
        "symbol": order.symbol,
        "positionSide": order.position_side,
        "side": order.side,
        "type": order.type,
        "price": float(order.price),
        "quantity": float(order.quantity),
        "stopPrice": float(order.stop_price),
        "workingType": "MARK_PRICE",
        "clientOrderID": order.client_id,
        "timeInForce": "GTC",
        "priceRate": 0,
        "stopLoss": "",
        "takeProfit": "",
        "reduceOnly": order.reduce_only,
        **legs,
    }
    return _answer({"order": shown})


@router.get("/v2/trade/order")
async def ask_order(call: Signed) -> JSONResponse:
    """One order, by its number or, within two hours, by its client id."""
    return _answer({"order": show_order(_find(call))})


@router.delete("/v2/trade/order")
async def cancel_order(call: Signed) -> JSONResponse:
    """Cancel one open order."""
    order = _find(call)
    call.account.end(order, "CANCELLED", call.now)
    return _answer({"order": show_order(order)})


@router.delete("/v2/trade/allOpenOrders")
async def cancel_orders(call: Signed) -> JSONResponse:
    """Cancel all open orders; those of one symbol if it is given."""
    only = call.params.get("symbol")
    cancelled = [one for one in call.account.open_orders.values() if only in (None, one.symbol)]
    for order in cancelled:
        call.account.end(order, "CANCELLED", call.now)
    return _answer({"success": [show_order(order) for order in cancelled], "failed": None})


@router.post("/v2/trade/cancelAllAfter")
async def set_dead_man_switch(call: Signed) -> JSONResponse:
    """Cancel everything in `timeOut` seconds unless it is renewed, or close the timer."""
    if call.params.get("type") == "CLOSE":
        call.account.dead_man_at = None
        return _answer({"triggerTime": 0, "status": "CLOSED", "note": ""})
    seconds = int(read_number(call, "timeOut"))
    if not 10 <= seconds <= 120:
        raise RefusedError(109400, "timeOut must be from 10 to 120 seconds")
    call.account.dead_man_at = call.now + seconds * 1000
    return _answer({"triggerTime": call.account.dead_man_at // 1000, "status": "ACTIVATED", "note": ""})


@router.get("/v2/trade/openOrders")
async def list_open_orders(call: Signed) -> JSONResponse:
    """All open orders; those of one symbol if it is given."""
    only = call.params.get("symbol")
    orders = [one for one in call.account.open_orders.values() if only in (None, one.symbol)]
    return _answer({"orders": call.rows(show_order(order) for order in orders)})


@router.get("/v2/trade/allOrders")
@router.get("/v1/trade/fullOrder")
async def list_orders(call: Signed) -> JSONResponse:
    """Orders made in a window of seven days at most: from `orderId` on, or the newest."""
    start, end = read_window(call, "startTime", "endTime")
    limit = min(int(call.params.get("limit") or 500), ORDERS_LIMIT)
    only, first = call.params.get("symbol"), int(call.params.get("orderId") or 0)
    found = [
        one
        for one in call.account.orders.values()
        if only in (None, one.symbol) and start <= one.created_at <= end and one.id >= first
    ]
    page = found[:limit] if first else found[-limit:]
    return _answer({"orders": call.rows(show_order(order) for order in page)})


@router.get("/v2/trade/fillHistory")
async def page_fills(call: Signed) -> JSONResponse:
    """The trades of a symbol in a window, by pages, oldest first."""
    start, end = read_window(call, "startTs", "endTs")
    fills = call.account.list_fills(read_symbol(call), start, end, call.now)
    size = min(int(call.params.get("pageSize") or 50), FILLS_LIMIT)
    first = (int(call.params.get("pageIndex") or 1) - 1) * size
    page = call.rows(show_fill(fill) for fill in fills[first : first + size])
    return _answer({"fill_history_orders": page, "total": len(fills)})


@router.get("/v2/trade/allFillOrders")
async def list_fills(call: Signed) -> JSONResponse:
    """The trades of a symbol in a window, at once."""
    start, end = read_window(call, "startTs", "endTs")
    fills = call.account.list_fills(read_symbol(call), start, end, call.now)
    return _answer({"fill_orders": call.rows(show_fill_without_number(fill) for fill in fills)})


def _cut_short(call: Call, order: Order) -> None:
    """Fill half of an order that rests, and cancel what is left of it."""
    half = (order.quantity / 2).quantize(Decimal(1).scaleb(-SYMBOLS[order.symbol].volume_decimals))
    if order.is_open and half:
        call.account.fill(order, half, order.price or order.stop_price, call.now)
    if order.is_open:
        call.account.end(order, "CANCELLED", call.now)


def _find(call: Call) -> Order:
    client_id = call.params.get("clientOrderID") or call.params.get("clientOrderId") or ""
    return call.account.find(call.params.get("orderId", ""), client_id, call.now)


def _answer(data: Any) -> JSONResponse:
    return JSONResponse({"code": 0, "msg": "", "data": data})


async def refuse(_request: Request, error: Exception) -> JSONResponse:
    """The exchange's no, under status 200: what the app does with a RefusedError."""
    if not isinstance(error, RefusedError):
        raise error
    return JSONResponse({"code": error.code, "msg": str(error), "data": {}})


def error_in_200(path: str) -> Response:
    """A busy server, as BingX tells it."""
    return JSONResponse({"code": 100500, "msg": "Internal system error (sandbox)", "data": {}})


def fail(path: str, status: int) -> Response:
    """BingX's answer with a failing status."""
    code = 100410 if status == 429 else 100000 + status
    return JSONResponse({"code": code, "msg": f"sandbox: status {status}", "data": {}}, status)


def _symbol_of(request: Request, body: bytes) -> str | None:
    coin = SYMBOLS.get(request.query_params.get("symbol", ""))
    return coin.symbol if coin else None


SERVICE = Service(
    NAME, router, kinds=tuple(EXCHANGE_KINDS), fail=fail, error_in_200=error_in_200, symbol_of=_symbol_of
)
