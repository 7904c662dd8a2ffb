"""Takes the pictures of docs/desk.md and of the README: `make screenshots`, over a demo stack of its own.

All pages, wide and narrow, light and dark, are in `.stack/screenshots/pictures`, to be looked at; those that
the documents show go to `docs/pictures`.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import Engine, text

from include.candles import open_source
from include.candles.frame import interval_of, normalise
from include.database import connect
from include.settings import Endpoint, Settings
from include.telemetry.feedback import store_feedback
from include.web.pages.navigation import NAVIGATION
from local.demo import INSERT, SANDBOX_SYMBOLS
from local.samples import Market, make_trades
from tests.support.browser import NARROW, WIDE, Theme, browser, logged_in, window
from tests.support.running_stack import RunningStack, new_environment, run_local, started

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

ROOT = Path(__file__).parents[1]
STACK = ROOT / ".stack" / "screenshots"
DOCUMENTS = ROOT / "docs" / "pictures"
HEIGHT = {WIDE: 900, NARROW: 844}  # pixels, of a picture in the documents
TALLEST = 5000  # pixels, of one to be looked at

THEMES: tuple[Theme, ...] = ("light", "dark")
DOCUMENTED = {(page.path.strip("/"), WIDE, "light") for page in NAVIGATION} | {
    ("trade", WIDE, "light"),
    ("report-stored", WIDE, "light"),
    ("trade", WIDE, "dark"),
    ("overview", NARROW, "light"),
}
DAYS = 45  # that the sample trades cover
BATCHES = 5  # of 60 trades each
RESOLUTION = "15m"  # of the candles that they are made from
USER = "00000000-0000-0000-0000-000000000001"  # one of the users of the sample trades
PRICE = {"prompt": 0.4, "completion": 1.6}  # US dollars a million tokens

# The sweep settles all trades of the past at once; a platform that had run in these weeks would have settled
# each soon after its end.
SETTLED_IN_TIME = """
UPDATE trade_signals SET completed_at = expires_at + make_interval(secs => 60 + abs(hashtext(id::text)) % 240)
WHERE status <> 'active' AND expires_at < now() - interval '5 minutes'
"""
CONFIDENT = """
UPDATE trade_signals SET ai_model = 'sandbox-trader', confidence_score = 40 + abs(hashtext(id::text)) % 60
"""
# Four run; the source of another one has no candles of its symbol, so that it waits.
OPEN = """
INSERT INTO trade_signals (user_id, symbol, direction, timeframe, entry_price, stop_loss, take_profit_1,
  take_profit_2, take_profit_3, confidence_score, ai_model, generated_at, expires_at)
SELECT user_id, CASE place WHEN 1 THEN 'NOSUCHCOIN' ELSE symbol END, direction, timeframe, entry_price,
  stop_loss, take_profit_1, take_profit_2, take_profit_3, confidence_score, ai_model,
  now() - interval '5 hours', now() + CASE place WHEN 1 THEN interval '-1 hour' ELSE interval '5 hours' END
FROM (SELECT *, row_number() OVER (ORDER BY expires_at DESC, id) AS place FROM trade_signals
  WHERE status = 'completed_success') AS won WHERE place <= 5
