"""Sample holders of the token for `make demo`, and five days of their history on the sandbox's prices.

The balances and the newest price are asked of the sandbox over HTTP, as the DAGs ask. The days before are
computed from the sandbox's price at each hour, and decided and judged as a backfill does.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from include.settings import Endpoint, Settings
from include.settings.access import ALPHABET
from sandbox.tokens import TokenLedger

if TYPE_CHECKING:
    from sqlalchemy import Engine

MINT = "6RMi2pWqEmAE6aH7wrFiAjPvoxAEQV2JVYiufDJXn9L"
HOLDERS = 60
HOURS = 5 * 24
PATHS = {"jupiter": "jupiter", "geckoterminal": "geckoterminal/api/v2", "solana": "solana"}

INSERT_HOLDERS = """
INSERT INTO token_holders (user_id, wallet, added_at, proof)
SELECT user_id, wallet, :at, 'a sample'
FROM jsonb_to_recordset(CAST(:holders AS jsonb)) AS h (user_id uuid, wallet text)
ON CONFLICT DO NOTHING
"""
INSERT_PRICES = """
INSERT INTO token_prices (source, taken_at, price)
SELECT source, taken_at, price
FROM jsonb_to_recordset(CAST(:prices AS jsonb)) AS p (taken_at timestamptz, price numeric)
CROSS JOIN unnest(ARRAY['geckoterminal', 'jupiter']) AS known (source)
ON CONFLICT DO NOTHING
"""
INSERT_CHECK = """
INSERT INTO access_checks (checked_at, run_id, claim, claimed_until, started_at, finished_at, wallets, slot)
VALUES (:at, 'sample', gen_random_uuid(), :at, :at, :at, :wallets, 1)
ON CONFLICT DO NOTHING
"""
INSERT_BALANCES = """
INSERT INTO token_balances (wallet, checked_at, amount, decimals, slot)
SELECT wallet, :at, amount, :decimals, 1
FROM jsonb_to_recordset(CAST(:balances AS jsonb)) AS b (wallet text, amount numeric)
ON CONFLICT DO NOTHING
"""


def fill_access(engine: "Engine", sandbox_url: str) -> dict[str, int]:
    """Write holders and their history, unless there are holders; then look, read and judge now.

    Gives the number of holders by state. Sandbox data says that it is: see `proof` of the sample holders.
    """
    from sqlalchemy import text

    from include.access.adjustment import adjust_requirement
    from include.access.balances import read_balances, read_decimals
    from include.access.verification import check_balances, judge_access
    from include.http.client import Client
    from include.services import find_service

    settings = Settings.model_construct(access_mint=MINT)
    now = datetime.now(UTC).replace(microsecond=0)
    begin = now.replace(minute=0, second=0) - HOURS * timedelta(hours=1)

    def endpoint(name: str) -> Endpoint:
        return Endpoint(f"{sandbox_url}/{PATHS[name]}", "sandbox-key" if name == "jupiter" else None)

    holders = [{"user_id": str(UUID(int=7_000_000 + n)), "wallet": make_wallet(n)} for n in range(HOLDERS)]
    wallets = [one["wallet"] for one in holders]
    with Client(find_service("solana"), endpoint("solana"), engine) as client:
        with engine.connect() as connection:
            known = connection.execute(text("SELECT EXISTS (SELECT FROM token_holders)")).scalar_one()
        if not known:
            decimals = read_decimals(client, MINT)
            read = read_balances(client, wallets, mint=MINT, decimals=decimals, since_slot=0)
            balances = [{"wallet": one.wallet, "amount": one.amount} for one in read]
            hours = [begin + hour * timedelta(hours=1) for hour in range(HOURS)]
            ledger = TokenLedger()
            prices = [
                {"taken_at": at.isoformat(), "price": str(ledger.read_price(at.timestamp()))} for at in hours
            ]
            with engine.begin() as connection:
                about = {
                    "at": begin,
                    "wallets": HOLDERS,
                    "decimals": decimals,
                    "holders": json.dumps(holders),
                }
                about |= {"prices": json.dumps(prices), "balances": json.dumps(balances)}
                for statement in (INSERT_HOLDERS, INSERT_PRICES, INSERT_CHECK, INSERT_BALANCES):
                    connection.execute(text(statement), about)
            for at in hours:
                adjust_requirement(engine, settings, at, endpoint)
                if at.hour % 4 == 0 or at == begin:
                    with engine.begin() as connection:
                        connection.execute(text(INSERT_CHECK), {"at": at, "wallets": HOLDERS})
                    judge_access(engine, settings, at)
        adjust_requirement(engine, settings, now, endpoint)
        check_balances(engine, client, settings, now, run_id=f"demo {now.isoformat()}")
    return {str(state): count for state, count in judge_access(engine, settings, now).items()}


def make_wallet(number: int) -> str:
    """A valid address that is nobody's."""
    value = int.from_bytes(b"\xff" + hashlib.sha256(f"sample {number}".encode()).digest()[1:])
    letters = ""
    while value:
        value, digit = divmod(value, len(ALPHABET))
        letters = ALPHABET[digit] + letters
    return letters
