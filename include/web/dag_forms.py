"""Forms of DAGs as the desk shows them: their fields, the values in an address, the `conf` of what was sent.

What a field may hold is the DAG's business: Airflow checks it when the run is started, and the first task.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LONG_TEXT = 200  # characters; a field that takes more has several lines
MAX_TEXT = 10_000  # characters of one value in an address


class DagFormError(ValueError):
    """A value that its field cannot take; the message names the field and says why."""


@dataclass(frozen=True)
class DagField:
    """A field of a DAG's form: its name in `conf`, its default, and what it may hold, as a JSON schema.

    `offered` are values that are there, each with what tells it from others; another one may be typed.
    """

    name: str
    default: Any
    schema: Mapping[str, Any]
    description: str
    offered: Sequence[tuple[str, str]] = ()

    @property
    def title(self) -> str:
        """What stands before the field."""
        return str(self.schema.get("title") or self.name.replace("_", " ").capitalize())

    @property
    def types(self) -> list[str]:
        """The types it may have, without null."""
        types = self.schema.get("type", [])
        return [one for one in ([types] if isinstance(types, str) else types) if one != "null"]

    @property
    def optional(self) -> bool:
        """Whether it may be left out."""
        return "null" in self.schema.get("type", []) or self.types == ["array"] or self.default == ""

    @property
    def choices(self) -> list[str]:
        """The values of which one, or of a list some, are chosen; none: it is written."""
        listed = self.schema.get("enum") or self.schema.get("items", {}).get("enum") or []
        return [str(one) for one in listed if one is not None]

    @property
    def kind(self) -> str:
        """How it is filled in: switch, choice, choices, lines, number, day, long, json or text."""
        match self.types:
            case ["boolean"]:
                return "switch"
            case ["array"]:
                return "choices" if self.choices else "lines"
            case ["integer"] | ["number"]:
                return "number"
            case ["object"]:
                return "json"
        if self.choices:
            return "choice"
        if self.schema.get("format") == "date":
            return "day"
        return "long" if self.schema.get("maxLength", 0) > LONG_TEXT else "text"

    def shown(self, given: Sequence[str] | None) -> Any:
        """What stands in the field: the values of the address, or else the default."""
        if given is None:
            if self.kind == "json":
                return "" if self.default is None else json.dumps(self.default)
            return self.default if self.default is not None else ([] if self.kind == "choices" else "")
        match self.kind:
            case "switch":
                return given[-1] == "true"
            case "choices":
                return list(given)
            case "lines":
                return list(given)
        return given[-1]

    def sent(self, text: str | None) -> Any:
        """The value for `conf` of what a form sent; None: the field was not there. Raises DagFormError."""
        if self.kind == "switch":
            return text is not None
        text = (text or "").strip()
        match self.kind:
            case "choices":
                return text.split()
            case "lines":
                return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
        if not text:
            return None if "null" in self.schema.get("type", []) or self.default is None else self.default
        match self.kind:
            case "number":
                return self._number(text)
            case "json":
                try:
                    return json.loads(text)
                except ValueError as error:
                    raise DagFormError(f"{self.title}: no JSON ({error})") from None
        return text

    def _number(self, text: str) -> int | float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or (self.types == ["integer"] and number % 1):
            word = "whole number" if self.types == ["integer"] else "number"
            raise DagFormError(f"{self.title}: {text[:50]!r} is no {word}")
        return int(number) if self.types == ["integer"] else number


@dataclass(frozen=True)
class DagForm:
    """A DAG that can be started: what it does, its form, whether it is paused."""

    dag_id: str
    description: str
    fields: list[DagField]
    paused: bool

    def conf(self, sent: Mapping[str, str]) -> dict[str, Any]:
        """The `conf` of a run that is asked for with these fields. Raises DagFormError."""
        return {field.name: field.sent(sent.get(field.name)) for field in self.fields}
