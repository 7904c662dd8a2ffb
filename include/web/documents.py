"""The pages of docs/ as HTML: a runbook that an alert names opens beside it, in the same Airflow.

Links between them lead to the pages here; what a page links to outside of docs/ is shown without a link, for
nothing serves it. Pictures are shown by their descriptions: the pages of the desk load nothing.
"""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

DOCS = Path(__file__).parents[2] / "docs"
INDEX = "README"


@dataclass(frozen=True)
class Document:
    """A page of docs/: its title, as plain text, and its HTML, in which everything is escaped."""

    name: str
    title: str
    html: str


@cache
def document_names(folder: Path = DOCS) -> frozenset[str]:
    """The names of the pages there are, as they stand in addresses: `alerts`, `decisions/0001-claims`.

    A process looks once: pages come and go with a new version of the platform.
    """
    return frozenset(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.md"))


def document_link(reference: str, root: str) -> str | None:
    """Where `docs/alert-rules.md#api_slow` is shown below `root`; None for what is no page of docs/."""
    path, _, heading = reference.partition("#")
    name = path.removeprefix("docs/").removesuffix(".md")
    if not (path.startswith("docs/") and path.endswith(".md") and name in document_names()):
        return None
    return f"{root}/docs/{name}" + (f"#{slug(heading)}" if heading else "")


def read_document(name: str, root: str, folder: Path = DOCS) -> Document | None:
    """Render a page, its links below `root`; None: there is none of this name."""
    if name not in document_names(folder):
        return None
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse((folder / f"{name}.md").read_text())
    _name_headings(tokens)
    for token in tokens:
        token.children = _linked(token.children or [], name, root) if token.type == "inline" else None
    title = next((_words(token) for token in tokens if token.type == "inline"), name)
    html = parser.renderer.render(_wide(tokens), parser.options, {})
    return Document(name, title, html)


def render_line(text: str) -> Markup:
    """Render a line of Markdown, as the description of a form's field has it; all else in it is escaped."""
    html = MarkdownIt("commonmark", {"html": False}).renderInline(text)
    return Markup(html)  # noqa: S704  # the renderer has escaped all that is no markup of Markdown


def slug(heading: str) -> str:
    """The name of a heading in an address, as GitHub makes it: `Second source` -> `second-source`."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _words(token: Token) -> str:
    return "".join(child.content for child in token.children or [])


def _name_headings(tokens: Sequence[Token]) -> None:
    taken: dict[str, int] = {}
    for opened, inline in pairwise(tokens):
        if opened.type == "heading_open":
            name = slug(_words(inline))
            taken[name] = taken.get(name, -1) + 1
            opened.attrSet("id", f"{name}-{taken[name]}" if taken[name] else name)


def _linked(children: list[Token], name: str, root: str) -> list[Token]:
    """The tokens of a line with links that lead somewhere, and pictures as words."""
    shown, unlinked = [], False
    for child in children:
        if child.type == "link_open":
            target = _target(str(child.attrGet("href") or ""), name, root)
            unlinked = target is None
            if target is None:
                continue
            child.attrSet("href", target)
            if target.startswith(("http://", "https://")):
                child.attrSet("target", "_blank")
                child.attrSet("rel", "noopener noreferrer")
        elif child.type == "link_close" and unlinked:
            unlinked = False
            continue
        elif child.type == "image":
            child = Token("text", "", 0, content=f"[{child.content}]")
        shown.append(child)
    return shown


def _target(href: str, name: str, root: str) -> str | None:
    if href.startswith(("http://", "https://", "#")):
        return href
    path, _, heading = href.partition("#")
    page = posixpath.normpath(posixpath.join("docs", posixpath.dirname(name), path))
    return document_link(page + (f"#{heading}" if heading else ""), root)


def _wide(tokens: Sequence[Token]) -> list[Token]:
    """The tokens with each table in a box that scrolls by itself."""
    shown = []
    for token in tokens:
        if token.type == "table_open":
            shown.append(Token("html_block", "", 0, content='<div class="wide">'))
        shown.append(token)
        if token.type == "table_close":
            shown.append(Token("html_block", "", 0, content="</div>"))
    return shown
