"""A page that fetches itself anew, in a browser: it never takes away what somebody is filling in."""

import pytest
from playwright.sync_api import expect

from tests.support.browser import CHROMIUM, browser
from tests.support.trades import insert

MINUTE = 61_000  # milliseconds; the page of an open trade is fetched anew every minute

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


def test_what_is_filled_in_stays_and_a_page_without_is_made_anew(database, client):
    (trade,) = insert(database, {})
    text, asked = client.get(f"/tradeops/trades/{trade}").text, []

    def answer(route):
        asked.append(route.request.url)
        route.fulfill(body=text, content_type="text/html")

    with browser() as chromium:
        page = chromium.new_page()
        page.clock.install()
        page.route("**/*", answer)
        page.goto("http://desk/")
        comment, kind = page.locator("textarea"), page.locator("select")
        first, none = kind.locator("option").first.get_attribute("value"), page.get_by_label("none")
        for fill_in, take_back in (
            (lambda: comment.fill("half a sen"), lambda: comment.fill("")),
            (lambda: kind.select_option(index=1), lambda: kind.select_option(first)),
            (lambda: page.get_by_label("4", exact=True).check(), none.check),
        ):
            page.evaluate("document.querySelector('h1').dataset.old = ''")
            before = len(asked)
            fill_in()
            page.evaluate("document.activeElement.blur()")
            page.clock.run_for(MINUTE)
            assert len(asked) == before
            take_back()
            page.evaluate("document.activeElement.blur()")
            page.clock.run_for(MINUTE)
            expect(page.locator("h1[data-old]")).to_have_count(0)
            assert len(asked) == before + 1
