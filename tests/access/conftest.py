"""For the tests of token access: the sandbox's token, its sources of prices, and a node."""

import contextlib
import hashlib
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from include.access.adjustment import adjust_requirement
from include.access.verification import check_balances, judge_access
from include.http import Retry
from include.http.client import Client
from include.services import find_service
from include.settings import Endpoint, Settings
from include.settings.access import ALPHABET

MINT = "6RMi2pWqEmAE6aH7wrFiAjPvoxAEQV2JVYiufDJXn9L"
HOUR = timedelta(hours=1)
UNIT = 10**9


def wallet(number):
    """A valid address."""
    value, letters = int.from_bytes(b"\xff" + hashlib.sha256(str(number).encode()).digest()[1:]), ""
    while value:
        value, digit = divmod(value, 58)
        letters = ALPHABET[digit] + letters
    return letters


def user(number):
    return UUID(int=number)


class Desk:
    """What the two DAGs do, over a database and a sandbox."""

    def __init__(self, engine, sandbox, **settings):
        self.engine, self.sandbox = engine, sandbox
        self.settings = Settings.model_construct(access_mint=MINT, **settings)
        with engine.connect() as connection:
            self.now = connection.execute(text("SELECT now()")).scalar_one()

    def endpoint(self, name):
        key = "k" if name == "jupiter" else None
        path = {"market_coingecko": "coingecko/api/v3", "geckoterminal": "geckoterminal/api/v2"}.get(
            name, name
        )
        return Endpoint(f"{self.sandbox.url}/{path}", key)

    def adjust(self, at):
        return adjust_requirement(self.engine, self.settings, at, self.endpoint)

    def client(self):
        once = replace(find_service("solana"), retry=Retry(attempts=1))
        return contextlib.closing(Client(once, self.endpoint("solana"), self.engine))

    def check(self, at, run_id="run"):
        with self.client() as client:
            return check_balances(self.engine, client, self.settings, at, run_id=run_id)

    def judge(self, at):
        return judge_access(self.engine, self.settings, at)

    def rows(self, statement, **values):
        with self.engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def hold(self, **amounts):
        """Give users wallets: `hold(_1=[10, 20])` is user 1 with wallet 1 in two accounts."""
        for name, tokens in amounts.items():
            number = int(name.strip("_"))
            self.rows(
                "INSERT INTO token_holders (user_id, wallet, added_at) VALUES (:user, :wallet, :at)"
                " ON CONFLICT DO NOTHING",
                user=user(number), wallet=wallet(number), at=self.now - 1000 * HOUR,
            )  # fmt: skip
            self.sandbox.token("balance", wallet=wallet(number), amounts=[one * UNIT for one in tokens])

    def hold_many(self, count):
        """Give so many users a wallet each, which holds what the sandbox thinks of."""
        holders = [(str(user(number)), wallet(number)) for number in range(1, count + 1)]
        self.rows(
            "INSERT INTO token_holders (user_id, wallet, added_at)"
            " SELECT *, :at FROM unnest(CAST(:users AS uuid[]), CAST(:wallets AS text[]))",
            users=[one for one, _ in holders], wallets=[one for _, one in holders],
            at=self.now - 1000 * HOUR,
        )  # fmt: skip

    def require(self, requirement, at):
        self.rows(
            "INSERT INTO token_requirements (requirement, average_price, reason, valid_from, outcome)"
            " VALUES (:requirement, 0.01, 'a test', :at, 'raised')",
            requirement=requirement, at=at,
        )  # fmt: skip

    def states(self):
        """User's number -> its states in order."""
        found = {}
        for id_, state in self.rows("SELECT user_id, state FROM access_grants ORDER BY user_id, since"):
            found.setdefault(id_.int, []).append(state)
        return found

    def notices(self):
        return [title for (title,) in self.rows("SELECT title FROM alert_notices ORDER BY created_at, title")]


@pytest.fixture
def desk(database, sandbox):
    return Desk(database, sandbox)
