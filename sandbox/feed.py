"""The market as one request sees it: with the fault in the data that is switched on for it, if any."""

import time
from collections.abc import Collection
from typing import Any

from fastapi import Request

from sandbox.coins import COINS, Coin
from sandbox.faults import OPEN_KINDS, ROW_KINDS, SYMBOL_KINDS
from sandbox.market import Candles, read_candles
from sandbox.service import state_of

POINT_KINDS = ("late", *SYMBOL_KINDS)  # what an answer without rows can suffer
DATA_KINDS = (*ROW_KINDS, *SYMBOL_KINDS, *OPEN_KINDS)


class Feed:
    """What a handler reads its candles from. Making one spends a fault of one of the `kinds`.

    `coin` is the one to answer about: another than was asked for under the fault `wrong_symbol`.
    `now` is the time up to which the market is known, in milliseconds: earlier under the fault `late`.
    """

    def __init__(
        self, request: Request, service: str, asked: Coin, kinds: Collection[str] = DATA_KINDS
    ) -> None:
        fault = state_of(request).faults.take(service, kinds, asked.symbol, request.url.path)
        self._kind = fault.kind if fault else None
        if fault:
            request.state.fault = fault.kind  # the middleware writes it into the request log
        self.coin = asked
        if self._kind == "wrong_symbol":
            self.coin = COINS["BTC" if asked.symbol == "ETH" else "ETH"]
        self.now = time.time_ns() // 1_000_000
        if fault and fault.kind == "late" and fault.seconds:
            self.now -= int(fault.seconds * 1000)

    def candles(self, minutes: int, start: int, end: int, *, with_open: bool = False) -> Candles:
        """Candles that open in [start, end) (milliseconds); see `market.read_candles`."""
        with_open = with_open or self._kind == "open_last_candle"
        return read_candles(self.coin, minutes, start, end, self.now, with_open=with_open)

    def rows(self, rows: list[Any]) -> list[Any]:
        """The rows of the answer (lists or objects), spoilt where a fault says so."""
        match self._kind:
            case "duplicate_rows":
                return [row for row in rows for _ in range(2)]
            case "unsorted_rows":
                return rows[1::2] + rows[0::2]
            case "no_rows":
                return []
            case "wrong_schema":
                return [_misshape(row) for row in rows]
        return rows


def _misshape(row: Any) -> Any:
    if isinstance(row, dict):
        return {f"new_{name}": value for name, value in row.items()}
    return row[:2]
