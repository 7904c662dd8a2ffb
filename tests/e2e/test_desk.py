"""What people do on the desk, inside Airflow's UI, with a browser: wide and narrow, light and dark."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from playwright.sync_api import FrameLocator, Locator, Page, expect
from sqlalchemy import create_engine

from include.alerts.failures import Failure, record_failure
from include.web.pages.navigation import NAVIGATION
from tests.support.browser import CHROMIUM, NARROW, PATIENCE, WIDE, browser, logged_in, offences, window
from tests.support.running_stack import wait_for

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.long,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        CHROMIUM is None, reason="Chromium is not installed (Debian: apt-get install chromium)"
    ),
]
# Two of the four looks show both widths and both themes; each walk is made in one of the four.
LOOKS = [(WIDE, "light"), (NARROW, "dark")]
WAITING, LOST, WON = UUID(int=0xD1), UUID(int=0xD2), UUID(int=0xD3)
FAILED = "roll_up_stats"  # whose failure a walk takes over
REASON = "a walk"

expect.set_options(timeout=PATIENCE)


def propose(stack, trade, symbol, stop, target, begun):
    """A long trade of a day at the market's price of its first minute; stop and target relative to that."""
    answer = httpx.get(
        f"{stack.sandbox_url}/market/candles",
        params={
            "symbol": "BTC" if symbol == "NOSUCHCOIN" else symbol,
            "start": begun.isoformat(),
            "end": (begun + timedelta(minutes=1)).isoformat(),
        },
    )
    price = float(answer.raise_for_status().json()["candles"][0][1])
    stack.execute(
        "INSERT INTO trade_signals (id, user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1, "
        "take_profit_2, take_profit_3, generated_at, expires_at) "
        "VALUES (%s, %s, %s, '1h', %s, %s, %s, %s, %s, %s, %s)",
        trade, UUID(int=1), symbol, price, price * stop, price * target, price * (target + 0.01),
        price * (target + 0.02), begun, begun + timedelta(days=1),
    )  # fmt: skip


@pytest.fixture(scope="module")
def platform(stack, on_schedule):
    """A trade that waits, one lost and one won, settled by the real sweep; failures; yesterday's report."""
    before = stack.settings()
    stack.configure(candle_sources=["sandbox"])
    httpx.delete(f"{stack.sandbox_url}/_faults").raise_for_status()
    stack.empty()
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    begun = hour - timedelta(days=2)
    propose(stack, WAITING, "NOSUCHCOIN", 0.98, 1.02, hour - timedelta(hours=25))  # not given up for a day
    propose(stack, LOST, "BTC", 0.9999, 1.5, begun)
    propose(stack, WON, "ETH", 0.5, 1.0001, begun)
    runs = [stack.trigger("settle_trades"), stack.trigger("report_daily")]
    engine = create_engine(stack.database_url.replace("postgresql://", "postgresql+psycopg://"))
    failure = Failure(  # as the callback of a task writes it
        dag_id=FAILED, run_id=f"manual__{uuid4()}", owner="trading", error="ConnectionError: refused",
        url=f"{stack.airflow_url}/dags/{FAILED}", next_step="Look at its log.", task_id="a_task",
    )  # fmt: skip
    assert record_failure(engine, failure)
    engine.dispose()
    for run in runs:
        run.finish()
    stack.wait_for_sweeps()
    yield stack
    stack.execute("DELETE FROM freezes WHERE reason = %s", REASON)
    stack.execute("DELETE FROM alert_silences WHERE reason = %s", REASON)
    stack.empty()
    stack.configure(**before)


def seen(width, theme):
    """In which of the four looks a walk is made."""
    return pytest.mark.parametrize("person", [(width, theme)], indirect=True, ids=[f"{width}-{theme}"])


@pytest.fixture(scope="module")
def login(platform):
    """Somebody who has logged in, in a browser without a window."""
    with browser() as chromium, logged_in(chromium, platform) as person:
        yield person


@pytest.fixture
def person(request, login):
    """Somebody who is logged in, before a window of the look."""
    with window(login, *request.param) as page:
        yield page


def is_wide(page: Page) -> bool:
    return page.viewport_size["width"] == WIDE


def choose(control: Locator) -> None:
    """Follow a link or press a button: by keyboard in a wide window, by pointer in a narrow one."""
    if is_wide(control.page):
        control.press("Enter")
    else:
        control.click()


