"""Our orders, trades and positions beside the exchange's: what evidence allows is mended, the rest is said.

Everything of a run is one transaction, so a run that is killed leaves nothing half done, and the next one
does it. An answer that is missing ends the run as failed: it is evidence of nothing. Rules taken over from
https://nautilustrader.io/docs/latest/concepts/live (reconciliation).
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Row

from include.database import sql
from include.exchange.bingx import BingX
from include.exchange.book import LONGEST_WINDOW, Book, read_book
from include.exchange.compare import Traded, compare_order
from include.exchange.exits import link_exits
from include.exchange.order_states import NotFound, OrderState, advance
from include.exchange.orders import read_state
from include.exchange.venue import ExchangeError, ExchangeOrder

OVERLAP = timedelta(hours=1)  # that windows have: a trade may be listed late
NOT_FOUND_AFTER = timedelta(minutes=5)  # an order that is younger may still be on its way
CLIENT_ID_KEPT = timedelta(hours=2)  # for so long BingX finds an order by our id
QUESTIONS = 200  # about single orders, a run
ROWS_A_STATEMENT = 20_000


@dataclass(frozen=True)
class Reconciled:
    """What one run found. `differences` are new ones, `resolved` were mended or agree again."""

    id: int
    outcome: str
    reason: str | None
    checked: int
    differences: int
    resolved: int


@dataclass
class _Findings:
    """What the comparison is to write."""

    mended: list[dict[str, Any]] = field(default_factory=list)
    differences: list[dict[str, Any]] = field(default_factory=list)
    judged: set[str] = field(default_factory=set)

    def add(
        self,
        kind: str,
        subject: str,
        *,
        ours: Any,
        theirs: Any,
        order_id: UUID | None = None,
        symbol: str | None = None,
        mended: bool = False,
    ) -> None:
        self.differences.append(
            {
                "kind": kind,
                "subject": subject,
                "order_id": order_id,
                "symbol": symbol,
                "ours": ours,
                "theirs": theirs,
                "mended": mended,
            }
        )


def reconcile(
    engine: Engine,
    exchange: BingX,
    *,
    run_url: str | None = None,
    not_found_after: timedelta = NOT_FOUND_AFTER,
    questions: int = QUESTIONS,
) -> Reconciled:
    """Compare once, mend what evidence allows, write the rest, and look at the money.

    Run twice, it changes nothing the second time but when differences were last seen. Raises ExchangeError
    when an answer is missing; the run is kept as failed, with the reason.
    """
    name = exchange.name
    with engine.begin() as connection:
        run = connection.execute(
            sql("exchange/begin_reconciliation"),
            {"exchange": name, "overlap": OVERLAP, "longest": LONGEST_WINDOW, "run_url": run_url},
        ).one()
    try:
        book = read_book(engine, exchange, run.window_start, run.window_end, questions=questions)
    except ExchangeError as error:
        _end(engine, Reconciled(run.id, "failed", str(error), 0, 0, 0))
        raise
    with engine.begin() as connection:
        result = _apply(connection, book, name, run, not_found_after)
        connection.execute(sql("exchange/end_reconciliation"), asdict(result))
    return result


def _apply(
    connection: Connection, book: Book, name: str, run: Row[Any], not_found_after: timedelta
) -> Reconciled:
    reported = [asdict(order) for order in book.orders.values()]
    adopted = {
        row.exchange_order_id: row.id
        for part in _parts(reported)
        for row in connection.execute(sql("exchange/adopt_orders"), {"exchange": name, "orders": _json(part)})
    }
    link_exits(connection, name, adopted, book.orders.values())
    asked_for = {*book.orders, *(fill.exchange_order_id for fill in book.fills.values())}
    ours = connection.execute(
        sql("exchange/hold_reported_orders"),
        {
            "exchange": name,
            "asked_at": run.window_end,
            "numbers": list(asked_for),
            "client_ids": [one.client_order_id for one in book.orders.values() if one.client_order_id],
            "ids": [*book.not_found, *book.unanswered],
            "adopted": list(adopted.values()),
        },
    ).all()
    by_number = {row.exchange_order_id: row for row in ours if row.exchange_order_id}
    by_client_id = {row.client_order_id: row for row in ours if row.client_order_id}
    owners = {number: by_number.get(number) for number in asked_for}
    for number, order in book.orders.items():
        owners[number] = owners[number] or by_client_id.get(order.client_order_id)
    findings = _Findings()
    new_fills = _store_fills(connection, book, name, owners, findings)
    sums = {
        row.order_id: Traded(row.quantity, row.average_price)
        for row in connection.execute(sql("exchange/sum_fills"), {"ids": [row.id for row in ours]})
    }
    for number, order in book.orders.items():
        row = owners[number]
        if row is not None and not row.touched:
            traded = sums.get(row.id, Traded())
            _judge(findings, row, order, traded, new_fills[row.id], adopted=number in adopted)
    _judge_missing(findings, book, ours, not_found_after)
    for part in _parts(findings.mended):
        connection.execute(sql("exchange/mend_orders"), {"orders": _json(part)})
    if book.positions is not None:
        _compare_positions(connection, findings, book.positions, name)
    written = connection.execute(
        sql("exchange/write_differences"),
        {
            "exchange": name,
            "run": run.id,
            "judged": list(findings.judged),
            "differences": _json(findings.differences),
        },
    ).one()
    connection.execute(
        sql("exchange/add_balances"),
        {"exchange": name, "balances": _json([asdict(one) for one in book.balances])},
    )
    checked = len(book.orders) + len(book.fills) + len(book.positions or ())
    reason = f"{book.left} questions about single orders are left for the next run" if book.left else None
    outcome = "failed" if book.left else "complete"
    return Reconciled(run.id, outcome, reason, checked, written.written, written.resolved)


def _store_fills(
    connection: Connection, book: Book, name: str, owners: dict[str, Row[Any] | None], findings: _Findings
) -> Counter[UUID]:
    """Store the trades that we lack; give their number by order. Trades without an order are differences."""
    rows, added = [], Counter[UUID]()
    for fill in book.fills.values():
        owner = owners[fill.exchange_order_id]
        findings.judged.add(fill.trade_id)
        if owner is None:
            findings.add(
                "fill_without_order", fill.trade_id, ours=None, theirs=asdict(fill), symbol=fill.symbol
            )
        else:
            rows.append({**asdict(fill), "order_id": owner.id})
    for part in _parts(rows):
        parameters = {"exchange": name, "fills": _json(part)}
        for one in connection.execute(sql("exchange/read_differing_fills"), parameters):
            findings.add(
                "fill_differs",
                one.trade_id,
                ours=one.ours,
                theirs=one.theirs,
                order_id=one.order_id,
                symbol=one.symbol,
            )
        added.update(connection.execute(sql("exchange/add_fills"), parameters).scalars())
    return added


def _judge(
    findings: _Findings,
    row: Row[Any],
    theirs: ExchangeOrder,
    traded: Traded,
    new_fills: int,
    *,
    adopted: bool,
) -> None:
    """Compare one order with what the exchange reports of it."""
    ours = read_state(row)
    compared = compare_order(ours, row.price, theirs, traded)
    findings.judged.add(str(row.id))
    about: dict[str, Any] = {"order_id": row.id, "symbol": row.symbol}
    for kind, why in compared.contradictions.items():
        said = {**_shown(theirs), "why": why}
        findings.add(kind, str(row.id), ours=_shown(ours), theirs=said, **about)
    if compared.order != ours:
        findings.mended.append({"id": row.id, **_columns(compared.order)})
    if adopted:
        findings.add("external_order", str(row.id), ours=None, theirs=asdict(theirs), mended=True, **about)
    elif compared.order != ours or new_fills:
        said = {**_shown(theirs), "new_fills": new_fills}
        findings.add("order_behind", str(row.id), ours=_shown(ours), theirs=said, mended=True, **about)


def _judge_missing(
    findings: _Findings, book: Book, ours: Iterable[Row[Any]], not_found_after: timedelta
) -> None:
    """Orders that the exchange was asked for and does not know, or gave no answer about."""
    for row in ours:
        about: dict[str, Any] = {"order_id": row.id, "symbol": row.symbol}
        before = read_state(row)
        if row.id in book.unanswered:
            findings.judged.add(str(row.id))
            said = {"why": book.unanswered[row.id]}
            findings.add("order_unanswered", str(row.id), ours=_shown(before), theirs=said, **about)
        if row.id not in book.not_found or row.touched:
            continue
        findings.judged.add(str(row.id))
        if row.exchange_order_id is None and row.age > CLIENT_ID_KEPT and not before.final:
            said = {"why": "it is too long ago to be found by our id"}
            findings.add("order_unseen", str(row.id), ours=_shown(before), theirs=said, **about)
            continue
        after = advance(before, NotFound(row.age, not_found_after))
        if after != before:
            findings.mended.append({"id": row.id, **_columns(after)})
            said = {"why": "asked for this very order, the exchange knows none"}
            findings.add(
                "order_not_found", str(row.id), ours=_shown(before), theirs=said, mended=True, **about
            )


def _compare_positions(
    connection: Connection, findings: _Findings, theirs: dict[str, Decimal], name: str
) -> None:
    rows = connection.execute(sql("exchange/read_position_sizes"), {"exchange": name})
    ours: dict[str, Decimal] = {row.symbol: row.size for row in rows}
    disputed = connection.execute(sql("exchange/read_disputed_positions"), {"exchange": name}).scalars()
    for symbol in {*ours, *theirs, *disputed}:
        sizes = ours.get(symbol, Decimal(0)), theirs.get(symbol, Decimal(0))
        findings.judged.add(symbol)
        if sizes[0] != sizes[1]:
            findings.add(
                "position", symbol, ours={"size": sizes[0]}, theirs={"size": sizes[1]}, symbol=symbol
            )


def _end(engine: Engine, result: Reconciled) -> None:
    with engine.begin() as connection:
        connection.execute(sql("exchange/end_reconciliation"), asdict(result))


def _columns(order: OrderState) -> dict[str, Any]:
    return {**_shown(order), "status_reason": order.reason}


def _shown(order: OrderState | ExchangeOrder) -> dict[str, Any]:
    """What a difference shows of an order."""
    return {
        "status": order.status,
        "filled_quantity": order.filled_quantity,
        "average_price": order.average_price,
        "exchange_order_id": order.exchange_order_id,
    }


def _json(rows: Any) -> str:
    return json.dumps(rows, default=str)


def _parts(rows: list[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    return (rows[at : at + ROWS_A_STATEMENT] for at in range(0, len(rows), ROWS_A_STATEMENT))
