"""The door: the map names every page, decisions are numbered, the page of the DAGs is fresh."""

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def test_the_map_names_every_page():
    linked = set(re.findall(r"\]\(([a-z-]+)\.md\)", (DOCS / "README.md").read_text()))
    assert linked == {page.stem for page in DOCS.glob("*.md")} - {"README"}


def test_every_link_between_pages_leads_somewhere():
    broken = []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            path, _, _ = link.partition("#")
            if path and "://" not in path and not (page.parent / path).exists():
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert broken == []


def test_decisions_are_numbered_dated_and_listed():
    pages = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    listed = re.findall(r"\]\((\d{4}-[a-z-]+\.md)\)", (DOCS / "decisions" / "README.md").read_text())
    assert listed == [page.name for page in pages]
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        title, _, status = page.read_text().split("\n")[:3]
        assert title.startswith(f"# {page.name[:4]} · ")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d · (in force|replaced by \d{4})", status), page.name


def test_the_page_of_the_dags_is_fresh():
    spec = importlib.util.spec_from_file_location("generate_dags", DOCS / "generate_dags.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    fresh = generate.describe(generate.load_dags())
    assert generate.PAGE.read_text() == fresh, "run `make docs`"


def test_every_path_of_a_recipe_and_of_the_glossary_exists():
    named = {
        path
        for page in (ROOT / "CONTRIBUTING.md", DOCS / "glossary.md")
        for path in re.findall(r"`([\w./-]+/[\w./-]*)`", page.read_text())
    }
    assert len(named) > 60
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_the_map_of_the_rooms_is_true():
    """Each package of the product is on it; each that is on it is there, or said to come."""
    plan = (ROOT / "CONTRIBUTING.md").read_text().split("```")[1]
    inside = plan.split("\ninclude/ ")[1].split("\nsql/ ")[0]
    rooms = re.findall(r"^  (\w+)/ +(to come)?", inside, re.MULTILINE)
    there = {path.parent.name for path in (ROOT / "include").glob("*/__init__.py")}
    assert {name for name, to_come in rooms if not to_come} == there
    assert {name for name, to_come in rooms if to_come} & there == set()
    floors = re.findall(r"^(\w+)/ ", plan, re.MULTILINE)
    assert [name for name in floors if not (ROOT / name).is_dir()] == []


def test_each_word_is_explained_once():
    words = re.findall(r"^\| ([^|]+) \|", (DOCS / "glossary.md").read_text(), re.MULTILINE)[2:]
    assert len(words) >= 40 and words == sorted(words)
