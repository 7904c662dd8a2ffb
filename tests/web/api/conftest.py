"""What the tests of the API share: `api` is the API over a real database, as the plugin mounts it."""

from collections.abc import Callable

import pytest

from tests.support.web import ApiUnderTest, make_api


@pytest.fixture
def serve(database) -> Callable[..., ApiUnderTest]:
    """Make the API with other settings: `serve(api_requests_per_minute=3)`."""
    return lambda **settings: make_api(database, **settings)


@pytest.fixture
def api(serve) -> ApiUnderTest:
    return serve()
