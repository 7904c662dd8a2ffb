"""A pattern that means "up to the end" must not let a line break through after it."""

import ast
import re
from pathlib import Path
from re import _constants, _parser

import pytest
from pydantic import ValidationError

from include.backups.manifest import BackupPart

ROOT = Path(__file__).parents[1]
FILES = [path for folder in ("include", "dags", "plugins") for path in sorted((ROOT / folder).rglob("*.py"))]
RE = {"compile", "match", "search", "fullmatch", "sub", "subn", "findall", "finditer", "split"}


def words_of(node):
    """The text of a constant or an f-string, whose values count as letters."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
    return None


def ends_before_a_line_break(pattern):
    """Whether a pattern holds a `$` that is no character."""

    def holds(parsed):
        for operator, argument in parsed:
            if operator is _constants.AT and argument is _constants.AT_END:
                return True
            inner = argument if isinstance(argument, list | tuple) else (argument,)
            for part in inner:
                parts = part if isinstance(part, list) else [part]
                if any(isinstance(one, _parser.SubPattern) and holds(one) for one in parts):
                    return True
        return False

    # Forms write the end as `$` and no line break: the browser, which may look at them too, knows no \Z.
    pattern = pattern.replace(r"$(?!\n)", r"\Z")
    try:
        return holds(_parser.parse(pattern))
    except re.error:
        return False  # no pattern, or one of another kind


def patterns(tree):
    """Patterns handed to `re`, and texts that look like one wherever they stand, such as in a form.

    Those of pydantic's and FastAPI's fields are left out: its `$` is the end of the text.
    """
    in_calls = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("Field", "Header", "Query", "Path", *(f"re.{name}" for name in RE))
        for inner in ast.walk(node)
        if inner is not node and not isinstance(inner, ast.Call)
    }
    for node in ast.walk(tree):
        by_lines = False
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in RE:
            if getattr(node.func.value, "id", "") != "re" or not node.args:
                continue
            by_lines = any("MULTILINE" in ast.unparse(part) for part in (*node.args[1:], *node.keywords))
            text = words_of(node.args[0])
        else:
            text = words_of(node)
            if text is None or not text.startswith("^") or id(node) in in_calls:
                continue
        if text and not by_lines:
            yield node.lineno, text


def found_in(source):
    return [(line, text) for line, text in patterns(ast.parse(source)) if ends_before_a_line_break(text)]


OF_PYDANTIC = {"include/backups/manifest.py"}  # named constants for fields


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_pattern_ends_before_a_line_break(path):
    if str(path.relative_to(ROOT)) not in OF_PYDANTIC:
        assert found_in(path.read_text()) == [], r"write \Z, not $"


def test_the_mistake_is_seen():
    assert found_in('import re\nX = re.compile(r"(a|b+$)")') == [(2, "(a|b+$)")]
    assert found_in('Param(pattern=r"^a{2}$")') == [(1, "^a{2}$")]
    assert found_in('import re\nre.search(rf"{x}$", y)') == [(2, "x$")]
    good = [
        r're.compile(r"a\Z")',
        r're.compile(r"[$]\$")',
        're.compile("a$", re.MULTILINE)',
        'Field(pattern="^a$")',
    ]
    assert [found_in(f"import re\n{line}") for line in good] == [[], [], [], []]


def test_a_field_of_a_manifest_takes_no_line_break():
    with pytest.raises(ValidationError, match="should match pattern"):
        BackupPart.model_validate({"name": "a.tar\n"})
