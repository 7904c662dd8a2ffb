"""Filling a JSON schema without a model: facts where they fit, else values inside the bounds, plain text.

Deterministic: the same schema and facts give the same values. A text never holds a figure that was not in
the facts.
"""

import re
from collections import deque
from json import dumps
from typing import Any
from zlib import crc32

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

Schema = dict[str, Any]

DEPTH_LIMIT = 20
UNBOUNDED_WIDTH = 100.0  # of the range of numbers where a schema names one bound or none
DATES = {"date-time": "2020-01-01T00:00:00Z", "date": "2020-01-01", "time": "00:00:00Z"}  # the market's epoch


class UnfillableError(ValueError):
    """No value for this schema can be made here; the text says where and why."""


def known_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """All keys of the facts with their values, however deep; the shallowest wins."""
    known: dict[str, Any] = {}
    waiting: deque[Any] = deque([facts])
    while waiting:
        part = waiting.popleft()
        if isinstance(part, dict):
            for name, value in part.items():
                known.setdefault(name, value)
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return known


def fill(schema: Schema, facts: dict[str, Any]) -> Any:
    """A value that fits the schema. Raises UnfillableError."""
    value = _Filler(schema, facts).fill(schema, "answer", 0)
    problem = next(Draft202012Validator(schema).iter_errors(value), None)
    if problem is not None:
        raise UnfillableError(f"the sandbox cannot fill {problem.json_path}: {problem.message}")
    return value


class _Filler:
    def __init__(self, root: Schema, facts: dict[str, Any]) -> None:
        self._definitions: Schema = {name: root[name] for name in ("$defs", "definitions") if name in root}
        self._root = root
        self._known = known_facts(facts)
        self._seed = dumps(facts, sort_keys=True)

    def fill(self, schema: Schema, name: str, depth: int) -> Any:
        if depth > DEPTH_LIMIT:
            raise UnfillableError(f"the sandbox cannot fill {name}: the schema contains itself")
        schema = self._resolve(schema)
        if name in self._known and self._fits(self._known[name], schema):
            return self._known[name]
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][int(self._share(name) * len(schema["enum"]))]
        if options := schema.get("anyOf") or schema.get("oneOf"):
            chosen = next((option for option in options if option.get("type") != "null"), options[0])
            return self.fill(chosen, name, depth + 1)
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        match kind:
            case "object":
                properties = schema.get("properties", {})
                return {key: self.fill(part, key, depth + 1) for key, part in properties.items()}
            case "array":
                count = max(schema.get("minItems", 1), min(1, schema.get("maxItems", 1)))
                return [self.fill(schema.get("items", {}), f"{name} {at}", depth + 1) for at in range(count)]
            case "integer" | "number":
                return self._number(schema, name, whole=kind == "integer")
            case "boolean":
                return self._share(name) < 0.5
            case "null":
                return None
            case "string":
                return _text(schema, name)
        raise UnfillableError(f"the sandbox cannot fill {name}: its schema says no type it knows")

    def _resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            target: Any = self._root
            for step in schema["$ref"].removeprefix("#").strip("/").split("/"):
                target = target[step] if step else target
            schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
        return schema

    def _fits(self, value: Any, schema: Schema) -> bool:
        whole: Schema = {**self._definitions, **schema}
        return bool(Draft202012Validator(whole).is_valid(value))

    def _share(self, name: str) -> float:
        """A number in [0, 1) that depends on the name and the facts alone."""
        return crc32(f"{name}\0{self._seed}".encode()) / 2**32

    def _number(self, schema: Schema, name: str, *, whole: bool) -> float:
        step = schema.get("multipleOf") or (1 if whole else 0.01)
        lowest = schema.get("minimum", schema.get("exclusiveMinimum"))
        highest = schema.get("maximum", schema.get("exclusiveMaximum"))
        if lowest is None:
            lowest = 0.0 if highest is None else highest - UNBOUNDED_WIDTH
        if highest is None:
            highest = lowest + UNBOUNDED_WIDTH
        steps = int((highest - lowest) / step)
        # The bounds themselves are left out where there is room: they may be exclusive.
        value = lowest + (min(steps, 1) + int(self._share(name) * max(steps - 1, 1))) * step
        return int(value) if whole else round(value, 8)


def _text(schema: Schema, name: str) -> str:
    if "pattern" in schema:
        raise UnfillableError(f"the sandbox cannot fill {name}: a text with a pattern must come from a fact")
    if "format" in schema:
        if schema["format"] not in DATES:
            raise UnfillableError(f"the sandbox cannot fill {name}: it knows no format {schema['format']!r}")
        return DATES[schema["format"]]
    subject = " ".join(re.sub(r"[^a-z]+", " ", name.lower()).split()) or "answer"
    text = f"Sandbox: a placeholder for the {subject}, written without a model."
    while len(text) < schema.get("minLength", 0):
        text += " It says no more."
    return text[: schema.get("maxLength", len(text))]