def open_desk(page: Page) -> FrameLocator:
    """From wherever Airflow is to the desk, by its place in Airflow's navigation."""
    choose(page.get_by_role("link", name="Desk", exact=True).first)  # a run has it as a tab, too
    desk = page.frame_locator("iframe")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Overview")
    return desk


def go(desk: FrameLocator, title: str) -> None:
    """To another page of the desk, by its navigation, which is folded where the window is narrow."""
    pages = desk.get_by_role("navigation", name="Pages", exact=True)
    menu = pages.get_by_text("Menu", exact=True)
    expect(desk.get_by_role("heading", level=1)).to_be_visible()
    if menu.is_visible():
        choose(menu)
    choose(pages.get_by_role("link", name=title, exact=True))
    link = pages.get_by_role("link", name=title, exact=True, include_hidden=True)
    expect(link).to_have_attribute("aria-current", "page")


def start_the_run(desk: FrameLocator, why: str | None = None) -> None:
    """Send a form that stands there filled in, but for the reason, and see that Airflow has taken it."""
    button = desk.get_by_role("button", name="Start the run")
    if why:
        desk.get_by_role("textbox", name="Why").fill(why)
    choose(button)
    expect(desk.get_by_role("heading", level=1)).to_have_text("The run is started")


@seen(WIDE, "light")
def test_why_a_trade_waits(person):
    desk = open_desk(person)
    go(desk, "Trades")
    choose(desk.get_by_role("link", name="Waiting", exact=True))
    expect(desk.get_by_role("link", name="BTC")).to_have_count(0)  # among all trades are both
    choose(desk.get_by_role("link", name="NOSUCHCOIN"))
    expect(desk.get_by_role("heading", level=1)).to_contain_text("waiting")
    why = desk.get_by_role("listitem").filter(has_text="does not know the symbol")
    expect(why).to_contain_text("sandbox")
    choose(desk.get_by_role("link", name="Fetch its candles").first)
    expect(desk.get_by_role("textbox", name="trades")).to_have_value(str(WAITING))


@seen(NARROW, "dark")
def test_the_worst_trade_of_last_week_and_why(person):
    desk = open_desk(person)
    go(desk, "Trades")
    choose(desk.get_by_role("link", name=re.compile("[Ww]orst")))
    worst = desk.get_by_role("main").get_by_role("row").nth(1)
    expect(worst).to_contain_text("stopped")
    choose(worst.get_by_role("link", name="BTC"))
    expect(desk.get_by_role("heading", level=1)).to_contain_text("BTC LONG")
    expect(desk.get_by_role("main")).to_contain_text("stopped")
    expect(desk.get_by_role("img").first).to_be_visible()  # its candles
    expect(desk.get_by_role("row").filter(has_text="Stop").first).to_be_visible()  # the settlement's steps


@seen(WIDE, "dark")
def test_an_alert_is_acknowledged_and_silenced(person, platform):
    silence = "SELECT count(*) FROM alert_silences WHERE ends_at > now() AND reason = %s"
    desk = open_desk(person)
    go(desk, "Alerts")
    alert = desk.get_by_role("row").filter(has_text=FAILED).filter(has_text="failed since")
    expect(alert).not_to_contain_text("taken over")
    choose(alert.get_by_role("link", name="Acknowledge"))
    start_the_run(desk)
    choose(desk.get_by_role("link", name="Look at the run"))  # leaves the frame
    person.wait_for_url(lambda url: urlsplit(url).path.startswith("/dags/acknowledge_alert/runs/"))

    taken = "SELECT count(*) FROM alert_notices WHERE kind = 'acknowledged' AND fingerprint LIKE %s"
    wait_for(lambda: platform.execute(taken, f"failure/%{FAILED}%") == [(1,)], "the acknowledgement")
    desk = open_desk(person)
    go(desk, "Alerts")
    expect(alert).to_contain_text("taken over by admin")
    choose(alert.get_by_role("link", name="Silence"))
    start_the_run(desk, REASON)
    wait_for(lambda: platform.execute(silence, REASON) == [(1,)], "the silence")
    go(desk, "Alerts")
    expect(alert).to_contain_text("silenced")
    in_force = desk.get_by_role("row").filter(has_text=REASON)
    choose(in_force.get_by_role("link", name="End it"))
    start_the_run(desk)
    wait_for(lambda: platform.execute(silence, REASON) == [(0,)], "the end of the silence")
    go(desk, "Alerts")
    expect(alert).not_to_contain_text("silenced")


