"""What a failing test says of the stack can be read, and holds no secret."""

import re

import pytest

from local.state import State
from tests.support.diagnosis import describe

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def test_what_the_stack_knows_is_readable_and_holds_no_secret(stack):
    said = describe(stack)
    # In lines of its own: a log that it shows may well say the same.
    assert [line for line in said.splitlines() if line.startswith("cannot be read: ")] == []
    assert "scheduler (" in said and not re.search(r"^\w+ \(\d+\) is gone", said, re.MULTILINE)
    for secret in (*State(stack.folder).secrets().values(), stack.database_url.split(":")[2].split("@")[0]):
        assert secret not in said
