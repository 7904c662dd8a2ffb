"""Checks and judgements over the database: changes only, doubles, kills, notices, a backfill that agrees."""

import random
from concurrent.futures import ThreadPoolExecutor
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
    desk.require(2000, desk.now)
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
    desk.require(50, desk.now)
    with ThreadPoolExecutor(2) as runs:
        list(runs.map(lambda run: desk.check(desk.now, run), ("run 0", "run 1")))
        list(runs.map(desk.judge, [desk.now] * 2))
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


def half_past(at):
    """The half hour before a moment: DAGs judge at it."""
    return at.replace(minute=30, second=0, microsecond=0) - (HOUR if at.minute < 30 else 0 * HOUR)


def a_month(desk):
    """A month: raises, buying, selling, a node that is away, checks that never were."""
    begin = half_past(desk.now) - 31 * 24 * HOUR
    desk.hold(_1=[1], _2=[1], _3=[1], _4=[1], _5=[1])
    desk.rows(
        "UPDATE token_holders SET removed_at = :at WHERE user_id = :u", at=begin + 305 * HOUR, u=user(5)
    )
    happens = {
        0: {1: 1500, 2: 1500, 3: 3000, 4: 500, 5: 9000},
        128: {2: 2500},  # buys after the raise
        136: {2: 1500},  # and sells
        152: {3: None},  # one account of two is unreadable from here on
        288: {1: 1600},
        400: {4: 5000},
        504: {1: 3500},
    }
    desk.require(1000, begin - HOUR / 2)
    for hour, requirement in ((110, 2000), (260, 1000), (420, 3000), (430, 6000), (600, 2000), (736, 4000)):
        desk.require(requirement, begin + hour * HOUR - HOUR / 2)
    for hour in range(0, 31 * 24, 8):
        if hour not in (120, 176, 264) and not 600 < hour < 650:  # some checks were missed
            read(desk, begin + hour * HOUR, happens.get(hour, {}))
    return [begin + hour * HOUR for hour in range(0, 31 * 24, 8)]


def grants(desk):
    return desk.rows(
        "SELECT user_id, state, since, grace_ends_at, held_since, reason FROM access_grants"
        " ORDER BY user_id, since"
    )


def test_a_month_replayed_in_any_order_gives_the_grants_of_the_days_and_each_notice_once(desk):
    moments = a_month(desk)
    for at in moments:
        desk.judge(at)
    lost = ["grace", "unknown", "none"]  # nothing was read as the grace ended, and soon after it
    assert desk.states() == {
        1: ["full", *lost, "full", *lost, "full", "unknown", "full", "grace"],
        2: ["full", "grace", "full", *lost, "full", *lost, "unknown", "none"],
        3: ["full", "unknown", "grace", "unknown", "grace"],
        4: ["none", "full", *lost, "full", "unknown", "full"],
        5: ["full", "none"],
    }
    began = {
        (since - moments[0]) / HOUR: end - since
        for _, state, since, end, *_ in grants(desk)
        if state == "grace"
    }
    assert began == dict.fromkeys((110, 420, 430, 736), 71.5 * HOUR) | {136: 45.5 * HOUR}
    first, told = grants(desk), desk.notices()
    assert len(told) == 1 and "begins for 2 holders" in told[0]
    for at in moments[::20]:
        desk.judge(at)
    assert (grants(desk), desk.notices()) == (first, told), "twice"
    shuffled = random.Random(5).sample(moments, len(moments))
    for runs_at_once, order in ((1, moments), (1, moments[::-1]), (3, shuffled)):
        desk.rows("DELETE FROM access_grants")
        with ThreadPoolExecutor(runs_at_once) as workers:
            list(workers.map(desk.judge, order))
        assert (grants(desk), desk.notices()) == (first, told), f"{runs_at_once} at once"


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


def test_the_grace_that_was_set_when_a_raise_was_decided_stays_and_a_moment_that_is_judged_is_not_read(desk):
    begin = half_past(desk.now) - 80 * HOUR
    desk.hold(_1=[1])
    desk.require(1000, begin)
    read(desk, begin, {1: 1500})
    desk.rows(
        "INSERT INTO token_requirements (requirement, outcome, reason, valid_from, grace_ends_at)"
        " VALUES (2000, 'raised', 'a test', :at, :ends)",
        at=begin + HOUR, ends=begin + 90 * HOUR,
    )  # fmt: skip
    desk.judge(begin + 2 * HOUR)
    desk.settings = desk.settings.model_copy(update={"access_grace": HOUR})
    read(desk, begin + 79 * HOUR, {})
    desk.judge(begin + 79 * HOUR)
    assert [(state, end) for _, state, _, end, *_ in grants(desk)] == [
        ("full", None), ("grace", begin + 90 * HOUR),
    ]  # fmt: skip
    desk.judge(desk.now)
    assert desk.check(desk.now) is None, "of a moment that is judged"


def test_a_moment_is_left_to_the_run_that_reads_its_balances(desk):
    desk.hold(_1=[1500])
    desk.require(1000, desk.now - HOUR)
    desk.rows(
        "INSERT INTO access_checks (checked_at, run_id, claim, claimed_until)"
        " VALUES (:at, 'x', gen_random_uuid(), now() + interval '1 minute')",
        at=desk.now,
    )
    later = desk.now + timedelta(microseconds=1)
    desk.judge(later)
    assert desk.rows("SELECT max(judged_at) < :at FROM access_counts", at=desk.now) != [(False,)]
    assert desk.check(later) is None, "one at a time"
    desk.rows("UPDATE access_checks SET claimed_until = now()")
    desk.judge(later)
    assert desk.rows("SELECT max(judged_at) FROM access_counts") == [(later,)]
