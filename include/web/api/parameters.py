"""What every request is checked for before its route: unknown names, and text that cannot be stored."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.dependencies.utils import get_flat_dependant
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, ConfigDict

from include.json_rows import camel_case
from include.web.api.errors import wrong_parameters


def storable(text: str) -> str:
    """Refuse what PostgreSQL holds in no text: NUL, and halves of characters. Raises ValueError."""
    if "\x00" in text:
        raise ValueError("holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a character (a lone surrogate)") from None
    return text


Text = Annotated[str, AfterValidator(storable)]


class Body(BaseModel):
    """The body of a request, in camelCase: a subclass has a field for each name. Unknown ones are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=camel_case, populate_by_name=False, allow_inf_nan=False
    )


class AnswerShape(BaseModel):
    """What an answer looks like, for the description alone: answers are made as `JsonAnswer`."""

    model_config = ConfigDict(alias_generator=camel_case, populate_by_name=True)


EXACT = "money and prices as strings, with all their digits"
ExactDep = Annotated[bool, Query(description=EXACT)]  # `exact: ExactDep`: its answer holds money or prices


async def check_request(request: Request) -> None:
    """Refuse, with 422, unknown or repeated parameters of the query, and text that no database stores.

    A dependency of every route.
    """
    known = _query_names(request.scope["route"])
    wrong = []
    for name, value in request.query_params.multi_items():
        if name not in known:
            wrong.append(_wrong(name, f"unknown; there are {', '.join(sorted(known)) or 'none'}", "query"))
        elif len(request.query_params.getlist(name)) > 1:
            wrong.append(_wrong(name, "is given more than once", "query"))
        else:
            wrong += _unstorable(name, value, "query")
    for name, value in request.path_params.items():
        wrong += _unstorable(name, value, "path")
    if request.scope["route"].body_field is not None:
        for path, text in _texts(await _content(request)):
            wrong += _unstorable(path, text, "body")
    if wrong:
        unique = {(one["parameter"], one["where"]): one for one in wrong}
        raise wrong_parameters(list(unique.values()))


async def _content(request: Request) -> Any:
    """The body as JSON; None when it is none, which the route's own reading says."""
    try:
        return await request.json()
    except (ValueError, RecursionError):
        return None


def _query_names(route: APIRoute) -> frozenset[str]:
    """The names that a route's query may have; found out once."""
    if route.endpoint not in _known_names:
        names = set()
        for field in get_flat_dependant(route.dependant).query_params:
            model = field.field_info.annotation
            if isinstance(model, type) and issubclass(model, BaseModel):
                names |= {one.alias or name for name, one in model.model_fields.items()}
            else:
                names.add(field.alias)
        _known_names[route.endpoint] = frozenset(names)
    return _known_names[route.endpoint]


_known_names: dict[Callable[..., Any], frozenset[str]] = {}


def _unstorable(name: str, value: Any, where: str) -> list[dict[str, str]]:
    if isinstance(value, str):
        try:
            storable(value)
        except ValueError as error:
            return [_wrong(name, str(error), where)]
    return []


def _wrong(name: str, reason: str, where: str) -> dict[str, str]:
    shown = name.encode("utf-8", "replace").decode("utf-8").replace("\x00", "�")
    return {"parameter": shown[:80], "where": where, "reason": reason}


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a JSON value, names too, with its place."""
    if isinstance(value, str):
        yield path or "body", value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one, path)
    elif isinstance(value, dict):
        for name, one in value.items():
            place = f"{path}.{name}" if path else name
            yield place, name
            yield from _texts(one, place)
