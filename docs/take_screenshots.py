"""Takes the pictures of docs/desk.md and of the README: `make screenshots`, over a demo stack of its own."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from include.web.pages.navigation import NAVIGATION
from tests.support.browser import NARROW, WIDE, browser, logged_in
from tests.support.running_stack import RunningStack, started

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
FOLDER = ROOT / ".stack" / "screenshots"
DAYS = 9  # that the sample trades cover
WORST = """
SELECT trade_signal_id::text FROM trade_results WHERE isfinite(exit_at)
ORDER BY net_profit_loss, trade_signal_id LIMIT 1
"""


def main() -> None:
    """Start a stack, let it do what a platform does in some days, take the pictures, take the stack away."""
    shutil.rmtree(FOLDER, ignore_errors=True)  # of a run that was killed
    with started(FOLDER) as stack, browser() as chromium:
        live(stack)
        ((trade,),) = stack.execute(WORST)
        pages = {page.path.strip("/"): page.path for page in NAVIGATION} | {"trade": f"/trades/{trade}"}
        for width, theme in ((WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")):
            folder = PICTURES if (width, theme) == (WIDE, "light") else FOLDER / f"{width}-{theme}"
            folder.mkdir(parents=True, exist_ok=True)
            with logged_in(chromium, stack, width, theme) as page:
                for name, path in pages.items():
                    take(page, f"/tradeops{path}", folder / f"{name}.png")
        print(f"{len(pages)} pictures in {PICTURES}; narrow and dark ones in {FOLDER}")


def live(stack: RunningStack) -> None:
    """What the pictures show: settled and waiting trades, statistics, a signal, backups, reports."""
    for _ in range(3):
        done = stack.local("demo")
        if done.returncode:
            raise RuntimeError(f"the demo failed: {done.stdout}{done.stderr}")
    today = datetime.now(UTC).date()
    stack.run(
        "roll_up_stats", first_day=str(today - timedelta(days=DAYS)), last_day=str(today - timedelta(days=1))
    )


def take(page: "Page", path: str, file: Path) -> None:
    """Take a picture of a page, whole."""
    page.goto(path)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=file, full_page=True)


if __name__ == "__main__":
    main()
