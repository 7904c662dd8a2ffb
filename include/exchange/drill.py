"""A drill of the kill switch, at an account of its own that holds play money.

The switch is turned and read back in a transaction that is rolled back: it is the real one, and stays as it
is. The orders are the drill's own, at its own account, and are cancelled by the code that an incident runs.
Nothing is written into our orders, trades or balances.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from decimal import ROUND_UP, Decimal
from uuid import uuid4

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from include.database import sql
from include.exchange.bingx import TRADING, BingX
from include.exchange.cancelling import StillOpenError, cancel_entries, cancel_everything
from include.exchange.switch import may_submit, read_trading_state, write_change
from include.exchange.venue import ExchangeError, NewOrder, Side
from include.humanize import age_text, count_text

# Quota and breaker of its own: what fails here keeps nobody from asking the real account.
DRILL_SERVICE = replace(TRADING, name="bingx-drill")
AUTHOR = "drill_kill_switch"
MARKET = "BTC/USDT:USDT"
PLAY_MONEY = "VST"  # of BingX's demo trading
DEAD_MAN_DELAY = timedelta(seconds=10)  # the shortest that BingX takes
DEAD_MAN_GRACE = timedelta(seconds=3)
Wait = Callable[[float], None]


class DrillError(RuntimeError):
    """A step of the drill did not do what it must; the message says what."""


@dataclass(frozen=True)
class DrillStep:
    """What came of one step. `said`: what it did, or why it did not work."""

    name: str
    worked: bool
    seconds: float
    said: str


@dataclass(frozen=True)
class Drill:
    """What came of all steps; the one after which it was given up, and the clearing up, are the last."""

    steps: tuple[DrillStep, ...]

    @property
    def success(self) -> bool:
        """Whether each step worked."""
        return all(step.worked for step in self.steps)

    @property
    def words(self) -> str:
        """What worked, what did not, and how long each took."""
        return "; ".join(
            f"{step.name}: {'' if step.worked else 'FAILED, '}{step.said} ({step.seconds:.1f} s)"
            for step in self.steps
        )


def drill_kill_switch(
    engine: Engine, exchange: BingX, *, run_url: str | None = None, wait: Wait = time.sleep
) -> Drill:
    """Practise the kill switch, keep what came of it in `trading_drills`, and leave the account empty.

    A step that fails ends the drill; what is open is cancelled and closed all the same.

    Args:
        engine: the platform's database.
        exchange: the drill's own account. One without play money is not touched.
        run_url: the run that drills.
        wait: waits so many seconds for the dead man's switch.
    """
    with engine.begin() as connection:
        number = connection.execute(sql("exchange/begin_drill"), {"run_url": run_url}).scalar_one()
    steps = [_practise("account", lambda: _check_account(exchange))]
    if steps[0].worked:
        for name, practise in (
            ("turn the switch", lambda: _turn_switch(engine)),
            ("open orders", lambda: _open_orders(exchange)),
            ("cancel entries", lambda: _cancel_entries(exchange)),
            ("cancel everything", lambda: cancel_everything(exchange).words),
            ("dead man's switch", lambda: _let_dead_man_cancel(exchange, wait)),
        ):
            steps.append(_practise(name, practise))
            if not steps[-1].worked:
                break
        steps.append(_practise("clear up", lambda: _clear(exchange)))
    drill = Drill(tuple(steps))
    found = {"id": number, "success": drill.success, "steps": json.dumps([asdict(one) for one in steps])}
    with engine.begin() as connection:
        connection.execute(sql("exchange/end_drill"), found)
    return drill


def _practise(name: str, practise: Callable[[], str]) -> DrillStep:
    begun = time.monotonic()
    try:
        worked, said = True, practise()
    except (DrillError, ExchangeError, StillOpenError, SQLAlchemyError) as error:
        worked, said = False, f"{type(error).__name__}: {error}"
    return DrillStep(name, worked, round(time.monotonic() - begun, 3), said)


def _check_account(exchange: BingX) -> str:
    """Refuse an account that may hold money; clear away what a drill that died has left."""
    balances = exchange.list_balances()
    if not exchange.in_sandbox and {one.currency for one in balances} != {PLAY_MONEY}:
        raise DrillError("this account may hold real money: nothing was touched")
    return _clear(exchange)


def _turn_switch(engine: Engine) -> str:
    """Turn the real switch as an incident does, read it as a submission does, and take it all back."""
    with engine.connect() as connection, connection.begin() as transaction:
        before = read_trading_state(connection)
        passed = {}
        for state in ("exits_only", "frozen"):
            write_change(connection, state, reason="a drill", changed_by=AUTHOR, severity="info")
            now = read_trading_state(connection)
            passed[state] = may_submit(now, reduce_only=False), may_submit(now, reduce_only=True)
        transaction.rollback()
    if passed != {"exits_only": (False, True), "frozen": (False, False)}:
        raise DrillError(f"the switch lets pass what it must not (entries, exits): {passed}")
    return f"it would have turned, and was taken back: it is {before}"


def _open_orders(exchange: BingX) -> str:
    """Open a position with its stop and target, and two entries that wait far below the market."""
    _place(exchange, "buy", bare=False)
    for _ in range(2):
        _place(exchange, "buy", at=Decimal("0.8"))
    orders = exchange.list_open_orders()
    exits = sum(order.reduce_only for order in orders)
    if not exits or len(orders) - exits != 2:
        raise DrillError(f"{len(orders) - exits} entries and {exits} exits are open, not 2 and some")
    return f"2 entries and {count_text(exits, 'exit')} are open"


def _cancel_entries(exchange: BingX) -> str:
    exits = sum(order.reduce_only for order in exchange.list_open_orders())
    done = cancel_entries(exchange)
    if done.found != 2 or done.left != exits:
        raise DrillError(f"of {exits} exits {done.left} are left, {done.found} entries were cancelled")
    return done.words


def _let_dead_man_cancel(exchange: BingX, wait: Wait) -> str:
    """Leave an order to the exchange's own switch, as if we had died."""
    _place(exchange, "buy", at=Decimal("0.8"))
    exchange.cancel_all_after(DEAD_MAN_DELAY)
    if not exchange.list_open_orders():
        raise DrillError("the order was gone before its time")
    wait((DEAD_MAN_DELAY + DEAD_MAN_GRACE).total_seconds())
    if left := exchange.list_open_orders():
        raise DrillError(f"{count_text(len(left), 'order')} should have been cancelled by the exchange")
    return f"the exchange cancelled an order by itself, {age_text(DEAD_MAN_DELAY)} after we fell silent"


