"""Every operation under requests that schemathesis makes up: nothing breaks, all answers are declared."""

from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.rows import NOW, insert_settled, insert_signal
from tests.support.web import ANNA, describe_api

EXAMPLES = 12  # of each operation, as declared and otherwise
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def document() -> dict[str, Any]:
    """As it is, but for the logins: the key of the test is sent, not made-up ones."""
    described = describe_api()
    del described["security"]
    return described


OPERATIONS = [found.ok() for found in schemathesis.openapi.from_dict(document()).get_all_operations()]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_no_request_breaks_an_operation(serve, operation):
    api = serve(api_requests_per_minute=1_000_000)
    with api.engine.begin() as connection:
        insert_signal(connection, user_id=ANNA, expires_at=NOW + timedelta(hours=1))
        insert_settled(connection, "completed_success", 12.5, user_id=ANNA)
    client = api.with_key("operate")

    @given(case=st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)))
    @settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
    def ask(case):
        sent = case.as_transport_kwargs(base_url="http://testserver")
        sent["headers"] = {**sent["headers"], **client.headers}
        sent.pop("cookies")
        if isinstance(sent.get("data"), bytes):
            sent["content"] = sent.pop("data")  # as its client takes raw bytes
        case.validate_response(client.request(**sent), checks=CHECKS)

    ask()
