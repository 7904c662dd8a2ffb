"""What a request to BingX asks for: signed as the exchange wants it, with its parameters read.

Each of them may suffer one fault of the trading; what is refused raises RefusedError.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from sandbox.coins import COINS
from sandbox.faults import ORDER_KINDS, OUTAGE_KINDS, Fault
from sandbox.market import read_price
from sandbox.service import state_of
from sandbox.trading import TYPES, Account, RefusedError

NAME = "bingx"
KEY, SECRET = "sandbox-key", "sandbox-secret"
DRILL_KEY, DRILL_SECRET = "sandbox-drill-key", "sandbox-drill-secret"  # of the second account
RECEIVE_WINDOW_MS = 5_000
LONGEST_WINDOW_MS = 7 * 86_400_000  # of a question about past orders
SYMBOLS = {f"{coin.symbol}-USDT": coin for coin in COINS.values()}
LISTS = ("/balance", "/positions", "Orders", "/fullOrder", "/fillHistory")  # how their paths end


@dataclass(frozen=True)
class Call:
    """One signed request: what it asks for, by the exchange's clock, and the fault in the data it suffers."""

    request: Request
    account: Account
    params: dict[str, str]
    now: int
    fault: Fault | None

    def price_of(self, symbol: str) -> Decimal:
        """The price of a symbol now: pinned by a control, or the synthetic market's."""
        return self.account.pinned.get(symbol) or market_price(symbol, self.now)

    def suffers(self, kind: str) -> bool:
        """Whether this request suffers that fault."""
        return self.fault is not None and self.fault.kind == kind

    def rows(self, rows: Iterable[Any]) -> list[Any]:
        """The rows of an answer: none under the fault `empty_book`."""
        return [] if self.suffers("empty_book") else list(rows)


def read_signed(request: Request) -> Call:
    """Check key, stamp and signature as the exchange does. Raises RefusedError."""
    state = state_of(request)
    params = dict(parse_qsl(request.url.query, keep_blank_values=True))
    coin = SYMBOLS.get(params.get("symbol", ""))
    path = request.url.path
    special = ["empty_book"] if request.method == "GET" and path.endswith(LISTS) else []
    if request.method == "POST" and path.endswith("/trade/order"):
        special = list(ORDER_KINDS)
    fault = state.faults.take(NAME, (*OUTAGE_KINDS, *special), coin.symbol if coin else None, path)
    now = now_ms()
    if fault:
        request.state.fault = fault.kind  # the middleware writes it into the request log
        if fault.kind == "clock_skew":
            now += int((fault.seconds or 0) * 1000)
        if fault.kind == "busy":
            raise RefusedError(100410, "The current system is busy, please try again later")
        if fault.kind == "maintenance":
            raise RefusedError(100503, "Server is under maintenance")
    _check_signature(request, params, now)
    drills = request.headers["x-bx-apikey"] == DRILL_KEY
    call = Call(request, state.drill_account if drills else state.account, params, now, fault)
    call.account.advance(now, call.price_of)
    return call


def read_symbol(call: Call) -> str:
    """The contract that is asked about."""
    symbol = call.params.get("symbol", "")
    if symbol not in SYMBOLS:
        raise RefusedError(109425, f"{symbol} not exist, please verify it")
    return symbol


def read_number(call: Call, name: str) -> Decimal:
    """A number, not negative."""
    try:
        number = Decimal(call.params.get(name, ""))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0:
        raise RefusedError(109400, f"Invalid parameters, err:{name}: This field must be a number")
    return number


def read_window(call: Call, first: str, last: str) -> tuple[int, int]:
    """From when to when, in milliseconds: seven days at most, the last seven if nothing is said."""
    end = int(call.params.get(last) or call.now)
    start = int(call.params.get(first) or end - LONGEST_WINDOW_MS)
    if end - start > LONGEST_WINDOW_MS:
        raise RefusedError(80014, "the query range is more than seven days")
    return start, end


def market_price(symbol: str, now: int) -> Decimal:
    """The price of the synthetic market."""
    coin = SYMBOLS[symbol]
    return Decimal(f"{read_price(coin, now):.{coin.price_decimals}f}")


def now_ms() -> int:
    """The clock, in milliseconds."""
    return time.time_ns() // 1_000_000


def _check_signature(request: Request, params: dict[str, str], now: int) -> None:
    secret = {KEY: SECRET, DRILL_KEY: DRILL_SECRET}.get(request.headers.get("x-bx-apikey", ""))
    if secret is None:
        raise RefusedError(100413, "Incorrect apiKey")
    given = params.pop("signature", "")
    text = "&".join(f"{name}={params[name]}" for name in sorted(params))
    if not hmac.compare_digest(given, hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()):
        raise RefusedError(100001, "Signature verification failed")
    stamp = params.get("timestamp", "")
    if not stamp.isdecimal() or abs(now - int(stamp)) > RECEIVE_WINDOW_MS:
        raise RefusedError(100421, "Null timestamp or timestamp mismatch")


def read_order(call: Call) -> dict[str, Any]:
    """The fields of the order that is asked for."""
    symbol, side, kind = read_symbol(call), call.params.get("side", ""), call.params.get("type", "")
    client_id = call.params.get("clientOrderID", "")
    if side not in ("BUY", "SELL") or kind not in TYPES or len(client_id) > 40:
        raise RefusedError(109400, f"Invalid parameters: {side!r}, {kind!r}, {client_id!r}")
    quantity, coin = read_number(call, "quantity"), SYMBOLS[symbol]
    if quantity % Decimal(1).scaleb(-coin.volume_decimals) or quantity <= 0:
        raise RefusedError(101400, f"The minimum order amount is 1e-{coin.volume_decimals} {coin.symbol}.")
    price = read_number(call, "price") if kind in ("LIMIT", "TRIGGER_LIMIT") else Decimal(0)
    stop_price = read_number(call, "stopPrice") if kind not in ("LIMIT", "MARKET") else Decimal(0)
    attached = [json.loads(call.params[leg]) for leg in ("stopLoss", "takeProfit") if call.params.get(leg)]
    return {
        "client_id": client_id,
        "symbol": symbol,
        "side": side,
        "position_side": call.params.get("positionSide", "BOTH"),
        "type": kind,
        "quantity": quantity,
        "price": price,
        "stop_price": stop_price,
        "reduce_only": call.params.get("reduceOnly", "").lower() == "true",
        "attached": tuple(
            {
                "type": leg["type"],
                "stop_price": Decimal(str(leg["stopPrice"])),
                "quantity": Decimal(str(leg.get("quantity", quantity))),
            }
            for leg in attached
        ),
    }
