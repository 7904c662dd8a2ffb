"""Checks and judgements over the database: changes only, doubles, kills, notices, a backfill that agrees."""

import threading
from datetime import timedelta

import pytest

from include.access.balances import read_balances
from include.access.verification import LostClaimError, _store_readings, check_balances
from tests.access.conftest import HOUR, UNIT, user, wallet


def read(desk, at, amounts):
    """What a check of a moment in the past found: user's number -> tokens, None: unreadable."""
    desk.rows(
        "INSERT INTO access_checks (checked_at, run_id, claim, claimed_until, started_at, finished_at)"
        " VALUES (:at, 'x', gen_random_uuid(), :at, :at, :at) ON CONFLICT DO NOTHING",
        at=at,
    )
    for number, tokens in amounts.items():
        desk.rows(
            "INSERT INTO token_balances (wallet, checked_at, amount, decimals, slot, reason)"
            " VALUES (:wallet, :at, :amount, 9, 1, :reason)",
            wallet=wallet(number), at=at, amount=None if tokens is None else tokens * UNIT,
            reason="unreadable" if tokens is None else None,
        )  # fmt: skip


def test_a_check_keeps_what_changed_and_a_judgement_what_changes(desk):
    desk.require(2000, desk.now - 2 * HOUR)
    desk.hold(_1=[1500, 500], _2=[1999], _3=[5000])
    assert desk.judge(desk.now - 2 * HOUR)["unknown"] == 3
    checked = desk.check(desk.now)
    assert (checked.wallets, checked.unreadable) == (3, 0)
    assert desk.judge(desk.now) == {"full": 2, "grace": 0, "none": 1, "unknown": 0}
    assert desk.judge(desk.now) == {"full": 2, "grace": 0, "none": 1, "unknown": 0}, "twice"
    assert desk.states() == {1: ["unknown", "full"], 2: ["unknown", "none"], 3: ["unknown", "full"]}
    desk.sandbox.fail("solana", "unreadable_account")
    later = desk.now + timedelta(microseconds=1)
    assert desk.check(later).unreadable == 3
    desk.judge(later)
    assert desk.rows("SELECT count(*), count(amount) FROM token_balances") == [(6, 3)]
    assert desk.states()[1] == ["unknown", "full"], "what cannot be read denies nothing"
    desk.sandbox.heal()
    desk.check(desk.now + timedelta(microseconds=2))
    assert desk.rows("SELECT count(*), count(amount) FROM token_balances") == [(9, 6)], "read again"


def test_a_user_of_two_wallets_has_the_sum_and_a_wallet_given_up_is_gone(desk):
    desk.require(2000, desk.now - HOUR)
    desk.hold(_1=[1500], _2=[600])
    desk.rows("UPDATE token_holders SET user_id = :user", user=user(1))
    desk.check(desk.now)
    desk.judge(desk.now)
    desk.rows("UPDATE token_holders SET removed_at = :at WHERE wallet = :w", at=desk.now, w=wallet(2))
    desk.judge(desk.now + HOUR)
    desk.rows("DELETE FROM token_holders")
    desk.judge(desk.now + 2 * HOUR)
    assert desk.states() == {1: ["full", "none"]}
    assert desk.rows("SELECT user_id FROM access_grants WHERE since = :at", at=desk.now) == [(user(1),)]


