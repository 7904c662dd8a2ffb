"""What every page of the navigation has by the layout: landmarks, links to the others, the policy."""

import re
from base64 import b64encode
from hashlib import sha256

from fastapi import Depends, HTTPException
from fastapi.testclient import TestClient
from httpx import Response

from include.web import build_app
from include.web.pages.navigation import NAVIGATION
from include.web.rendering import start_path
from tests.support.pages import Elements
from tests.support.web import desk_host, find_person

OPERATOR = {"Authorization": "Bearer operator"}


def has_a_title_one_heading_and_its_landmarks(path: str, answer: Response, page: Elements):
    (title,) = re.findall("<title>(.*)</title>", answer.text.partition("<body>")[0])
    assert title.endswith(" · tradeops")
    assert len(title) > len(" · tradeops")
    assert [len(page.all(tag)) for tag in ("h1", "header", "main")] == [1, 1, 1]
    assert page.all("nav")[0] == {"aria-label": "Pages"}
    assert page.all("html")[0]["lang"] == "en"
    (first, *_) = page.all("a")
    assert first["href"] == f"#{page.all('main')[0]['id']}"  # the skip link


def marks_itself_in_the_navigation_and_leads_to_all_others(path: str, answer: Response, page: Elements):
    links = [link for link in page.all("a") if link["href"].startswith("/tradeops/")]
    assert [link["href"] for link in links if link.get("aria-current") == "page"][:1] == [f"/tradeops{path}"]
    assert {f"/tradeops{other.path}" for other in NAVIGATION} <= {link["href"] for link in links}


def has_the_styles_and_scripts_that_the_policy_names(path: str, answer: Response, page: Elements):
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


def loads_nothing_and_has_no_link_elsewhere(path: str, answer: Response, page: Elements):
    assert page.all("img", "iframe", "link", "object", "embed") == []
    for attributes in page.all("script", "form", "a", "image", "use"):
        for name in ("href", "src", "action"):
            assert not re.match(r"[a-z]+:|//", attributes.get(name, "")), attributes
    assert not re.search(r"url\(|@import", answer.text)


def says_the_column_in_every_cell_where_the_table_is_stacked(path: str, answer: Response, page: Elements):
    assert [cell for cell in page.all("td") if "data-label" not in cell and "colspan" not in cell] == []


def has_a_label_for_every_field_and_no_id_twice(path: str, answer: Response, page: Elements):
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    body = re.sub(r"<label.*?</label>", "", answer.text, flags=re.DOTALL)
    outside = [
        one for one in Elements(body).all("input", "select", "textarea") if one.get("type") != "hidden"
    ]
    assert [one for one in outside if "aria-label" not in one] == []


def test_every_page_of_the_navigation(client, subtests):
    """Each is asked for once, and judged by all that the layout promises."""
    for link in NAVIGATION:
        answer = client.get(f"/tradeops{link.path}", headers=OPERATOR)
        assert answer.status_code == 200, link.path
        page = Elements(answer.text)
        for judge in (
            has_a_title_one_heading_and_its_landmarks,
            marks_itself_in_the_navigation_and_leads_to_all_others,
            has_the_styles_and_scripts_that_the_policy_names,
            loads_nothing_and_has_no_link_elsewhere,
            says_the_column_in_every_cell_where_the_table_is_stacked,
            has_a_label_for_every_field_and_no_id_twice,
        ):
            with subtests.test(path=link.path, promise=judge.__name__):
                judge(link.path, answer, page)


def test_strangers_see_no_page_and_open_no_database():
    def refuse():
        raise HTTPException(401)

    def no_database():
        raise AssertionError("the database was opened for a stranger")

    client = TestClient(build_app(no_database, [Depends(refuse)], find_person, desk_host()))
    assert [client.get(page.path).status_code for page in NAVIGATION] == [401] * len(NAVIGATION)


def test_no_page_stands_twice_in_the_navigation():
    assert (
        len({page.path for page in NAVIGATION}) == len({page.title for page in NAVIGATION}) == len(NAVIGATION)
    )


def test_a_link_into_a_form_holds_its_values():
    assert start_path("settle_trades") == "/start/settle_trades"
    filled = start_path("replay_trades", trade_ids=["a b", "ü&"], dry_run=False, reason=None, limit=3)
    assert filled == "/start/replay_trades?trade_ids=a+b&trade_ids=%C3%BC%26&dry_run=false&limit=3"