def _clear(exchange: BingX) -> str:
    """Cancel and close everything at the drill's account."""
    orders = cancel_everything(exchange).found
    positions = exchange.list_positions()
    for one in positions:
        side: Side = "sell" if one.size > 0 else "buy"
        exchange.submit(NewOrder(_name(), one.symbol, side, "market", abs(one.size), None, reduce_only=True))
    if exchange.list_positions():
        raise DrillError("a position of the drill is still open")
    return f"{count_text(orders, 'order')} cancelled, {count_text(len(positions), 'position')} closed"


def _place(exchange: BingX, side: Side, *, at: Decimal | None = None, bare: bool = True) -> None:
    """Place the smallest order that the exchange takes: at a share of the price, or at the market."""
    market, price = exchange.markets[MARKET], exchange.price_of(MARKET)

    def level(share: Decimal) -> Decimal:
        return (price * share / market.price_step).to_integral_value() * market.price_step

    least = max(market.least_quantity or market.quantity_step, 2 * (market.least_cost or Decimal(0)) / price)
    quantity = (least / market.quantity_step).to_integral_value(ROUND_UP) * market.quantity_step
    exchange.submit(
        NewOrder(
            client_order_id=_name(),
            symbol=MARKET,
            side=side,
            order_type="market" if at is None else "limit",
            quantity=quantity,
            price=None if at is None else level(at),
            stop_price=None if bare else level(Decimal("0.9")),
            target_price=None if bare else level(Decimal("1.1")),
        )
    )


def _name() -> str:
    return f"drill-{uuid4().hex}"
