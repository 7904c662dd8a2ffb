"""What every page of the navigation has by the layout: landmarks, links to the others, the policy."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest
from fastapi import Depends, HTTPException
from fastapi.testclient import TestClient

from include.web import build_app
from include.web.pages.navigation import NAVIGATION, mounted_groups
from include.web.rendering import start_path
from tests.support.pages import Elements
from tests.support.web import desk_host, find_person

OPERATOR = {"Authorization": "Bearer operator"}


def mounted_pages() -> list[str]:
    """The pages that are there, as the navigation finds them."""
    app = build_app(_no_database, [], find_person, desk_host())
    return [page.path for pages in app.state.navigation.values() for page in pages]


def _no_database():
    raise AssertionError("the database was opened for a stranger")


@pytest.fixture(params=mounted_pages())
def opened(request, client):
    """A page of the navigation: its path, its answer, its elements."""
    answer = client.get(f"/tradeops{request.param}", headers=OPERATOR)
    assert answer.status_code == 200
    return request.param, answer, Elements(answer.text)


def test_a_page_has_a_title_one_heading_and_its_landmarks(opened):
    _, answer, page = opened
    (title,) = re.findall("<title>(.*)</title>", answer.text.partition("<body>")[0])
    assert title.endswith(" · tradeops")
    assert len(title) > len(" · tradeops")
    assert [len(page.all(tag)) for tag in ("h1", "header", "main")] == [1, 1, 1]
    assert page.all("nav")[0] == {"aria-label": "Pages"}
    assert page.all("html")[0]["lang"] == "en"
    (first, *_) = page.all("a")
    assert first["href"] == f"#{page.all('main')[0]['id']}"  # the skip link


def test_the_navigation_marks_the_page_and_leads_to_all_others(opened):
    path, _, page = opened
    links = [link for link in page.all("a") if link["href"].startswith("/tradeops/")]
    assert [link["href"] for link in links if link.get("aria-current") == "page"][:1] == [f"/tradeops{path}"]
    assert {f"/tradeops{other}" for other in mounted_pages()} <= {link["href"] for link in links}


def test_styles_and_scripts_are_those_that_the_policy_names(opened):
    _, answer, page = opened
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    for kind in ("script", "style"):
        digests = [b64encode(sha256(text.encode()).digest()).decode() for text in page.raw[kind]]
        assert policy[f"{kind}-src"].split() == [f"'sha256-{digest}'" for digest in digests]
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'self'"
    assert answer.headers["cache-control"] == "no-store"
    for tag, attributes in page.found:  # the browser would not obey them
        assert "style" not in attributes, tag
        assert not any(name.startswith("on") for name in attributes), tag


def test_nothing_is_loaded_and_no_link_leads_elsewhere(opened):
    _, answer, page = opened
    assert page.all("img", "iframe", "link", "object", "embed") == []
    for attributes in page.all("script", "form", "a", "image", "use"):
        for name in ("href", "src", "action"):
            assert not re.match(r"[a-z]+:|//", attributes.get(name, "")), attributes
    assert not re.search(r"url\(|@import", answer.text)


def test_every_cell_says_its_column_where_the_table_is_stacked(opened):
    _, _, page = opened
    assert [cell for cell in page.all("td") if "data-label" not in cell and "colspan" not in cell] == []


def test_every_field_of_a_form_has_a_label_and_ids_are_unique(opened):
    _, answer, page = opened
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    body = re.sub(r"<label.*?</label>", "", answer.text, flags=re.DOTALL)
    outside = [
        one for one in Elements(body).all("input", "select", "textarea") if one.get("type") != "hidden"
    ]
    assert [one for one in outside if "aria-label" not in one] == []


def test_strangers_see_no_page():
    def refuse():
        raise HTTPException(401)

    client = TestClient(build_app(_no_database, [Depends(refuse)], find_person, desk_host()))
    for page in NAVIGATION:
        assert client.get(page.path).status_code in ((401,) if page.path in mounted_pages() else (401, 404))


def test_what_is_not_mounted_is_not_in_the_navigation():
    groups = mounted_groups({"/alerts", "/trades/{trade}", "/elsewhere"})
    assert [page.path for pages in groups.values() for page in pages] == ["/alerts"]
    assert (
        len({page.path for page in NAVIGATION}) == len({page.title for page in NAVIGATION}) == len(NAVIGATION)
    )


def test_a_link_into_a_form_holds_its_values():
    assert start_path("settle_trades") == "/start/settle_trades"
    filled = start_path("replay_trades", trade_ids=["a b", "ü&"], dry_run=False, reason=None, limit=3)
    assert filled == "/start/replay_trades?trade_ids=a+b&trade_ids=%C3%BC%26&dry_run=false&limit=3"
