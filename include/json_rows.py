"""Rows that the database writes as JSON objects, for programs: camelCase names, and nothing lost on the way.

A model names the columns of a table and what each may hold; `object_sql` writes the expression that makes the
object. So a page of a list is text when it leaves the database, and nothing in Python looks at its values.
"""

import functools
from datetime import date, datetime
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, WithJsonSchema

# What no client's calendar holds (infinity, years before 1 or after 9999), and what no double holds, is null.
TIME = (
    "CASE WHEN {0} >= '0001-01-01 00:00Z' AND {0} < '10000-01-01 00:00Z' "
    "THEN overlay(({0} AT TIME ZONE 'UTC')::text PLACING 'T' FROM 11 FOR 1) || 'Z' END"
)
DATE = "CASE WHEN {0} BETWEEN '0001-01-01' AND '9999-12-31' THEN {0}::text END"
NUMBER = "CASE WHEN abs({0}) < 1e300 THEN {0} END"
EXACT_NUMBER = "CASE WHEN abs({0}) < 1e300 THEN ({0})::text END"

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
    pairs = []
    for name, field in model.model_fields.items():
        pairs.append(f"'{camel_case(name)}', {_cell(f'{row}.{name}', field.annotation, exact)}")
    return f"json_build_object({', '.join(pairs)})"


def value_sql(expression: str, kind: type, *, exact: bool = False) -> str:
    """Write the SQL of one value as `object_sql` does; `kind` is its type in Python."""
    return _cell(expression, kind, exact)


def _cell(expression: str, annotation: Any, exact: bool) -> str:
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    kinds = tuple(get_args(kind)[0] if get_origin(kind) is Annotated else kind for kind in kinds)
    if Decimal in kinds:
        return (EXACT_NUMBER if exact else NUMBER).format(expression)
    if datetime in kinds:
        return TIME.format(expression)
    if date in kinds:
        return DATE.format(expression)
    return expression
