"""Every DAG, as Airflow loads it: it parses without a warning and keeps the house rules."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
DAGS = sorted((ROOT / "dags").glob("*.py"))


def test_dags_load_without_errors_or_warnings(bag):
    assert bag.import_errors == {}
    assert bag.captured_warnings == {}
    assert set(bag.dags) == {path.stem for path in DAGS}, "a file is named like the DAG that it holds"


def test_a_dag_explains_itself_and_reports_its_failure(any_dag):
    assert any_dag.doc_md and any_dag.doc_md.lstrip().startswith("###")
    assert any_dag.on_failure_callback
    assert any_dag.dagrun_timeout
    assert any_dag.tags
    assert any_dag.catchup is False


def test_its_description_is_what_its_doc_begins_with(any_dag):
    assert any_dag.description == any_dag.doc_md.splitlines()[0].removeprefix("### ")
    assert 10 < len(any_dag.description) < 100


def test_its_doc_renders_as_it_was_written(any_dag):
    """A table whose lines were wrapped into one paragraph is a paragraph with pipes."""
    rendered = MarkdownIt("commonmark").enable("table").parse(any_dag.doc_md)
    kinds = [token.type for token in rendered]
    rows = [line for line in any_dag.doc_md.splitlines() if line.startswith("|") and "---" not in line]
    items = [line for line in any_dag.doc_md.splitlines() if line.startswith("- ")]
    assert kinds.count("tr_open") == len(rows)
    assert kinds.count("list_item_open") == len(items)
    for opened, token in pairwise(rendered):
        if opened.type == "paragraph_open":
            bare = re.sub(r"`[^`]*`", "", token.content)
            assert "|" not in bare, f"a broken table: {token.content[:80]}"
            assert not re.search(r"\s[-*] \*\*", bare), f"a broken list: {token.content[:80]}"


@pytest.mark.parametrize("path", DAGS, ids=lambda path: path.stem)
def test_a_dag_file_is_thin(path):
    source = path.read_text()
    explanation = ast.get_docstring(ast.parse(source), clean=False) or ""
    lines = [line for line in source.replace(explanation, "").splitlines() if line.strip()]
    assert len(lines) <= 120
