"""What holds for every route of the API, also those to come: they are found in its OpenAPI document."""

import json
import re
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from sqlalchemy import text

from tests.support.rows import NOW, insert_settled, insert_signal
from tests.support.web import ANNA, BERT, ApiUnderTest, describe_api

ROOT = "/api/atge"
# A name of a parameter, of the query, the path or the body -> what it is the id of.
IDS = {"tradeSignalId": "trade", "id": "trade", "runId": "run", "wallet": "wallet"}
MADE_UP = {
    "trade": str(uuid4()),
    "run": str(uuid4()),
    "wallet": "So11111111111111111111111111111111111111112",
}
REFUSALS = {"401", "403", "413", "422", "429", "503"}
UNREADABLE = {
    "NUL": "%00",
    "half a character": "%ED%A0%80",
    "huge": "9" * 400,
    "a year that no calendar has": "12026-01-01T00:00:00Z",
    "empty": "",
    "infinity": "Infinity",
}


@cache
def document() -> dict[str, Any]:
    return describe_api()


class Operation:
    """One method of one path, and requests of it."""

    def __init__(self, method: str, path: str, described: dict[str, Any]) -> None:
        self.method, self.path, self.described = method.upper(), path, described

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> list[dict[str, Any]]:
        return [one for one in self.described.get("parameters", []) if one["in"] in ("path", "query")]

    @property
    def body(self) -> dict[str, Any]:
        """The fields of the body, by name."""
        if "requestBody" not in self.described:
            return {}
        schema = resolve(self.described["requestBody"]["content"]["application/json"]["schema"])
        return schema["properties"]

    @property
    def required(self) -> list[str]:
        if "requestBody" not in self.described:
            return []
        content = self.described["requestBody"]["content"]["application/json"]
        return resolve(content["schema"]).get("required", [])

    def names_ids(self) -> bool:
        return bool(IDS.keys() & ({one["name"] for one in self.parameters} | self.body.keys()))

    def ask(self, client, ids: dict[str, str], raw_query: str = "", **changed: str):
        """Send a request with these ids wherever it takes some, and with examples for what it needs."""
        path, query, body = self.path, [], {}
        for one in self.parameters:
            name = one["name"]
            value = changed.get(name) or (ids[IDS[name]] if name in IDS else None)
            if value is None and one.get("required"):
                value = example(one["schema"])
            if value is not None and one["in"] == "path":
                path = path.replace(f"{{{name}}}", value)
            elif value is not None:
                query.append(f"{name}={value}")
        for name, schema in self.body.items():
            if name in IDS:
                body[name] = ids[IDS[name]]
            elif name in self.required:
                body[name] = example(schema)
        url = f"{path}?{'&'.join([*query, raw_query])}".rstrip("?&")
        return client.request(self.method, url, json=body if self.body else None)


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return document()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def example(schema: dict[str, Any]) -> Any:
    """A value that a schema takes."""
    schema = resolve(schema)
    for name in ("const", "default"):
        if schema.get(name) is not None:
            return schema[name]
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return example(schema["anyOf"][0])
    if schema.get("format") == "uuid":
        return str(uuid4())
    return {"integer": 1, "number": 1, "boolean": False, "object": {}, "array": []}.get(schema["type"], "BTC")


OPERATIONS = [
    Operation(method, path, described)
    for path, item in document()["paths"].items()
    for method, described in item.items()
]


