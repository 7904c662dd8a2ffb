"""What wallets hold of the token, by Solana's JSON-RPC: integers, summed over all accounts of each owner.

A filter by mint finds the accounts of both token programs. What cannot be read, of one wallet, is a reading
that says why; what strikes the node raises ServiceError.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from include.http import BadAnswerError
from include.http.answer import dig
from include.http.client import Client

MOST_WALLETS = 100  # of one call
COMMITMENT = "confirmed"
LARGEST_AMOUNT = 2**64 - 1  # of one account
LARGEST_DECIMALS = 255
HOLDING_STATES = ("initialized", "frozen")  # what is frozen is held all the same


@dataclass(frozen=True)
class BalanceReading:
    """One wallet: the amount in the smallest unit at a slot, or why there is none."""

    wallet: str
    amount: int | None
    slot: int | None
    reason: str | None = None


class UnreadableBalanceError(Exception):
    """An answer about one wallet that cannot be read; the message says why."""


def read_decimals(client: Client, mint: str) -> int:
    """How many decimals the token has, which also shows that there is such a mint. Raises ServiceError."""
    asked = {
        "jsonrpc": "2.0",
        "id": 0,
        "method": "getTokenSupply",
        "params": [mint, {"commitment": COMMITMENT}],
    }
    answer = client.post_json("/", asked, idempotent=True)
    decimals = dig(answer, "result", "value", "decimals")
    if type(decimals) is not int or not 0 <= decimals <= LARGEST_DECIMALS:
        raise BadAnswerError(client.service.name, f"says of the token's supply: {str(answer)[:200]}")
    return decimals


def read_balances(
    client: Client, wallets: Sequence[str], *, mint: str, decimals: int, since_slot: int
) -> list[BalanceReading]:
    """Read what at most 100 wallets hold, in one call, as of `since_slot` or later.

    Raises ServiceError: the node is down, behind, or wants a pause. No wallet is read then.
    """
    if len(wallets) > MOST_WALLETS:
        raise ValueError(f"{len(wallets)} wallets in one call; at most {MOST_WALLETS}")
    how = {"encoding": "jsonParsed", "commitment": COMMITMENT, "minContextSlot": since_slot}
    asked = [
        {
            "jsonrpc": "2.0",
            "id": number,
            "method": "getTokenAccountsByOwner",
            "params": [wallet, {"mint": mint}, how],
        }
        for number, wallet in enumerate(wallets)
    ]
    answers = client.post_json("/", asked, idempotent=True)
    if not isinstance(answers, list):
        raise BadAnswerError(client.service.name, f"answered a batch with {str(answers)[:200]}")
    by_id: dict[Any, Any] = {}
    for answer in answers:
        if isinstance(answer, dict) and type(answer.get("id")) is int:
            by_id.setdefault(answer["id"], answer)
    readings = []
    for number, wallet in enumerate(wallets):
        try:
            amount, slot = _read_one(by_id.get(number), wallet, mint, decimals, since_slot)
            readings.append(BalanceReading(wallet, amount, slot))
        except UnreadableBalanceError as error:
            readings.append(BalanceReading(wallet, None, None, str(error)))
    return readings


def _read_one(answer: Any, wallet: str, mint: str, decimals: int, since_slot: int) -> tuple[int, int]:
    if answer is None:
        raise UnreadableBalanceError("no answer")
    if answer.get("error"):
        raise UnreadableBalanceError(f"error: {str(answer['error'])[:200]}")
    slot, accounts = dig(answer, "result", "context", "slot"), dig(answer, "result", "value")
    if type(slot) is not int or not isinstance(accounts, list):
        raise UnreadableBalanceError("an answer of another shape")
    if slot < since_slot:
        raise UnreadableBalanceError(f"as of slot {slot}, before slot {since_slot}, which is known")
    seen: dict[str, int] = {}
    for account in accounts:
        key = account.get("pubkey") if isinstance(account, dict) else None
        info = dig(account, "account", "data", "parsed", "info")
        said = dig(info, "tokenAmount", "amount")
        if not isinstance(key, str) or not isinstance(said, str) or not (said.isascii() and said.isdecimal()):
            raise UnreadableBalanceError("one of its accounts cannot be read")
        if dig(info, "mint") != mint or dig(info, "owner") != wallet:
            raise UnreadableBalanceError("one of the accounts is another's, or of another token")
        if dig(info, "tokenAmount", "decimals") != decimals or int(said[:40]) > LARGEST_AMOUNT:
            raise UnreadableBalanceError("one of its accounts has an amount that cannot be")
        if dig(info, "state") in HOLDING_STATES:
            seen[key] = int(said)
    return sum(seen.values()), slot
