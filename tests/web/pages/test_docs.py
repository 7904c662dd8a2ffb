"""The documents as pages: what a runbook names is there, links lead somewhere, nothing runs or loads."""

import re

import pytest

from include.alerts.rule_file import DEFAULT_RULES, read_rules
from include.web.documents import document_link, document_names, read_document
from tests.support.pages import Page, page

ROOT = "/tradeops"


def headings(name: str) -> set[str]:
    return set(re.findall(r'<h\d id="([^"]+)"', read_document(name, ROOT).html))


def test_the_runbook_of_every_rule_is_a_heading_of_a_page(client):
    for rule in read_rules(DEFAULT_RULES).rules:
        path, _, heading = document_link(rule.runbook, ROOT).partition("#")
        assert heading in headings(path.removeprefix(f"{ROOT}/docs/")), rule.name
    assert "Runbooks" in page(client, "/tradeops/docs/alert-rules").words


def test_every_page_is_shown_and_every_link_between_them_leads_to_a_heading():
    found = {name: read_document(name, ROOT) for name in document_names()}
    assert len(found) > 30 and all(one.title and "<h1" in one.html for one in found.values())
    links = [link for one in found.values() for link in Page(f"<main>{one.html}").links]
    inside = [link for link in links if link.startswith(f"{ROOT}/docs/")]
    assert len(inside) > 50
    for link in inside:
        path, _, heading = link.removeprefix(f"{ROOT}/docs/").partition("#")
        assert path in found
        assert not heading or heading in headings(path), link
    assert all(link.startswith(("https://", "http://", "#", ROOT)) for link in links)


def test_the_index_is_the_map_and_files_may_be_named_with_their_ending(client):
    assert f"{ROOT}/docs/alerts" in page(client, "/tradeops/docs").links
    answer = client.get("/tradeops/docs/alerts.md", follow_redirects=False)
    assert answer.headers["location"] == f"{ROOT}/docs/alerts"


@pytest.mark.parametrize("name", ["no-such", "%2e%2e/README", "alerts/", "a%00b", "x" * 5000])
def test_what_is_no_page_is_said_not_to_be_there(client, name):
    assert "No such document" in page(client, f"/tradeops/docs/{name}", 404).words


def test_a_document_is_text(tmp_path):
    heading, odd = (
        "# A <script>b</script> `c`",
        "![pic](http://x/y.png) [y](javascript:x) <b>z</b> [up](../README.md)",
    )
    (tmp_path / "odd.md").write_text(f"{heading}\n\n{odd}\n")
    found = read_document("odd", ROOT, tmp_path)
    shown = Page(f"<main>{found.html}")
    assert shown.scripts == shown.loaded == shown.links == []
    assert "[pic]" in shown.words and "up" in shown.words