def test_two_runs_at_once_double_nothing_and_the_later_claim_wins(desk):
    desk.hold_many(120)
    desk.require(50, desk.now - HOUR)
    threads = [threading.Thread(target=desk.check, args=(desk.now, f"run {n}")) for n in range(2)]
    threads += [threading.Thread(target=desk.judge, args=(desk.now,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert desk.rows("SELECT wallets, finished_at IS NULL FROM access_checks") == [(120, False)]
    assert desk.rows("SELECT count(*), count(DISTINCT wallet) FROM token_balances") == [(120, 120)]
    assert desk.rows("SELECT count(*), count(DISTINCT user_id) FROM access_grants") == [(120, 120)]
    with pytest.raises(LostClaimError), desk.client() as client:
        readings = read_balances(
            client, [wallet(1)], mint=desk.settings.access_mint, decimals=9, since_slot=0
        )
        about = {"at": desk.now, "claim": user(1), "lease": HOUR, "decimals": 9}
        _store_readings(desk.engine, readings, about)


def test_a_killed_check_is_taken_up_by_its_run_behind_its_last_page(desk, monkeypatch):
    desk.hold_many(120)
    killed = []

    def killing(client, wallets, **options):
        if len(wallets) < 100 and not killed:
            killed.append(True)
            raise KeyboardInterrupt
        return read_balances(client, wallets, **options)

    monkeypatch.setattr("include.access.verification.read_balances", killing)
    with pytest.raises(KeyboardInterrupt):
        desk.check(desk.now)
    assert desk.rows("SELECT wallets FROM access_checks") == [(100,)]
    before = len(desk.sandbox.requests("solana"))
    assert desk.check(desk.now).wallets == 120
    assert len(desk.sandbox.requests("solana")) - before == 2, "the decimals, and one page"
    assert check_balances(desk.engine, None, desk.settings, desk.now, run_id="run") is None


def a_month(desk):
    """Hour by hour for some days of a month: a raise, buying, selling, and a node that is away."""
    begin = desk.now - 110 * HOUR
    desk.hold(_1=[1], _2=[1], _3=[1], _4=[1])
    desk.require(1000, begin - HOUR)
    happens = {
        0: {1: 1500, 2: 1500, 3: 3000, 4: 500},
        30: {2: 2500},  # buys after the raise
        40: {2: 1500},  # and sells
        50: {3: None},  # one account of two is unreadable from here on
        90: {1: 1600},
    }
    for hour in range(0, 110, 5):
        if hour == 10:
            desk.require(2000, begin + hour * HOUR)
        if hour not in (20, 60, 75):  # some runs are missed
            read(desk, begin + hour * HOUR, happens.get(hour, {}))
    return [begin + hour * HOUR for hour in range(0, 110, 5)]


def grants(desk):
    return desk.rows(
        "SELECT user_id, state, since, grace_ends_at, held_since, reason FROM access_grants"
        " ORDER BY user_id, since"
    )


def test_a_month_replayed_gives_the_grants_of_the_days_and_each_notice_once(desk):
    moments = a_month(desk)
    for at in moments:
        desk.judge(at)
    assert desk.states() == {
        1: ["full", "grace", "none"],
        2: ["full", "grace", "full", "grace", "none"],
        3: ["full", "unknown"],
        4: ["none"],
    }
    ends = {end for _, state, _, end, *_ in grants(desk) if state == "grace"}
    assert ends == {moments[2] + 72 * HOUR}
    first, told = grants(desk), desk.notices()
    for at in moments[::6]:
        desk.judge(at)
    assert (grants(desk), desk.notices()) == (first, told), "twice"
    desk.rows("DELETE FROM access_grants")
    for at in moments:
        desk.judge(at)
    assert (grants(desk), desk.notices()) == (first, told), "replayed"


def test_notices_of_grace_come_at_its_start_24_h_1_h_its_end_and_of_what_is_lost(desk):
    begin = desk.now - 20 * HOUR
    raised, deadline = begin - 56 * HOUR, begin + 16 * HOUR
    desk.hold(_1=[1], _2=[1])
    desk.require(1000, raised - HOUR)
    read(desk, raised - HOUR, {1: 1500, 2: 1500})
    desk.judge(raised - HOUR)
    desk.require(2000, raised)
    for at in (
        raised,
        deadline - 24 * HOUR,
        deadline - 1.5 * HOUR,
        deadline - HOUR,
        deadline,
        deadline + HOUR,
    ):
        read(desk, at, {2: 2500} if at == deadline else {})
        desk.judge(at)
    told = desk.notices()
    assert len(told) == 4 and desk.states() == {1: ["full", "grace", "none"], 2: ["full", "grace", "full"]}
    for words in (
        "within 24 h for 2 holders",
        "within 1 h for 2 holders",
        "ended for 2 holders",
        "1 holder lost",
    ):
        assert sum(words in title for title in told) == 1, (words, told)
