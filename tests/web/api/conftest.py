"""What the tests of the API share: `api` is the API over a real database, as the plugin mounts it."""

from collections.abc import Callable

import pytest

from tests.support.web import ApiUnderTest, make_api


@pytest.fixture
def serve(database) -> Callable[..., ApiUnderTest]:
    """Make the API with other settings: `serve(api_requests_per_minute=3)`."""
    return lambda **settings: make_api(database, **settings)


@pytest.fixture(scope="session")
def kept_api(worker_engine) -> ApiUnderTest:
    """The API of all tests; ask for `api`. To make it costs as much as several requests."""
    return make_api(worker_engine)


@pytest.fixture
def api(database, kept_api) -> ApiUnderTest:
    """The API with the settings as they come; database, runs and secrets are empty."""
    kept_api.runs.forget()
    kept_api.secrets.clear()
    return kept_api
