"""Filling schemas without a model."""

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.schema_filler import UnfillableError, fill, known_facts


def bounds(numbers, step):
    def with_bounds(low, width, exclusive):
        names = ("exclusiveMinimum", "exclusiveMaximum") if exclusive else ("minimum", "maximum")
        return dict(zip(names, (low, low + width), strict=True))

    return st.builds(with_bounds, numbers, st.integers(2, 500).map(lambda n: n * step), st.booleans())


NUMBERS = st.one_of(
    bounds(st.integers(-1_000, 1_000), 1).map(lambda b: {"type": "integer", **b}),
    bounds(st.integers(-1_000, 1_000), 0.5).map(lambda b: {"type": "number", **b}),
    st.sampled_from(
        [{"type": "integer"}, {"type": "number", "minimum": 3}, {"type": "number", "maximum": -3}]
    ),
)
TEXTS = st.builds(
    lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
    st.integers(0, 200),
    st.integers(0, 50),
)
LEAVES = st.one_of(
    NUMBERS,
    TEXTS,
    st.sampled_from(
        [
            {"type": "boolean"},
            {"type": "null"},
            {"type": ["string", "null"]},
            {"const": "fixed"},
            {"enum": ["a", "b", None]},
            {"type": "string", "format": "date-time"},
            {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 2}]},
        ]
    ),
)


def objects(parts):
    return st.dictionaries(st.sampled_from(["price", "level_2", "Note", "x"]), parts, max_size=4).map(
        lambda p: {"type": "object", "properties": p, "required": list(p), "additionalProperties": False}
    )


def arrays(parts):
    return st.builds(
        lambda part, low, more: {"type": "array", "items": part, "minItems": low, "maxItems": low + more},
        parts,
        st.integers(0, 3),
        st.integers(0, 2),
    )


SCHEMAS = st.recursive(LEAVES, lambda parts: objects(parts) | arrays(parts), max_leaves=8)


def texts_in(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, str):
        yield value


@given(SCHEMAS, st.dictionaries(st.sampled_from(["price", "Note", "y"]), st.integers() | st.text("ab ")))
def test_whatever_the_schema_the_value_fits_and_is_stable(schema, facts):
    value = fill(schema, facts)
    jsonschema.validate(value, schema)
    assert fill(schema, facts) == value


@given(SCHEMAS)
def test_texts_hold_no_figures(schema):
    for text in texts_in(fill(schema, {})):
        assert text in ("2020-01-01T00:00:00Z",) or not any(character.isdigit() for character in text)


def schema_of(**properties):
    return {"type": "object", "properties": properties, "required": list(properties)}


def test_facts_are_used_where_they_fit():
    schema = schema_of(
        price={"type": "number", "maximum": 100},
        side={"enum": ["LONG", "SHORT"]},
        fee={"type": ["number", "null"]},
        note={"type": "string", "maxLength": 9},
    )
    facts = {"price": 12.5, "trade": {"side": "SHORT", "price": 7}, "fee": None, "note": "as is"}
    assert fill(schema, facts) == {"price": 12.5, "side": "SHORT", "fee": None, "note": "as is"}
    refused = fill(schema, {"price": 101, "side": "UP", "fee": "much", "note": "far too long"})
    assert 0 <= refused["price"] <= 100
    assert refused["side"] in ("LONG", "SHORT")
    assert isinstance(refused["fee"], float)
    assert refused["note"] == "Sandbox: "


def test_definitions_are_followed():
    schema = {
        "$defs": {"Level": schema_of(price={"type": "number"})},
        **schema_of(
            entry={"$ref": "#/$defs/Level"}, levels={"type": "array", "items": {"$ref": "#/$defs/Level"}}
        ),
    }
    assert fill(schema, {"price": 3}) == {"entry": {"price": 3}, "levels": [{"price": 3}]}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string", "pattern": "^[A-Z]+$"}, "pattern"),
        ({"type": "string", "format": "uuid"}, "'uuid'"),
        ({}, "no type"),
        ({"$defs": {"N": schema_of(n={"$ref": "#/$defs/N"})}, "$ref": "#/$defs/N"}, "contains itself"),
        ({"type": "integer", "minimum": 1, "maximum": 0}, "cannot fill"),
    ],
)
def test_what_cannot_be_filled_says_so(schema, words):
    with pytest.raises(UnfillableError, match=words):
        fill(schema_of(thing=schema) | {"$defs": schema.get("$defs", {})}, {})


def test_the_shallowest_fact_wins():
    assert known_facts({"a": {"b": 1, "c": {"d": 2}}, "b": 3, "list": [{"d": 4, "e": 5}]}) == {
        "a": {"b": 1, "c": {"d": 2}}, "b": 3, "c": {"d": 2}, "d": 2, "e": 5, "list": [{"d": 4, "e": 5}],
    }  # fmt: skip
