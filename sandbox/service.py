"""What one imitation tells the rest of the sandbox about itself, and the state that they share."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from sandbox.coins import UnknownSymbolError, find_coin
from sandbox.faults import ERROR_IN_200, WIRE_KINDS, FaultBook
from sandbox.records import Log
from sandbox.tokens import TokenLedger
from sandbox.trading import Account


def fail_plainly(path: str, status: int) -> Response:
    """The body of a failure where no vendor has a form of its own."""
    return JSONResponse({"error": f"sandbox: status {status}, switched on by a fault"}, status)


@dataclass(frozen=True)
class Service:
    """One imitated API. It answers under `/<name>/`."""

    name: str
    router: APIRouter
    kinds: Collection[str] = ()  # faults it can suffer beyond those on the wire
    fail: Callable[[str, int], Response] = fail_plainly  # path, status -> the vendor's answer
    error_in_200: Callable[[str], Response | None] | None = None  # path -> answer, None: not at this path
    symbol_of: Callable[[Request, bytes], str | None] | None = None  # the coin that a request is about

    @property
    def all_kinds(self) -> tuple[str, ...]:
        """Every fault the service can suffer."""
        return (*WIRE_KINDS, *(ERROR_IN_200 if self.error_in_200 else ()), *self.kinds)


@dataclass
class State:
    """What changes while the sandbox runs."""

    faults: FaultBook
    requests: Log  # what was asked, whatever became of it
    received: Log  # messages that were accepted
    account: Account = field(default_factory=Account)  # at the exchange
    drill_account: Account = field(default_factory=Account)  # another one there, behind a key of its own

    def open_accounts(self) -> None:
        """Make both accounts anew. They see one market: a price that is pinned is so for both."""
        self.account = Account()
        self.drill_account = Account(pinned=self.account.pinned)

    tokens: TokenLedger = field(default_factory=TokenLedger)  # on Solana


def state_of(request: Request) -> State:
    """The state of the sandbox that got this request."""
    return cast("State", request.app.state.sandbox)


def symbol_or_none(spelling: Any) -> str | None:
    """The coin's symbol, or None where there is none."""
    try:
        return find_coin(str(spelling)).symbol
    except UnknownSymbolError:
        return None