"""
SETTLED = """
SELECT id::text FROM vw_complete_trades WHERE status = 'completed_success' AND timeframe IN ('4h', '1d')
ORDER BY (tp1_hit::int + tp2_hit::int) DESC, net_profit_loss DESC, id LIMIT 1
"""
LOST = "SELECT id::text FROM vw_complete_trades WHERE isfinite(exit_at) ORDER BY net_profit_loss, id LIMIT 1"
WAITS = """
SELECT id::text FROM trade_signals WHERE status = 'active' AND expires_at < now()
ORDER BY expires_at, id LIMIT 1
"""
REPORT = "SELECT id::text FROM reports WHERE kind = 'daily' ORDER BY id LIMIT 1"
RUNS = """
SELECT id::text FROM trade_signals WHERE status = 'active' AND expires_at > now()
ORDER BY expires_at, id LIMIT 1
"""


def main() -> None:
    """Start a stack, let it do what a platform does in some days, take the pictures, take the stack away."""
    if STACK.exists():  # of a run before, or of one that was killed
        run_local(new_environment(STACK), "down")
        shutil.rmtree(STACK)
    with started(STACK) as stack:
        live(stack)
        take_pictures(stack)


def live(stack: RunningStack) -> None:
    """Do what the pictures show: trades of six weeks, statistics, a signal, an analysis, backups, reports."""
    done = stack.local("demo")
    if done.returncode:
        raise RuntimeError(f"the demo failed: {done.stdout}{done.stderr}")
    stack.configure(
        candle_sources=["sandbox"],
        trading_enabled=True,
        freeze_on_drawdown=10,
        freeze_on_day_loss=500,
        llm_daily_budget_usd=2,
        llm_prices={"sandbox-analyst": PRICE, "sandbox-trader": PRICE},
        on_call=["Ada", "Grace"],
        contacts={
            "Ada": "+44 20 7946 0000",
            "Grace": "+1 212 555 0100",
            "Exchange support": "help@example.com",
        },
    )
    propose(stack)
    exchange = ("reconcile_exchange", "guard_trading", "drill_kill_switch")
    for dag_id in ("generate_signals", "collect_candles", "audit_data_quality", *exchange):
        stack.pause(dag_id, False)
    stack.run("settle_trades")
    stack.wait_for_sweeps()
    stack.execute(SETTLED_IN_TIME)
    stack.execute(OPEN)
    stack.run("collect_candles")
    stack.run("settle_trades")
    today = datetime.now(UTC).date()
    days = {"first_day": str(today - timedelta(days=DAYS)), "last_day": str(today - timedelta(days=1))}
    stack.run("roll_up_stats", **days)
    stack.run("generate_signals", symbol="ETH", timeframe="1h", user=USER)
    settled = only(stack, SETTLED)
    stack.run("analyse_trades", ids=[settled], dry_run=False, redo=True)
    stack.run(
        "replay_trades", trade_ids=[settled], dry_run=False, reason="a fee was wrong", redo=["settlement"]
    )
    stack.run("export_trades", symbols=["BTC"])
    stack.run("back_up_database")
    stack.run("manage_backups", action="verify", backup_id=only(stack, "SELECT max(id) FROM backups"))
    stack.run("drill_restore")
    stack.run("reconcile_exchange")
    stack.run("drill_kill_switch")
    stack.run("switch_trading", state="trading", reason="the drill worked, nothing is unexplained")
    stack.run("audit_data_quality")
    stack.run("maintain_database")
    stack.run("probe_government")
    stack.run("report_daily", build_again=True)  # the schedule made one before these days were rolled up
    stack.run("silence_alerts", matchers="rule=cpu_busy", hours=2, reason="a rebuild of the machine")
    stack.run("freeze_work", action="begin", hours=1, reason="the exchange is being moved")
    stack.run("freeze_work", action="end")
    with database(stack) as engine:
        store_feedback(
            engine,
            UUID(USER),
            "trade_accuracy",
            rating=4,
            comment="The stop was where I would have put it.",
            trade_signal_id=UUID(settled),
            only_user=None,
        )


def propose(stack: RunningStack) -> None:
    """Write down sample trades of the last weeks; those of the demo are of the last days."""
    end = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=1)
    settings = Settings.model_validate({"candle_sources": ["sandbox"]})
    with database(stack) as engine:
        markets = []
        with open_source(
            "sandbox", settings, engine, lambda _: Endpoint(f"{stack.sandbox_url}/market")
        ) as source:
            for symbol in SANDBOX_SYMBOLS:
                fetched = source.fetch(symbol, RESOLUTION, end - timedelta(days=DAYS), end)
                candles, _ = normalise(fetched.candles, RESOLUTION, now=datetime.now(UTC))
                markets.append(Market(candles, interval_of(RESOLUTION)))
        with engine.begin() as connection:
            for batch in range(2, BATCHES + 2):  # the demo's own is the first
                connection.execute(text(INSERT), make_trades(markets, batch))
            connection.execute(text(CONFIDENT))


@contextmanager
def database(stack: RunningStack) -> Iterator[Engine]:
    """The platform's database of the stack."""
    engine = connect(stack.database_url, application="tradeops:screenshots")
    try:
        yield engine
    finally:
        engine.dispose()


def only(stack: RunningStack, statement: str) -> str:
    """The one value of a statement."""
    ((value,),) = stack.execute(statement)
    return str(value)


# -- the pictures ----------------------------------------------------------------------------------------


def pages(stack: RunningStack) -> dict[str, str]:
    """Every page that is looked at: its name, and its path."""
    shown = {page.path.strip("/"): f"/tradeops{page.path}" for page in NAVIGATION}
    trades = {"trade": SETTLED, "trade-lost": LOST, "trade-waiting": WAITS, "trade-running": RUNS}
    shown |= {name: f"/tradeops/trades/{only(stack, statement)}" for name, statement in trades.items()}
    return shown | {
        "report": f"/tradeops/reports/{only(stack, REPORT)}",
        "report-stored": f"/tradeops/reports/{only(stack, REPORT)}/stored",
        "start": "/tradeops/start/replay_trades?symbols=BTC",
        "trades-waiting": "/tradeops/trades?waiting=1",
    }


def take_pictures(stack: RunningStack) -> None:
    """Take all pages in all looks, and those of the documents."""
    shown = pages(stack)
    with browser() as chromium, logged_in(chromium, stack) as person:
        for width in (WIDE, NARROW):
            for theme in THEMES:
                look(person, width, theme, shown)
    print(f"{len(shown)} pages in {STACK / 'pictures'}, by width and theme; the documents' in {DOCUMENTS}")


def look(person: "BrowserContext", width: int, theme: Theme, shown: dict[str, str]) -> None:
    """Take pages in one look."""
    folder = STACK / "pictures" / f"{width}-{theme}"
    folder.mkdir(parents=True, exist_ok=True)
    DOCUMENTS.mkdir(exist_ok=True)
    with window(person, width, theme) as page:
        for name, path in shown.items():
            answer = page.goto(path)
            if answer is None or not answer.ok:
                raise RuntimeError(f"{path} answered {answer and answer.status}: {page.inner_text('body')}")
            size = page.evaluate(
                "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
            )
            if size[0] > width:
                print(f"{name} is {size[0]} pixels wide in a window of {width}")
            clip = {"x": 0, "y": 0, "width": width, "height": min(size[1], TALLEST)}
            page.screenshot(path=folder / f"{name}.png", clip=clip, full_page=True)
            if (name, width, theme) in DOCUMENTED:
                kept = clip | {"height": min(size[1], HEIGHT[width])}
                suffix = (
                    "" if (width, theme) == (WIDE, "light") else f"-{'narrow' if width == NARROW else theme}"
                )
                page.screenshot(path=DOCUMENTS / f"{name}{suffix}.png", clip=kept, full_page=True)


if __name__ == "__main__":
    main()
