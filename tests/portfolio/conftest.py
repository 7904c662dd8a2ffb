"""For the tests of portfolios: IBKR's gateway as the sandbox imitates it, for a test to ask."""

from collections.abc import Iterator

import pytest

from include.http.client import Client
from include.services import find_service
from include.settings import Endpoint


@pytest.fixture
def gateway(sandbox, database) -> Iterator[Client]:
    """A client of the sandbox's gateway."""
    with Client(find_service("ibkr"), Endpoint(f"{sandbox.url}/ibkr"), database) as client:
        yield client
