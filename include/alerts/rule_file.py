"""Reading rule files, and which rules are in force: the last file that was good, kept in the database."""

import hashlib
import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from include.alerts.rules import RuleSet, find_faults
from include.database import sql
from include.humanize import count_text
from include.telemetry import error_in_words
from include.yaml_lines import line_of

logger = logging.getLogger(__name__)

DEFAULT_RULES = Path(__file__).with_name("rules.yaml")
# Part of each stored set's hash: raise it when what is accepted changes, and files are read again.
RULES_FORMAT = 3
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class RulesRefusedError(ValueError):
    """A rule file cannot be used; the message gives file, line and reason."""


@dataclass(frozen=True)
class InForce:
    """The rules to evaluate, and why the file as it is now was refused, if it was."""

    rules: RuleSet
    hash: str
    refusal: str | None = None


def read_rules(path: Path) -> RuleSet:
    """Read and check a rule file.

    Raises:
        RulesRefusedError: it is not there, no YAML, or not what a rule file may say.
    """
    return _check(path, _read_bytes(path))[0]


def stored_rules(connection: Connection) -> RuleSet | None:
    """Give the rules that were adopted last; None before the first evaluation."""
    stored = connection.execute(sql("alerts/read_rules")).one_or_none()
    return None if stored is None else _check_stored(stored.content)


def rules_in_force(connection: Connection, path: Path, *, adopt: bool = True) -> InForce:
    """Adopt the rule file if it is new and good; otherwise answer with the last good one and the reason.

    Without `adopt`, the rules that were stored last stay in force; the file counts only if there are none.

    Raises:
        RulesRefusedError: the file is broken, and no good one was ever stored.
    """
    stored = connection.execute(sql("alerts/read_rules")).one_or_none()
    if stored is not None and not adopt:
        return InForce(_check_stored(stored.content), stored.hash)
    try:
        content = _read_bytes(path)
        hash_ = hashlib.sha256(b"%d\n" % RULES_FORMAT + content).hexdigest()
        if stored is not None and stored.hash == hash_:
            return InForce(_check_stored(stored.content), hash_)
        rules, plain = _check(path, content)
        _adopt(connection, path, hash_, plain)
    except RulesRefusedError as refused:
        if stored is None:
            raise
        logger.warning("the rules adopted at %s stay in force: %s", stored.adopted_at, refused)
        return InForce(_check_stored(stored.content), stored.hash, str(refused))
    logger.info("%s adopted from %s", count_text(len(rules.rules), "rule"), path)
    return InForce(rules, hash_)


def _adopt(connection: Connection, path: Path, hash_: str, plain: Any) -> None:
    """Store the rules. What the database does not take is refused, and the pass goes on without it."""
    try:
        with connection.begin_nested():
            connection.execute(
                sql("alerts/adopt_rules"), {"hash": hash_, "path": str(path), "content": json.dumps(plain)}
            )
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        raise RulesRefusedError(f"{path}: the database does not store it: {error_in_words(error)}") from error


def _check_stored(content: Any) -> RuleSet:
    try:
        return RuleSet.model_validate(content)
    except ValidationError as error:
        raise RulesRefusedError(
            f"the rules stored in alert_rule_sets cannot be used any more: {error}"
        ) from error


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RulesRefusedError(f"{path}: {error.strerror}") from error


def _check(path: Path, content: bytes) -> tuple[RuleSet, Any]:
    """Parse and validate; answer with the rules, and with the plain content for the database."""
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        root = yaml.compose(content, Loader=loader)
        _look_through(path, root)
        plain = yaml.load(content, Loader=loader)  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RulesRefusedError(f"{path}, line {line}: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        if isinstance(error, RulesRefusedError):
            raise
        raise RulesRefusedError(f"{path}, line 1: it is no YAML: {error}") from error
    try:
        rules = RuleSet.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        message = first["msg"].removeprefix("Value error, ")
        raise RulesRefusedError(f"{path}, line {line_of(root, first['loc'])}: {where}: {message}") from error
    for fault in find_faults(rules):
        raise RulesRefusedError(f"{path}, line {line_of(root, fault.path)}: {fault.message}")
    return rules, plain


def _look_through(path: Path, node: yaml.Node | None) -> None:
    """Refuse what YAML takes in silence: the second of two equal keys, and characters that nobody can see.

    PostgreSQL does not store a zero byte, and no channel shows the others.
    """
    waiting, done = [node], set()
    while waiting:
        node = waiting.pop()
        if id(node) in done:  # an alias
            continue
        done.add(id(node))
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value in seen:
                    raise RulesRefusedError(
                        f"{path}, line {key.start_mark.line + 1}: {key.value} is there twice"
                    )
                seen.add(getattr(key, "value", ""))
                waiting += (key, value)
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.ScalarNode) and (found := _CONTROL_CHARACTERS.search(node.value)):
            message = f"the control character {found[0]!a} has no place in a text"
            raise RulesRefusedError(f"{path}, line {node.start_mark.line + 1}: {message}")
