"""For the tests of portfolios: IBKR's gateway as the sandbox imitates it, and rows of values."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, text

from include.http.client import Client
from include.services import find_service
from include.settings import Endpoint


@pytest.fixture
def open_client(sandbox, database) -> Callable[[str], AbstractContextManager[Client]]:
    """A client of a declared service, at the sandbox's gateway."""
    endpoint = Endpoint(f"{sandbox.url}/ibkr")
    return lambda name: Client(find_service(name), endpoint, database)


@pytest.fixture
def give_values(database: Engine) -> Callable[..., None]:
    """Write a portfolio's daily values, from returns, oldest first; the last is of `last`."""

    def give(portfolio: str, returns: list[float], last: date, *, value: float = 1000.0) -> None:
        rows = []
        for back, one in zip(range(len(returns) - 1, -1, -1), returns, strict=True):
            rows.append({"p": portfolio, "d": last - timedelta(days=back), "v": value, "r": float(one)})
        with database.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO portfolio_values"
                    " (portfolio_id, day, currency, value, profit, daily_return, basis)"
                    " VALUES (:p, :d, 'USD', :v, :v * :r, :r, 'positions')"
                ),
                rows,
            )

    return give
