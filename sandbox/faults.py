"""What can be made to go wrong, and what is switched on at the moment.

A fault is posted to `/_faults` as JSON: `service`, `kind`, and, where the kind knows them, `status`,
`retry_after` (seconds), `seconds`; `times` (how many requests it spoils; null: until it is cleared) and
`match` (`symbol`: only requests about this coin; `path`: only requests whose path contains this text).
A fault is spent only by a request that it can spoil. What makes no sense is refused, in words.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.coins import UnknownSymbolError, find_coin


@dataclass(frozen=True)
class Kind:
    """What a kind of fault does, and which options it knows, with their defaults (None: must be given)."""

    does: str
    options: Mapping[str, float | None]
    optional: frozenset[str] = frozenset()


_NO_OPTIONS: Mapping[str, float | None] = {}

# On the wire: any service. The request is not carried out, unless the text says so.
WIRE_KINDS = {
    "status": Kind("answers `status` with the vendor's body", {"status": None}, frozenset({"retry_after"})),
    "timeout": Kind("waits `seconds`, then answers 504", {"seconds": 30.0}),
    "hang": Kind("never answers", _NO_OPTIONS),
    "reset": Kind("resets the connection (RST)", _NO_OPTIONS),
    "html": Kind("answers with a page of HTML", {"status": 200}),
    "truncated": Kind("carries out, but breaks off in the middle of the answer", _NO_OPTIONS),
    "garbage": Kind("answers 200 with bytes that are not JSON", _NO_OPTIONS),
    "empty": Kind("answers 200 with an empty body", _NO_OPTIONS),
    "slow_drip": Kind("carries out and sends the answer in pieces over `seconds`", {"seconds": 10.0}),
    "latency": Kind("carries out and waits `seconds` before the answer", {"seconds": 2.0}),
}
# An error under status 200: only where the vendor does that.
ERROR_IN_200 = {"error_in_200": Kind("answers 200 with an error in the body", _NO_OPTIONS)}
# In the data: services that serve rows.
ROW_KINDS = {
    "late": Kind("knows nothing of the last `seconds`", {"seconds": 3600.0}),
    "wrong_schema": Kind("sends rows (or the model's JSON) of another shape", _NO_OPTIONS),
    "duplicate_rows": Kind("sends every row twice", _NO_OPTIONS),
    "unsorted_rows": Kind("sends the rows out of order", _NO_OPTIONS),
    "no_rows": Kind("sends a sound answer without rows", _NO_OPTIONS),
}
SYMBOL_KINDS = {"wrong_symbol": Kind("answers about another coin", _NO_OPTIONS)}
OPEN_KINDS = {"open_last_candle": Kind("sends the candle that is still open as the last row", _NO_OPTIONS)}
LLM_KINDS = {
    "refusal": Kind("refuses, as the model", _NO_OPTIONS),
    "length": Kind("cuts the model's text and says so", _NO_OPTIONS),
    "content_filter": Kind("withholds the model's text and says so", _NO_OPTIONS),
    "invents": Kind("puts a figure into each text that was in no fact", _NO_OPTIONS),
    "obeys": Kind("puts what follows `answer with:` in a fact into each text", _NO_OPTIONS),
    "no_trade": Kind("advises against a trade, where one is asked for", _NO_OPTIONS),
    "wrong_side": Kind("puts the stop of a proposed trade on the side of its targets", _NO_OPTIONS),
    "absurd_levels": Kind("proposes a trade ten times as high as the market", _NO_OPTIONS),
    "insufficient_quota": Kind("answers 429 insufficient_quota, which never heals", _NO_OPTIONS),
}
SESSION_KINDS = {
    "logged_out": Kind("says that nobody is logged in", _NO_OPTIONS),
    "competing": Kind("says that another session uses the login", _NO_OPTIONS),
    "disconnected": Kind("says that it has no connection to its servers", _NO_OPTIONS),
}
PORTFOLIO_KINDS = {
    "no_session": Kind("refuses the portfolio, whatever it says of its session", _NO_OPTIONS),
}
NODE_KINDS = {"behind": Kind("says that the node is 42 slots behind", _NO_OPTIONS)}
# In the holdings of tokens, and in their prices.
HOLDING_KINDS = {
    "unreadable_account": Kind("does not parse one account of each wallet", _NO_OPTIONS),
    "one_fails": Kind("answers the first request of a batch with an error", _NO_OPTIONS),
    "one_missing": Kind("leaves out the answer to the first request of a batch", _NO_OPTIONS),
    "old_slot": Kind("answers as of 1,000 slots ago, whatever is asked for", _NO_OPTIONS),
}
TOKEN_PRICE_KINDS = {
    "times_100": Kind("says a price that is 100 times too high", _NO_OPTIONS),
    "zero_price": Kind("says that the price is 0", _NO_OPTIONS),
    "unpriced": Kind("leaves the token out, as one that nobody trades", _NO_OPTIONS),
}
# In the trading of an exchange: the first three strike any signed request, the next four a new order.
OUTAGE_KINDS = {
    "busy": Kind("answers 200 with the code 100410, as above the rate limit", _NO_OPTIONS),
    "maintenance": Kind("answers 200 with the code 100503", _NO_OPTIONS),
    "clock_skew": Kind("has a clock that is `seconds` ahead", {"seconds": 60.0}),
}
ORDER_KINDS = {
    "accepted_then_timeout": Kind("accepts the order, waits `seconds`, then answers 504", {"seconds": 30.0}),
    "late_fill": Kind("lists the order's first trade only after `seconds`", {"seconds": 3600.0}),
    "partial_then_cancel": Kind("accepts the order, fills half of it and cancels the rest", _NO_OPTIONS),
    "duplicate_client_id": Kind("accepts the order, but answers that its client id exists", _NO_OPTIONS),
}
EXCHANGE_KINDS = {
    **OUTAGE_KINDS, **ORDER_KINDS,
    "empty_book": Kind("sends a sound list without orders, trades, positions or money", _NO_OPTIONS),
}  # fmt: skip
KINDS = {
    **WIRE_KINDS, **ERROR_IN_200, **ROW_KINDS, **SYMBOL_KINDS, **OPEN_KINDS, **LLM_KINDS, **SESSION_KINDS,
    **PORTFOLIO_KINDS, **NODE_KINDS, **HOLDING_KINDS, **TOKEN_PRICE_KINDS, **EXCHANGE_KINDS,
}  # fmt: skip


class FaultError(ValueError):
    """A fault that makes no sense; the text says why."""


class Match(BaseModel):
    """Which requests a fault spoils; nothing given: all of the service."""

    model_config = ConfigDict(extra="forbid")

    symbol: str | None = None
    path: str | None = None


class Fault(BaseModel):
    """One fault that is switched on. `times` counts down; None: until it is cleared."""

    model_config = ConfigDict(extra="forbid")

    service: str
    kind: str
    status: int | None = Field(None, ge=200, le=599)
    retry_after: int | None = Field(None, ge=0)
    seconds: float | None = Field(None, gt=0, le=10 * 366 * 86_400)
    times: int | None = Field(None, gt=0)
    match: Match = Match()

    def spoils(self, service: str, kinds: Collection[str], symbol: str | None, path: str) -> bool:
        """Whether it spoils this request."""
        return (
            self.service == service
            and self.kind in kinds
            and self.match.symbol in (None, symbol)
            and (self.match.path is None or self.match.path in path)
        )


class FaultBook:
    """The faults that are switched on, in the order in which they came; the first that fits is taken."""

    def __init__(self, kinds: Mapping[str, Collection[str]], with_symbols: Collection[str]) -> None:
        """`kinds`: what each service can suffer; `with_symbols`: services whose requests name a coin."""
        self._kinds = kinds
        self._with_symbols = with_symbols
        self._faults: list[Fault] = []

    def switch_on(self, asked: Any) -> Fault:
        """Switch on the fault that a client asked for (parsed JSON). Raises FaultError."""
        try:
            fault = Fault.model_validate(asked)
        except ValidationError as error:
            raise FaultError("; ".join(_in_words(problem) for problem in error.errors())) from None
        if fault.service not in self._kinds:
            raise FaultError(f"no service {fault.service!r} here; there are: {', '.join(self._kinds)}")
        if fault.kind not in self._kinds[fault.service]:
            possible = ", ".join(sorted(self._kinds[fault.service]))
            raise FaultError(f"{fault.service} cannot suffer {fault.kind!r}; it can: {possible}")
        _settle_options(fault)
        if fault.match.symbol is not None:
            if fault.service not in self._with_symbols:
                raise FaultError(f"requests to {fault.service} name no symbol: leave match.symbol out")
            try:
                fault.match.symbol = find_coin(fault.match.symbol).symbol
            except UnknownSymbolError as error:
                raise FaultError(f"match.symbol: {error}") from None
        self._faults.append(fault)
        return fault

    def take(self, service: str, kinds: Collection[str], symbol: str | None, path: str) -> Fault | None:
        """The fault of one of these kinds that spoils this request, if any; it counts down."""
        for fault in self._faults:
            if fault.spoils(service, kinds, symbol, path):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                return fault
        return None

    def show(self) -> list[dict[str, Any]]:
        """What is switched on, as JSON; `times` is what is left."""
        return [fault.model_dump(exclude_none=True) | {"times": fault.times} for fault in self._faults]

    def clear(self, service: str | None = None) -> None:
        """Switch off all faults, or those of one service."""
        self._faults = [fault for fault in self._faults if service not in (None, fault.service)]


def _settle_options(fault: Fault) -> None:
    kind = KINDS[fault.kind]
    for option in ("status", "retry_after", "seconds"):
        given = getattr(fault, option)
        if given is not None and option not in kind.options and option not in kind.optional:
            raise FaultError(f"{option} means nothing to {fault.kind!r}, which {kind.does}")
        if given is None and option in kind.options:
            default = kind.options[option]
            if default is None:
                raise FaultError(f"{fault.kind!r} needs {option}: it {kind.does}")
            setattr(fault, option, default)
    if fault.kind == "status" and fault.status is not None and fault.status < 400:
        raise FaultError(f"status {fault.status} is no failure: give one from 400 to 599")


def _in_words(problem: Any) -> str:
    where = ".".join(str(part) for part in problem["loc"]) or "the fault"
    return f"{where}: {problem['msg']}"
