"""Which alerts a silence or an inhibition is about: labels, and what each of them must be.

`*` stands for anything; everything else stands for itself. There are no regular expressions, so nobody can
write one that takes for ever.
"""

import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

LONGEST_MATCHER_TEXT = 200  # characters of a name or a pattern
MAX_MATCHED_LABELS = 20  # labels in one matcher
ODD_IN_LINES = set(",=\"'{\n\r")  # what lines `label=value` cannot hold


def labels_of(row: Any) -> dict[str, str]:
    """The labels of a notice or of a firing alert: its own, and those that all have.

    `row` has source, severity, cause, labels, and perhaps owner. `rule` is a label of rules, `cause` one of
    failures.
    """
    common = {"source": row.source, "severity": row.severity, "owner": getattr(row, "owner", "")}
    if row.source == "rule":
        common["rule"] = row.cause
    return {**{str(name): str(value) for name, value in row.labels.items()}, **common}


def labels_of_open(row: Any, owner: str) -> dict[str, str]:
    """The labels of an alert or failure that is open (show_open_alerts), whose `rule` is among its own."""
    labels = {str(name): str(value) for name, value in row.labels.items()}
    return {**labels, "source": row.source, "severity": row.severity, "owner": owner}


def matches(matchers: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether every label is there and is as it must be; no matchers match nothing."""
    return bool(matchers) and all(
        name in labels and fnmatchcase(labels[name][:LONGEST_MATCHER_TEXT], _literal(pattern))
        for name, pattern in matchers.items()
    )


def read_matchers(value: object, *, everything: bool = False) -> dict[str, str]:
    """Check what a person wrote: an object, its JSON, or lines `label=value`.

    With `everything`, it may be something that matches every alert.

    Raises:
        ValueError: in words that say what is expected.
    """
    if isinstance(value, str):
        value = _parse(value)
    if not isinstance(value, Mapping) or not value:
        raise ValueError('name at least one label and its value, like rule=cpu_* or {"rule": "cpu_*"}')
    if len(value) > MAX_MATCHED_LABELS:
        raise ValueError(f"{len(value)} labels: {MAX_MATCHED_LABELS} are the most")
    matchers = {}
    for name, pattern in value.items():
        if not isinstance(name, str) or not isinstance(pattern, str):
            raise ValueError(f"{name}: a label's value is a text")
        if not name.strip() or not pattern.strip():
            raise ValueError("neither a label nor its value may be empty")
        if len(name) > LONGEST_MATCHER_TEXT or len(pattern) > LONGEST_MATCHER_TEXT:
            raise ValueError(f"{name[:30]}…: {LONGEST_MATCHER_TEXT} characters are the most")
        if not (name + pattern).isprintable():
            raise ValueError(f"{name[:30]!r}: control characters are not allowed")
        matchers[name.strip()] = pattern.strip()
    if not everything and all(not pattern.strip("*") for pattern in matchers.values()):
        raise ValueError("this would match every alert: name at least one value")
    return matchers


def matchers_of(labels: Mapping[str, str]) -> str:
    """What the form of a silence of exactly these labels has: `host=db1, rule=cpu`; JSON for odd ones."""
    kept = {name: value for name, value in labels.items() if value.strip()}
    odd = any(set(name + value) & ODD_IN_LINES or value != value.strip() for name, value in kept.items())
    return json.dumps(kept, ensure_ascii=False) if odd else matchers_text(kept)


def matchers_text(matchers: Mapping[str, str]) -> str:
    """`rule=cpu_*, host=db1`."""
    return ", ".join(f"{name}={pattern}" for name, pattern in sorted(matchers.items()))


def _literal(pattern: str) -> str:
    return pattern.replace("[", "[[]").replace("?", "[?]")


def _parse(text: str) -> object:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text, object_pairs_hook=_named_once)
        except json.JSONDecodeError as error:
            raise ValueError(f"this is no JSON: {error}") from None
    return _named_once([_parse_line(line) for line in _lines(text)])


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """All labels must hold at once: of two values for one of them, one would be dropped without a word."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(
                f"{name} stands twice ({found[name]}, {value}), and all must hold: make a silence for each"
            )
        found[name] = value
    return found


def _lines(text: str) -> Iterable[str]:
    return (line for line in text.replace(",", "\n").splitlines() if line.strip())


def _parse_line(line: str) -> tuple[str, str]:
    name, equals, pattern = line.partition("=")
    if not equals:
        raise ValueError(f"{line.strip()[:50]!r}: write label=value")
    return name.strip(), pattern.strip().strip("\"'")
