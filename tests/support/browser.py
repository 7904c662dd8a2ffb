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
def logged_in(browser: Browser, stack: RunningStack, width: int, theme: Theme) -> Iterator[Page]:
    """Log in to Airflow's UI by its form, in a window of this width; Airflow's own switch has the theme."""
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": 900}, base_url=stack.airflow_url, accept_downloads=True
    )
    context.set_default_timeout(PATIENCE)
    context.add_init_script(f"localStorage.setItem('theme', {json.dumps(theme)})")
    page = context.new_page()
    page.goto("/")
    page.fill("input[name=username]", stack.user)
    page.fill("input[name=password]", stack.password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "login" not in url)
    yield page
    context.close()


def offences(page: Page | Frame) -> list[str]:
    """What axe-core finds wrong with a page: the rule, and where."""
    found = Axe().run(page)
    return [
        f"{broken['id']}: {node['target']} {node['failureSummary']}"
        for broken in found.response["violations"]
        for node in broken["nodes"]
    ]
