"""The states of an order: what no sequence of events can do, and what each event does."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.exchange.order_states import (
    FINAL_STATUSES,
    Accepted,
    Cancelled,
    Executed,
    Expired,
    NotFound,
    OrderState,
    OrderStateError,
    OutcomeUnknown,
    Refused,
    Submitting,
    Withdrawn,
    advance,
)

HOUR = timedelta(hours=1)
QUANTITY = Decimal(10)
GONE, TOO_YOUNG = NotFound(HOUR, HOUR), NotFound(HOUR / 2, HOUR)
REPORTS = [kind("said") for kind in (OutcomeUnknown, Refused, Cancelled, Expired, Withdrawn)]
EVENTS = st.one_of(
    st.sampled_from([Submitting(), Accepted("1"), Accepted("2"), GONE, TOO_YOUNG, *REPORTS]),
    st.integers(0, 12).map(lambda filled: Executed(Decimal(filled), Decimal(100))),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(EVENTS, max_size=25))
def test_no_path_submits_twice_leaves_a_final_state_or_fills_more_than_was_ordered(events):
    order, submissions = OrderState("planned", QUANTITY), 0
    for event in events:
        before = order
        try:
            order = advance(before, event)
        except OrderStateError:
            continue
        submissions += isinstance(event, Submitting)
        if before.final:
            assert order.status == before.status
        assert before.filled_quantity <= order.filled_quantity <= order.quantity == QUANTITY
        assert order.exchange_order_id == (before.exchange_order_id or order.exchange_order_id)
        assert order.status != "filled" or order.filled_quantity == QUANTITY
        if order.status in ("planned", "submitting"):
            assert (order.filled_quantity, order.exchange_order_id) == (0, None)
        if before.status == "unknown" != order.status:
            evidence = Accepted | Executed | Refused | Cancelled | Expired | NotFound
            assert isinstance(event, evidence), "a clock alone, or a failed question, is no evidence"
        if not isinstance(event, Submitting | Withdrawn):
            assert advance(order, event) == order, "told twice"
    assert submissions <= 1
    assert submissions == 1 or order.status in ("planned", "cancelled")


def state(status, filled=0, number="1"):
    return OrderState(status, QUANTITY, Decimal(filled), exchange_order_id=number)


def test_what_each_event_does_in_each_state():
    number = {"planned": None, "submitting": None, "rejected": None}
    filled = {"partially_filled": 4, "filled": 10}
    before = {
        status: state(status, filled.get(status, 0), number.get(status, "1"))
        for status in ("planned", "submitting", "unknown", "open", "partially_filled", *FINAL_STATUSES)
    }
    same = {status: status for status in before}
    at_exchange = ("submitting", "unknown", "open", "partially_filled")
    expected = {
        Submitting(): {"planned": "submitting"},
        Withdrawn("old"): {"planned": "cancelled"},
        OutcomeUnknown("no answer"): same | dict.fromkeys(at_exchange, "unknown"),
        Accepted("1"): same | {"submitting": "open", "unknown": "open"},
        Refused("no money"): dict.fromkeys(at_exchange, "rejected") | {"rejected": "rejected"},
        Cancelled("by hand"): dict.fromkeys(at_exchange, "cancelled") | {"cancelled": "cancelled"},
        Expired("time"): dict.fromkeys(at_exchange, "expired") | {"expired": "expired"},
        TOO_YOUNG: same,
        GONE: same
        | {"submitting": "rejected", "unknown": "rejected", "open": "rejected"}
        | {"partially_filled": "cancelled"},
        Executed(Decimal(6), Decimal(99)): same
        | dict.fromkeys(at_exchange, "partially_filled"),  # final: the fill counts, the state stays
        Executed(Decimal(10), Decimal(99)): same | dict.fromkeys(at_exchange, "filled"),
    }
    contradictions = {(type(event), "planned") for event in expected} - {
        (kind, "planned") for kind in (Submitting, Withdrawn, NotFound)
    }
    for event, outcomes in expected.items():
        for status, order in before.items():
            refused = status not in outcomes or (type(event), status) in contradictions
            if refused or (status == "planned" and event == GONE):
                with pytest.raises(OrderStateError, match=f"an order that is {status}"):
                    advance(order, event)
            else:
                assert advance(order, event).status == outcomes[status], (event, status)


def test_fills_count_once_whatever_the_order_in_which_they_are_told():
    late = advance(state("cancelled", 2), Executed(Decimal(5), Decimal(98)))
    assert (late.status, late.filled_quantity, late.average_price) == ("cancelled", 5, 98)
    assert advance(late, Executed(Decimal(3), Decimal(97))) == late, "old news"
    with pytest.raises(OrderStateError, match="11 would be filled of 10"):
        advance(late, Executed(Decimal(11)))
    with pytest.raises(OrderStateError, match="contradicts"):
        advance(state("open"), Accepted("2"))