@seen(NARROW, "light")
def test_yesterdays_report(person):
    day = (datetime.now(UTC) - timedelta(days=1)).date()
    yesterday = f"{day:%A}, {day.day} {day:%B %Y}"
    desk = open_desk(person)
    go(desk, "Reports")
    choose(desk.get_by_role("link", name=yesterday).first)
    expect(desk.get_by_role("heading", level=1)).to_contain_text(yesterday)
    stored = desk.frame_locator("iframe[title='The report as it was stored']")
    expect(stored.get_by_role("heading", level=1)).to_contain_text(yesterday)


@seen(NARROW, "dark")
def test_the_platform_is_frozen_and_given_back(person, platform):
    holds = "SELECT count(*) FROM freezes WHERE coalesce(ended_at, ends_at) > now()"
    desk = open_desk(person)
    go(desk, "Freeze")
    choose(desk.get_by_role("main").get_by_role("link", name="Freeze", exact=True))
    start_the_run(desk, REASON)
    wait_for(lambda: platform.execute(holds) == [(1,)], "the freeze")
    go(desk, "Trades")
    banner = desk.get_by_role("status").filter(has_text="Frozen by admin")
    expect(banner).to_contain_text(REASON)

    trade = uuid4()
    untouched = "SELECT count(*) FROM trade_signals WHERE id = %s AND status = 'active'"
    propose(platform, trade, "BTC", 0.9999, 1.5, datetime.now(UTC) - timedelta(days=3))
    assert platform.run("settle_trades").tasks()["claim"] == "skipped"
    assert platform.execute(untouched, trade) == [(1,)]

    choose(banner.get_by_role("link", name="More"))
    choose(desk.get_by_role("link", name="Give it back"))
    start_the_run(desk)
    wait_for(lambda: platform.execute(holds) == [(0,)], "the end of the freeze")
    go(desk, "Freeze")
    expect(desk.get_by_role("main")).to_contain_text("Nothing is frozen")
    platform.trigger("settle_trades")
    wait_for(lambda: platform.execute(untouched, trade) == [(0,)], "the trade that had waited")
    platform.wait_for_sweeps()


def test_a_dag_and_a_run_have_the_desk_as_a_tab(login, platform):
    with window(login, WIDE, "light") as page:
        run = platform.api("GET", "/dags/settle_trades/dagRuns?limit=1&order_by=-id")["dag_runs"][0]
        for path, shown in (
            ("/dags/settle_trades", "Trades"),
            (f"/dags/settle_trades/runs/{run['dag_run_id']}", ""),
        ):
            page.goto(path)
            choose(page.get_by_role("link", name="Desk", exact=True).last)  # the first is in the navigation
            expect(page.frame_locator("iframe").get_by_role("heading", level=1)).to_contain_text(shown)


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_pages_fit_and_are_accessible(login, platform, width, theme):
    """In Airflow's frame, which leaves them less than the window; with what the walks left to show."""
    paths = [page.path for page in NAVIGATION] + [
        f"/trades/{LOST}",
        f"/trades/{WAITING}",
        "/start/silence_alerts",
        "/docs/alerts",
    ]
    wrong: dict[str, list[str]] = {}
    with window(login, width, theme) as page:
        page.on(
            "console",
            lambda said: (
                wrong.setdefault(said.location["url"], []).append(said.text)
                if said.type == "error" and "/tradeops/" in said.location["url"]
                else None
            ),
        )
        open_desk(page)
        frame = page.frame(url="**/tradeops/overview")
        assert frame is not None
        for path in paths:
            answer = frame.goto(f"{platform.airflow_url}/tradeops{path}")
            assert answer is not None and answer.status == 200, path
            assert frame.evaluate("getComputedStyle(document.documentElement).colorScheme") == theme
            found = offences(frame)
            overflow = frame.evaluate("document.documentElement.scrollWidth - innerWidth")
            if overflow > 0:
                found.append(f"{overflow} px wider than its frame")
            if found:
                wrong.setdefault(path, []).extend(found)
    assert not wrong, "\n".join(f"{path}: {said}" for path, said in wrong.items())
