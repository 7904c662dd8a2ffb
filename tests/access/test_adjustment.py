"""The price of two sources over HTTP, and the decision: faults, doubles, late runs, backfills."""

from decimal import Decimal

import pytest

from include.access.prices import NoPriceError, read_price
from tests.access.conftest import HOUR, Desk

SOURCES = "jupiter", "geckoterminal"


def decided(desk):
    return desk.rows("SELECT valid_from, requirement, outcome FROM token_requirements ORDER BY valid_from")


def test_a_look_is_kept_once_and_decides(desk):
    desk.sandbox.token("price", price="0.0123")
    found = desk.adjust(desk.now)
    assert (found.requirement, found.outcome, found.average_price) == (2000, "first", Decimal("0.0123"))
    again = desk.adjust(desk.now)
    assert again == found and decided(desk) == [(desk.now, 2000, "first")]
    assert [len(desk.sandbox.requests(name)) for name in SOURCES] == [1, 1]
    assert desk.rows("SELECT source, price, refused FROM token_prices ORDER BY source") == [
        ("geckoterminal", Decimal("0.0123"), None),
        ("jupiter", Decimal("0.0123"), None),
    ]
    assert desk.adjust(desk.now - 2 * HOUR).outcome == "frozen", "the past cannot be asked"
    assert desk.adjust(desk.now + HOUR).outcome == "frozen", "nor the future"
    assert [len(desk.sandbox.requests(name)) for name in SOURCES] == [1, 1]
    assert Desk(desk.engine, desk.sandbox).notices() == [], "what is late tells nobody"


@pytest.mark.parametrize(
    ("service", "kind", "options", "words"),
    [
        ("jupiter", "times_100", {}, "apart"),
        ("geckoterminal", "zero_price", {}, "it said '0"),
        ("jupiter", "unpriced", {}, "knows no price"),
        ("jupiter", "status", {"status": 401}, "401"),
        ("geckoterminal", "status", {"status": 429, "retry_after": 3600}, "429"),
        ("geckoterminal", "html", {}, "HTML"),
    ],
)
def test_a_fault_of_one_source_freezes_and_notifies_once(desk, service, kind, options, words):
    desk.require(2000, desk.now - HOUR)
    desk.sandbox.token("price", price="0.0123")
    desk.sandbox.fail(service, kind, **options)
    found = desk.adjust(desk.now)
    assert (found.outcome, found.requirement) == ("frozen", 2000)
    assert words.lower() in found.reason.lower()
    assert len(desk.notices()) == 1 and "frozen" in desk.notices()[0]
    desk.adjust(desk.now)
    assert len(desk.notices()) == 1


def test_a_backfill_over_the_stored_prices_decides_as_the_days_did(desk):
    """A day and a half of looks, two of them doubtful, one missing; then all decisions anew."""
    hours = [desk.now - ago * HOUR for ago in range(30, 0, -1)]
    for number, at in enumerate(hours):
        if number == 28:
            continue
        price = "0.0123" if number < 10 else "0.0061"
        refused = "they are apart" if number in (5, 6) else None
        for source in SOURCES:
            desk.rows(
                "INSERT INTO token_prices (source, taken_at, price, refused)"
                " VALUES (:source, :at, :price, :refused)",
                source=source, at=at, price=Decimal(price), refused=refused,
            )  # fmt: skip
    for at in hours:
        desk.adjust(at)
    first = decided(desk)
    outcomes = [outcome for _, _, outcome in first]
    assert outcomes[0] == "first" and outcomes.count("frozen") >= 3 and "raised" in outcomes
    assert first[-1][1] > first[0][1]
    for at in hours[::5]:  # twice is once
        desk.adjust(at)
    assert decided(desk) == first
    desk.rows("DELETE FROM token_requirements")
    for at in hours:
        desk.adjust(at)
    assert decided(desk) == first
    assert desk.sandbox.requests("jupiter") == [] and desk.notices() == []


def test_what_is_no_price_is_none():
    assert read_price(1e-05) == Decimal("0.00001") and read_price("0.0123") == Decimal("0.0123")
    for said in (None, 0, -1, "NaN", "Infinity", True, "1e400", [], "ten", float("inf"), 1e10):
        with pytest.raises(NoPriceError):
            read_price(said)
