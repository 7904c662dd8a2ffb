"""The price of two sources over HTTP, and the decision: faults, doubles, late runs, backfills."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest

from include.access.prices import NoPriceError, read_price
from tests.access.conftest import HOUR, Desk

SOURCES = "jupiter", "geckoterminal"


def decided(desk):
    return desk.rows(
        "SELECT valid_from, requirement, outcome, grace_ends_at FROM token_requirements ORDER BY valid_from"
    )


def test_a_look_is_kept_once_and_decides(desk):
    desk.sandbox.token("price", price="0.0123")
    found = desk.adjust(desk.now)
    assert (found.requirement, found.outcome, found.average_price) == (2000, "first", Decimal("0.0123"))
    again = desk.adjust(desk.now)
    assert again == found and decided(desk) == [(desk.now, 2000, "first", None)]
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


def test_coingecko_stands_beside_jupiter_where_it_is_named(database, sandbox):
    desk = Desk(database, sandbox, access_price_sources=("jupiter", "coingecko"))
    sandbox.token("price", price="0.0123")
    assert (desk.adjust(desk.now).outcome, desk.adjust(desk.now).average_price) == (
        "first",
        Decimal("0.0123"),
    )
    sandbox.fail("coingecko", "zero_price")
    found = desk.adjust(desk.now + timedelta(microseconds=1))
    assert found.outcome == "frozen" and "coingecko: it said '0" in found.reason
    assert sandbox.requests("geckoterminal") == []


def test_a_replay_of_the_stored_prices_in_any_order_decides_as_the_days_did(desk):
    """Three days of looks, two of them doubtful, one missing; then all decisions anew, also by judgements."""
    hours = [desk.now - ago * HOUR for ago in range(72, 0, -1)]
    looks = [at for number, at in enumerate(hours) if number != 28]
    for number, at in enumerate(looks):
        price = 0.0123 if number < 10 or number > 50 else 0.0061
        refused = "they are apart" if number in (5, 6) else None
        for source in SOURCES:
            desk.rows(
                "INSERT INTO token_prices (source, taken_at, price, refused, created_at)"
                " VALUES (:source, :at, :price, :refused, :stored)",
                source=source, at=at, price=Decimal(str(price)), refused=refused, stored=at + HOUR / 10,
            )  # fmt: skip
    for at in hours:
        desk.adjust(at)
    first = decided(desk)
    outcomes = [outcome for _, _, outcome, _ in first]
    assert outcomes[0] == "first" and outcomes.count("frozen") >= 3 and {"raised", "lowered"} < set(outcomes)
    ends = {end - at for at, _, outcome, end in first if outcome == "raised"}
    assert ends == {72.1 * HOUR}, "counted from when the price was stored"
    for at in hours[::5]:  # twice is once
        desk.adjust(at)
    assert decided(desk) == first
    shuffled = random.Random(3).sample(hours, len(hours))
    for runs_at_once, order in ((1, hours), (1, hours[::-1]), (3, shuffled)):
        desk.rows("DELETE FROM token_requirements")
        with ThreadPoolExecutor(runs_at_once) as workers:
            list(workers.map(desk.adjust, order))
        assert decided(desk) == first, f"{runs_at_once} at once"
    desk.rows("DELETE FROM token_requirements")
    desk.judge(desk.now)
    assert decided(desk) == [row for row in first if row[0] in looks], "judging needs the decisions"
    assert desk.sandbox.requests("jupiter") == [] and desk.notices() == []


def test_a_moment_before_one_that_is_decided_or_judged_is_not_asked_for(desk):
    desk.sandbox.token("price", price="0.0123")
    just_now = desk.now - HOUR / 10
    desk.judge(just_now + HOUR / 60)
    assert desk.adjust(just_now).reason == "nobody asked for the price at this time"
    desk.adjust(desk.now)
    assert desk.adjust(desk.now - HOUR / 100).outcome == "frozen"
    assert len(desk.sandbox.requests("jupiter")) == 1


def test_what_is_no_price_is_none():
    assert read_price(1e-05) == Decimal("0.00001") and read_price("0.0123") == Decimal("0.0123")
    for said in (None, 0, -1, "NaN", "Infinity", True, "1e400", [], "ten", float("inf"), 1e10):
        with pytest.raises(NoPriceError):
            read_price(said)
