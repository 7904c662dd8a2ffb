"""### Collects signals from outside

Every two minutes: what was written in the chats of the Telegram bot is stored as it came, with edits and
deletions; then each message that waits, also those of `POST /api/atge/signals`, is **read as a whole** and
accepted or refused with a reason. What is accepted is a trade like any other, and settled like all of them.
**Nothing is ordered here**: `submit_orders` does that, if it may.

| task | reads | writes |
|---|---|---|
| `collect_messages` | Telegram's `getUpdates`, behind what is stored | `signals`, `telegram_offsets` |
| `judge_messages` | `signals`, the exchange's markets | `signals`, `trade_signals` |

Without a connection `telegram` nothing is collected, and messages of the API are judged all the same. No
message is stored twice, however often a task is repeated. Rules, and why a message was refused:
`docs/outside-signals.md`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag

from include.airflow.connections import endpoint_if_any, load_settings, open_database, open_public_exchange
from include.airflow.dag import dag_defaults, explained
from include.airflow.tags import Subject, tagged
from include.airflow.task import task

NEXT_STEP = (
    "What was stored stays, and the next run in two minutes goes on behind it. Telegram keeps messages "
    "for 24 hours: docs/outside-signals.md."
)


@task(area="api", outside=True, pool="market_data")
def collect_messages() -> str:
    """Store what Telegram has for the bot."""
    from include.exchange.telegram import collect_updates
    from include.http.client import Client
    from include.services import find_service

    endpoint = endpoint_if_any("telegram")
    if endpoint is None or not endpoint.secret:
        return "there is no connection telegram with a token: nothing was collected"
    with (
        open_database("outside signals") as engine,
        Client(find_service("telegram"), endpoint, engine) as client,
    ):
        collected = collect_updates(engine, client, endpoint.secret)
    return f"{collected.updates} updates taken, {collected.stored} messages stored"


@task(area="generation", outside=True, pool="market_data", multiple_outputs=False)
def judge_messages() -> dict[str, int]:
    """Accept or refuse each message that waits; count them by status."""
    from include.exchange.messages import count_received
    from include.exchange.messages import judge_messages as judge

    settings = load_settings()
    with open_database("outside signals") as engine:
        if not count_received(engine):
            return {}
        with open_public_exchange(settings, engine) as exchange:
            pairs = {market.pair for market in exchange.markets.values()}
        return judge(engine, pairs, settings)


@dag(
    schedule="*/2 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    is_paused_upon_creation=True,  # until somebody has connected a chat
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=15),
    **explained(__doc__),
    **tagged(Subject.SIGNALS),
    **dag_defaults(owner="trading", area="generation", freezes_with="work", next_step=NEXT_STEP),
)
def collect_signals() -> None:
    """Collect, then judge."""
    collect_messages() >> judge_messages()


collect_signals()
