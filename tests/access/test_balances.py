"""Balances by JSON-RPC: sums over accounts, integers, slots, and what a node does wrong."""

import json

import pytest
import yaml

from include.access.balances import read_balances, read_decimals
from include.http import ServiceError
from sandbox.tokens import TokenLedger
from tests.access.conftest import HOUR, MINT, wallet
from tests.support.recorded import DATA, assert_same_shape

SPL_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"


def read(desk, *numbers, since_slot=0):
    with desk.client() as client:
        decimals = read_decimals(client, MINT)
        wallets = [wallet(number) for number in numbers]
        return read_balances(client, wallets, mint=MINT, decimals=decimals, since_slot=since_slot)


def test_all_accounts_of_an_owner_count_to_the_last_unit(desk):
    odd = 9_007_199_254_740_993  # no float holds it
    for number, amounts in ((1, [odd, 1]), (2, []), (3, [2**64 - 1, 5])):
        desk.sandbox.token("balance", wallet=wallet(number), amounts=amounts)
    for program in (None, SPL_2022):
        if program:
            desk.sandbox.token("program", program=program)
        found = read(desk, 1, 2, 3)
        assert [one.amount for one in found] == [odd + 1, 0, 2**64 + 4]
        assert all(one.slot > 100_000_000 and one.reason is None for one in found)
    assert len(desk.sandbox.requests("solana")) == 4, "a call for all wallets, and one for the decimals"


@pytest.mark.parametrize("kind", ["unreadable_account", "one_fails", "one_missing", "old_slot"])
def test_what_cannot_be_read_of_one_wallet_is_no_balance(desk, kind):
    desk.sandbox.token("balance", wallet=wallet(1), amounts=[5, 7])
    desk.sandbox.token("balance", wallet=wallet(2), amounts=[3])
    known = read(desk, 1)[0].slot
    desk.sandbox.fail("solana", kind)
    with desk.client() as client:
        wallets = [wallet(1), wallet(2)]
        found = read_balances(client, wallets, mint=MINT, decimals=9, since_slot=known)
    assert found[0].amount is None and found[0].reason
    assert (found[1].amount is None) == (kind in ("old_slot", "unreadable_account"))


@pytest.mark.parametrize(
    ("kind", "options"),
    [("behind", {}), ("status", {"status": 429, "retry_after": 900}), ("error_in_200", {})],
)
def test_a_node_in_trouble_is_no_reading_and_the_check_goes_on_behind_what_it_kept(desk, kind, options):
    desk.hold_many(150)
    desk.check(desk.now - HOUR)  # late: nothing is asked
    assert desk.sandbox.requests("solana") == []
    original = desk.client

    def failing():
        desk.sandbox.fail("solana", kind, **options)
        return original()

    desk.client = failing
    with pytest.raises(ServiceError):
        desk.check(desk.now)
    assert desk.rows("SELECT wallets, finished_at FROM access_checks") == [(0, None)]
    assert desk.check(desk.now, run_id="another") is None, "the claim of the first holds"
    desk.sandbox.heal()
    desk.client = original
    desk.rows("DELETE FROM http_services")  # the pause that was asked for is over
    checked = desk.check(desk.now)
    assert (checked.wallets, checked.unreadable) == (150, 0)
    assert desk.check(desk.now) is None, "it is done"
    known = dict(desk.rows("SELECT wallet, amount FROM token_balances"))
    assert known == {
        wallet(number): sum(TokenLedger().read_amounts(wallet(number))) for number in range(1, 151)
    }


def test_the_shapes_are_those_of_the_recorded_node(desk):
    """The envelope and the context, from answers that a node of the main net gave."""
    path = DATA / "solana" / "test_solana_token_balances.yaml"
    if not path.exists():
        pytest.skip(f"no recorded answers here: {path} is absent")
    recorded = yaml.safe_load(path.read_text())["interactions"]
    bodies = [json.loads(one["response"]["body"]["string"]) for one in recorded]
    real = next(one for one in bodies if isinstance(one["result"], dict) and "context" in one["result"])
    asked = {"jsonrpc": "2.0", "id": 0, "method": "getTokenSupply", "params": [MINT]}
    ours = desk.sandbox.http.post("/solana/", json=asked).json()
    ours["result"].pop("value"), real["result"].pop("value")
    assert_same_shape(ours, real)
