"""What is wrong with a value and what would be right, in words that need no knowledge of Python.

pydantic finds the faults; this says them of its models' fields.
"""

import json
import re
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel
from pydantic.fields import FieldInfo

MAX_VALUE_CHARACTERS = 60  # characters of a value that a message repeats
PRIVATE = re.compile("SECRET-KEY|PRIVATE KEY", re.IGNORECASE)  # who mixes up the halves of a pair shows none
NUMBERS = {int: "a whole number", float: "a number", Decimal: "a number"}
TYPE_NAMES: dict[Any, str] = {
    str: "a text",
    bool: "true or false",
    Path: "a path, as a text",
    UUID: "an id such as 0f8fad5b-d9cb-469f-a165-70867728950e",
    timedelta: "a duration such as PT15M or P30D, or a number of seconds",
}


@dataclass(frozen=True)
class Complaint:
    """One fault: `name` is the field, with a dot before what is inside; `words` go on after the name."""

    name: str
    words: str
    unknown: bool = False  # there is no such field

    @property
    def sentence(self) -> str:
        """Name and words; a fault of the whole has no name."""
        return f"{self.name or 'it'}{self.words}"


def complaints(model: type[BaseModel], errors: Iterable[Mapping[str, Any]]) -> list[Complaint]:
    """Say the faults that `ValidationError.errors()` lists, one a field."""
    found: dict[str, Complaint] = {}
    for error in errors:
        path = tuple(part for part in error["loc"] if part != "[key]")
        name, field = _find(model, path)
        if error["type"] == "extra_forbidden":
            complaint = Complaint(".".join(map(str, path)), " is unknown", unknown=True)
        elif "[key]" in error["loc"]:
            holder, field = _find(model, path[:-1])
            right = describe(get_args(field.annotation)[0]) if field else "another name"
            complaint = Complaint(holder, f" names {shown(error['input'])}; each name must be {right}")
        elif error["type"] == "missing":
            complaint = Complaint(name, f" is missing; it must be {describe_field(field)}")
        elif error["type"] == "value_error":  # a check of our own: it knows better
            why = str(error["ctx"]["error"])
            complaint = Complaint(name, f" is {shown(error['input'])}: {why}")
        else:
            complaint = Complaint(name, f" is {shown(error['input'])}; it must be {describe_field(field)}")
        found.setdefault(complaint.name, complaint)
    return list(found.values())


def shown(value: Any) -> str:
    """A value as JSON has it, cut where it is long; of a private key only that it is one."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    if PRIVATE.search(text):
        return "a private key"
    return text if len(text) <= MAX_VALUE_CHARACTERS else text[: MAX_VALUE_CHARACTERS - 1] + "…"


def describe_field(field: FieldInfo | None) -> str:
    """What a field takes."""
    return describe(field.annotation, field.metadata) if field else "left out"


def describe(kind: Any, limits: Iterable[Any] = ()) -> str:
    """What a type takes, within limits."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return describe(inside[0], [*_limits(inside[1:]), *limits])
    if origin in (Union, types.UnionType):
        rest = [describe(one, limits) for one in inside if one is not type(None)]
        return " or ".join(rest) + (" or null" if type(None) in inside else "")
    if origin is Literal:
        return ("one of " if len(inside) > 1 else "") + ", ".join(map(str, inside))
    if origin in (tuple, list):
        return f"a list{_within(limits)}, each entry {describe(inside[0])}"
    if origin is dict:
        return f"an object, each name {describe(inside[0])}, each value {describe(inside[1])}"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "an object with " + ", ".join(kind.model_fields)
    word = NUMBERS.get(kind) or TYPE_NAMES.get(kind, "another value")
    return word + _within(limits)


def _limits(metadata: Iterable[Any]) -> list[Any]:
    return [one for item in metadata for one in (item.metadata if isinstance(item, FieldInfo) else [item])]


def _within(limits: Iterable[Any]) -> str:
    said = []
    for limit in limits:
        for attribute, words in (
            ("ge", "{} or more"),
            ("gt", "more than {}"),
            ("le", "{} or less"),
            ("lt", "less than {}"),
        ):
            bound = getattr(limit, attribute, None)
            if bound is not None:
                said.append(words.format(bound))
        if getattr(limit, "min_length", None):
            said.append("not empty")
    return f" ({', '.join(said)})" if said else ""


def _find(model: type[BaseModel], path: tuple[int | str, ...]) -> tuple[str, FieldInfo | None]:
    """The deepest field on the path: its name with dots, and what it takes."""
    name: list[str] = []
    field: FieldInfo | None = None
    kind: Any = Any
    for part in path:
        if not name or (isinstance(kind, type) and issubclass(kind, BaseModel)):
            fields = kind.model_fields if name else model.model_fields
            if str(part) not in fields:
                break
            field = fields[str(part)]
            kind = field.annotation
        else:
            kind = _inside(kind, part)
            if kind is None:
                break
            field = FieldInfo.from_annotation(kind)
        name.append(str(part))
    return ".".join(name), field


def _inside(kind: Any, part: int | str) -> Any:
    """The type of an entry of a list or of a value of an object."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _inside(inside[0], part)
    if origin in (Union, types.UnionType):
        return next((found for one in inside if (found := _inside(one, part)) is not None), None)
    if origin in (tuple, list) and isinstance(part, int):
        return inside[0]
    if origin is dict:
        return inside[1]
    return None
