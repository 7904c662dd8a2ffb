"""Cancelling what is open at the exchange, when trading is frozen: entries alone, or all with the exits."""

from dataclasses import dataclass
from datetime import timedelta

from include.exchange.bingx import BingX
from include.exchange.venue import ExchangeRefusedError

# BingX takes 10 to 120 seconds. It is renewed before we cancel, and closed when nothing is open any more: if
# we die in between, the exchange cancels the rest by itself.
DEAD_MAN_DELAY = timedelta(seconds=60)


class StillOpenError(RuntimeError):
    """Orders that were to be cancelled are still open at the exchange; the message says how many."""


@dataclass(frozen=True)
class CancelReport:
    """What was done: orders found, refused (closed meanwhile), and left open on purpose."""

    found: int
    refused: int
    left: int
    dead_man: bool

    @property
    def words(self) -> str:
        """One sentence on it, for the log and the page of the run."""
        said = f"{self.found} open orders were to be cancelled, {self.refused} of them had closed meanwhile"
        kept = f"; {self.left} exits stay open" if self.left else ""
        switch = (
            "the dead man's switch was renewed, and closed when nothing was open"
            if self.dead_man
            else "the dead man's switch was left alone, for it would cancel the exits too"
        )
        return f"{said}{kept}; {switch}. Our orders take their states from the next run of reconcile_exchange"


def cancel_entries(exchange: BingX) -> CancelReport:
    """Cancel each open order that could make a position larger; what reduces positions stays.

    Raises:
        StillOpenError: some are open still. ExchangeError: as the exchange; what it cancelled stays so.
    """
    orders = exchange.list_open_orders()
    entries = [order for order in orders if not order.reduce_only]
    refused = 0
    for order in entries:
        try:
            exchange.cancel(order.symbol, order.exchange_order_id)
        except ExchangeRefusedError:  # it has closed meanwhile, or the list below shows it
            refused += 1
    left = exchange.list_open_orders()
    _refuse_open([order.exchange_order_id for order in left if not order.reduce_only])
    return CancelReport(len(entries), refused, len(left), dead_man=False)


def cancel_everything(exchange: BingX, *, dead_man_delay: timedelta = DEAD_MAN_DELAY) -> CancelReport:
    """Cancel all open orders of the account, stops and targets too: positions are bare.

    The exchange's dead man's switch is renewed first. It is closed when nothing is open, and otherwise runs
    out, which cancels the rest.

    Raises:
        StillOpenError: some are open still. ExchangeError: as the exchange; the dead man's switch runs then.
    """
    exchange.cancel_all_after(dead_man_delay)
    found = len(exchange.list_open_orders())
    exchange.cancel_all()
    _refuse_open([order.exchange_order_id for order in exchange.list_open_orders()])
    exchange.cancel_all_after(timedelta(0))
    return CancelReport(found, 0, 0, dead_man=True)


def _refuse_open(open_orders: list[str]) -> None:
    if open_orders:
        raise StillOpenError(
            f"{len(open_orders)} orders are still open at the exchange: {', '.join(open_orders[:10])}"
        )
