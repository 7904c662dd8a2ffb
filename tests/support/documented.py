"""What README, docs and DAGs tell people to type: every command, statement and example of them."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
PROGRAMS = r"make|python3?|\.venv/\S+|airflow|curl|docker|duckdb|age|psql|pip|uv|npm|astro|sh|bash|git"
COMMAND = re.compile(rf"(?:[A-Z_]+=(?:'[^']*'|\S+) )*(?:{PROGRAMS}) \S")
STATEMENT = re.compile(r"(?:SELECT|TABLE|INSERT|UPDATE|DELETE|BEGIN|WITH) \S")


@dataclass(frozen=True)
class Example:
    """Something to type, and where it stands."""

    page: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.text.split())[:60]}"


def blocks(language: str) -> list[Example]:
    """The fenced blocks of a language."""
    return [
        Example(page.name, body)
        for page in PAGES
        for _, found, body in FENCE.findall(page.read_text())
        if found == language
    ]


def commands() -> list[Example]:
    """Every shell command: the lines of `sh` blocks, and code inside of a text that begins with a program."""
    found = []
    for block in blocks("sh"):
        text = block.text.replace("\\\n", " ")
        lines = [text] if "{\n" in text else re.findall(r"(?:'[^']*'|\"[^\"]*\"|[^\n'\"])+", text)
        found += [Example(block.page, line.strip()) for line in lines if line.strip()]
    return found + [one for one in _inline() if COMMAND.match(one.text)]


def statements() -> list[Example]:
    """Every SQL statement: the `sql` blocks, code inside of a text, and what psql is given."""
    found = blocks("sql") + [one for one in _inline() if STATEMENT.match(one.text)]
    for command in commands():
        if given := re.search(r"""ARGS='-c "(.*)"'""", command.text):
            found.append(Example(command.page, given[1]))
    return found


def _inline() -> list[Example]:
    texts = [(page.name, FENCE.sub("", page.read_text())) for page in PAGES]
    texts += [
        (path.name, ast.get_docstring(ast.parse(path.read_text())) or "")
        for path in sorted((ROOT / "dags").glob("*.py"))
    ]
    return [
        Example(name, " ".join(code.split()).replace("\\|", "|"))
        for name, text in texts
        for code in INLINE.findall(text)
    ]