@pytest.fixture
def annas(api: ApiUnderTest) -> dict[str, str]:
    """A settled trade and a run of Anna's."""
    with api.engine.begin() as connection:
        past = {"generated_at": NOW - timedelta(hours=3), "expires_at": NOW - timedelta(hours=1)}
        trade = insert_settled(
            connection, "completed_success", 12.5, user_id=ANNA, symbol="ANNASCOIN", **past
        )
        insert_signal(connection, user_id=ANNA, symbol="ANNASCOIN")
        run = connection.execute(
            text(
                "INSERT INTO api_runs (dag_id, user_id, started_by, conf, started_at) "
                "VALUES ('generate_signals', :user, 'key:top_anna', '{}', now()) RETURNING id"
            ),
            {"user": ANNA},
        ).scalar_one()
        wallet = "6RMi2pWqEmAE6aH7wrFiAjPvoxAEQV2JVYiufDJXn9L"
        connection.execute(
            text("INSERT INTO token_holders (user_id, wallet) VALUES (:user, :wallet)"),
            {"user": ANNA, "wallet": wallet},
        )
    return {"trade": str(trade), "run": str(run), "wallet": wallet}


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_rows_of_another_user_are_not_there(api, annas, operation):
    """Where an id is named it is 404; where none is, nothing of Anna's is in the answer."""
    anna, bert = (api.with_key("read", "write", user=user) for user in (ANNA, BERT))
    hers, his = operation.ask(anna, annas), operation.ask(bert, annas)
    if operation.names_ids():
        assert his.status_code == 404
        assert hers.status_code < 500
        assert hers.status_code not in (401, 403, 404, 422)
        assert operation.ask(anna, MADE_UP).status_code == 404
    else:
        assert his.status_code < 500
        for secret in (*annas.values(), str(ANNA), "ANNASCOIN"):
            assert secret not in his.text
    about_anna = [conf for conf in api.runs.started.values() if annas["trade"] in str(conf)]
    assert len(about_anna) <= 1  # hers


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_nobody_is_told_anything(api, annas, operation):
    answer = operation.ask(api.client(), annas)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_every_parameter_says_what_is_wrong_with_it(api, annas, operation):
    client = api.with_key("operate")
    unknown = operation.ask(client, annas, raw_query="nonsense%00=1")
    assert unknown.status_code == 422
    assert "nonsense" in unknown.json()["error"]
    for one in operation.parameters:
        for what, value in UNREADABLE.items():
            if one["in"] == "path" and not value:
                continue
            answer = operation.ask(client, annas, **{one["name"]: value})
            assert answer.status_code < 500, what
            if what == "NUL":
                assert answer.status_code == 422
            if answer.status_code == 422:
                assert one["name"] in answer.json()["error"], what
    if "limit" in {one["name"] for one in operation.parameters}:
        assert operation.ask(client, annas, limit="1000").status_code == 422


@pytest.mark.parametrize("path", sorted({operation.path for operation in OPERATIONS}))
def test_another_method_is_refused_with_those_that_there_are(api, path):
    url = re.sub(r"\{(\w+)\}", lambda name: MADE_UP[IDS[name[1]]], path)
    answer = api.with_key("operate").request("PATCH", url)
    assert answer.status_code == 405
    known = {operation.method for operation in OPERATIONS if operation.path == path}
    assert set(answer.headers["Allow"].split(", ")) == known


def test_the_document_is_valid_and_declares_every_refusal():
    OpenAPIV31SpecValidator(document()).validate()
    assert document()["openapi"] == "3.1.0"
    for operation in OPERATIONS:
        declared = operation.described["responses"]
        assert declared.keys() >= REFUSALS, operation
        assert ("404" in declared) >= operation.names_ids(), operation
        assert operation.described["summary"]
        for status in REFUSALS:
            assert "application/problem+json" in declared[status]["content"]
    assert set(document()["components"]["securitySchemes"]) == {"apiKey", "apiKeyHeader", "airflowLogin"}


def test_the_documents_hold_every_route_and_their_pages_load_nothing(api):
    client, whole, paths = api.with_key("read"), json.loads(json.dumps(document())), {}
    for place in (ROOT, "/api/access", "/api/risk", "/debug"):
        served = client.get(f"{place}/openapi.json").json()
        assert served.pop("servers") == [{"url": place}]
        here = {place + path: item for path, item in served.pop("paths").items()}
        assert here and served == {name: part for name, part in whole.items() if name != "paths"}
        page = client.get(f"{place}/docs")
        assert page.status_code == 200
        for path, item in here.items():
            assert all(f"{method.upper()} {path}" in page.text for method in item)
        assert "http" not in page.text.replace("application/problem+json", "")
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        paths |= here
    assert paths == whole["paths"]


def test_a_generated_client_finds_names_for_everything():
    """Names of operations are those of functions, and no two values of a choice become one name."""
    document = describe_api()
    names = [one["operationId"] for item in document["paths"].values() for one in item.values()]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z][a-zA-Z]+", name)] == []

    def choices(part):
        if isinstance(part, dict):
            if isinstance(part.get("enum"), list):
                yield part["enum"]
            for inner in part.values():
                yield from choices(inner)
        elif isinstance(part, list):
            for inner in part:
                yield from choices(inner)

    assert [one for one in choices(document) if len({str(value).upper() for value in one}) < len(one)] == []
