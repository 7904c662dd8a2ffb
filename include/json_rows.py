"""Rows that the database writes as JSON objects, for programs: camelCase names, and nothing lost on the way.

A model names the columns of a table and what each may hold; `object_sql` writes the expression that makes the
object. So a page of a list is text when it leaves the database, and nothing in Python looks at its values.
"""

import functools
from datetime import date, datetime
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, ConfigDict, WithJsonSchema

# What no client's calendar holds (infinity, years before 1 or after 9999), and what no double holds, is null.
IN_CALENDARS = "{0} >= '0001-01-01 00:00Z' AND {0} < '10000-01-01 00:00Z'"
TIME = (
    f"CASE WHEN {IN_CALENDARS} "
    "THEN overlay(({0} AT TIME ZONE 'UTC')::text PLACING 'T' FROM 11 FOR 1) || 'Z' END"
)
# The same in quotes, in two thirds of the time: the server's own JSON has the T.
QUOTED_TIME = f"CASE WHEN {IN_CALENDARS} THEN left(to_json({{0}} AT TIME ZONE 'UTC')::text, -1) || 'Z\"' END"
DATE = "CASE WHEN {0} BETWEEN '0001-01-01' AND '9999-12-31' THEN {0}::text END"
NUMBER = "CASE WHEN abs({0}) < 1e300 THEN {0} END"
EXACT_NUMBER = "CASE WHEN abs({0}) < 1e300 THEN ({0})::text END"

GROUP = 40  # members in one `concat`, which takes 100 arguments

# A decimal number; with `exact` it is written as a text, so that no reader makes a float of it.
Number = Annotated[Decimal, WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]})]


def camel_case(name: str) -> str:
    """`take_profit_1` -> `takeProfit1`, `price_change_24h` -> `priceChange24h`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


class ShownRow(BaseModel):
    """Columns of one table, by their names there; null is unknown."""

    model_config = ConfigDict(alias_generator=camel_case)


@functools.cache
def object_sql(model: type[ShownRow], row: str, *, exact: bool = False) -> str:
    """Write the SQL that makes a JSON object, with the fields of the model, of `row`, an alias.

    Decimals are numbers with all their digits, or texts with `exact`. Times are ISO 8601 in UTC with a Z,
    whatever the session's time zone; its DateStyle must be ISO, as `include.database.connect` leaves it.
    """
    return f"({object_text_sql(model, row, exact=exact)})::json"


@functools.cache
def object_text_sql(model: type[ShownRow], row: str, *, exact: bool = False) -> str:
    """Write the SQL of the text of the object that `object_sql` makes.

    Put together, it takes half of what `json_build_object` does, which finds out the type of each value anew.
    """
    members = []
    for place, (name, field) in enumerate(model.model_fields.items()):
        before = "," if place else "{"
        value = _json_text(f"{row}.{name}", field.annotation, exact)
        members.append(f"'{before}\"{camel_case(name)}\":', coalesce({value}, 'null')")
    groups = [members[first : first + GROUP] for first in range(0, len(members), GROUP)]
    parts = [f"concat({', '.join(group)})" for group in groups]
    return f"concat({', '.join(parts)}, '}}')"


def value_sql(expression: str, kind: type, *, exact: bool = False) -> str:
    """Write the SQL of one value as `object_sql` does; `kind` is its type in Python."""
    return _cell(expression, kind, exact)


def _cell(expression: str, annotation: Any, exact: bool) -> str:
    kinds = _kinds(annotation)
    if Decimal in kinds:
        return (EXACT_NUMBER if exact else NUMBER).format(expression)
    if datetime in kinds:
        return TIME.format(expression)
    if date in kinds:
        return DATE.format(expression)
    return expression


def _json_text(expression: str, annotation: Any, exact: bool) -> str:
    """A value as text that is JSON; null where it is null."""
    kinds = _kinds(annotation)
    if datetime in kinds:
        return QUOTED_TIME.format(expression)
    cell = _cell(expression, annotation, exact)
    if UUID in kinds or (Decimal in kinds and exact):  # holds nothing that JSON escapes
        return f"'\"' || {cell} || '\"'"
    if Decimal in kinds or int in kinds or bool in kinds:
        return f"({cell})::text"
    return f"to_json({cell})::text"


def _kinds(annotation: Any) -> tuple[Any, ...]:
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return tuple(get_args(kind)[0] if get_origin(kind) is Annotated else kind for kind in kinds)
