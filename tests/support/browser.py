"""A browser on Airflow's UI: headless Chromium, as Debian has it, and axe-core, which judges pages."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Frame, Page, sync_playwright

from tests.support.running_stack import RunningStack

CHROMIUM = shutil.which("chromium")
WIDE, NARROW = 1440, 390  # pixels
PATIENCE = 60_000  # milliseconds for a page of a busy machine
Theme = Literal["light", "dark"]


@contextmanager
def browser() -> Iterator[Browser]:
    """Start the browser; it ends with the block."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()


@contextmanager
def logged_in(browser: Browser, stack: RunningStack) -> Iterator[BrowserContext]:
    """Log in to Airflow's UI by its form. Windows share the login, and what Airflow's UI is made of.

    To fetch and compile that takes a browser more time than a page of the desk does.
    """
    context = browser.new_context(base_url=stack.airflow_url, accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto("/")
    page.fill("input[name=username]", stack.user)
    page.fill("input[name=password]", stack.password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "login" not in url)
    page.close()
    yield context
    context.close()


@contextmanager
def window(person: BrowserContext, width: int, theme: Theme) -> Iterator[Page]:
    """A window of this width on Airflow's first page; Airflow's own switch has the theme."""
    page = person.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    page.add_init_script(f"localStorage.setItem('theme', {json.dumps(theme)})")
    page.goto("/")
    try:
        yield page
    finally:
        page.close()


def offences(page: Page | Frame) -> list[str]:
    """What axe-core finds wrong with a page: the rule, and where."""
    found = Axe().run(page)
    return [
        f"{broken['id']}: {node['target']} {node['failureSummary']}"
        for broken in found.response["violations"]
        for node in broken["nodes"]
    ]
