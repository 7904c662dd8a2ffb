"""PagerDuty, Events API v2: an alert triggers, acknowledges and resolves one incident, by one dedup key."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from sqlalchemy import Engine

from include.alerts.channels.channel import (
    ChannelError,
    ChannelKind,
    Receipt,
    StoredConnection,
    service_errors,
)
from include.alerts.messages import Message, one_line
from include.http.client import Client
from include.services import find_service

SUMMARY_LIMIT = 1_024  # characters
DEDUP_KEY_LIMIT = 255
ACTIONS = {"ended": "resolve", "acknowledged": "acknowledge"}


class PagerDuty:
    """An integration of one service. An event that is sent twice does no harm: the dedup key makes it one.

    Args:
        client: of the service `pagerduty`.
        routing_key: the integration's key.
    """

    def __init__(self, client: Client, routing_key: str) -> None:
        self._client = client
        self._routing_key = routing_key

    def send(self, message: Message) -> Receipt:
        """Send the event; raises ChannelError."""
        event = {"routing_key": self._routing_key, **pagerduty_event(message)}
        with service_errors():
            answer = self._client.post_json("/v2/enqueue", event, idempotent=True)
        if not isinstance(answer, dict) or answer.get("status") != "success":
            raise ChannelError(f"pagerduty: did not confirm: {one_line(answer, 200)}")
        return Receipt(f"{event['event_action']}: success", {"dedup_key": event["dedup_key"]})


def pagerduty_event(message: Message) -> dict[str, Any]:
    """Write the message as an event, without the routing key."""
    item = message.items[-1]
    event: dict[str, Any] = {
        "event_action": ACTIONS.get(message.kind, "trigger"),
        "dedup_key": dedup_key(message.subject),
    }
    if event["event_action"] != "trigger":
        return event
    details = {
        **dict(item.facts),
        "owner": item.owner,
        "counted": message.counted,
        "what happens next": item.next_step,
        "what to do": item.runbook,
        "quote": item.quote,
    }
    event["payload"] = {
        "summary": one_line(message.headline, SUMMARY_LIMIT) or "alert",
        "source": "tradeops",
        "severity": message.severity,
        "component": one_line(
            item.labels.get("service") or item.labels.get("dag_id") or item.fingerprint, 200
        ),
        "custom_details": {name: value for name, value in details.items() if value},
    }
    if item.link:
        event["links"] = [{"href": item.link, "text": "Open in Airflow"}]
    return event


def dedup_key(subject: str) -> str:
    """The same for everything about one alert; a long one is shortened by its hash."""
    key = f"tradeops:{subject}"
    if len(key) <= DEDUP_KEY_LIMIT:
        return key
    return f"{key[:180]}:{sha256(key.encode()).hexdigest()}"


@contextmanager
def _opened(stored: StoredConnection, engine: Engine) -> Iterator[PagerDuty]:
    if not stored.secret:
        raise ValueError("it has no password: the integration's routing key")
    with Client(find_service("pagerduty"), stored.endpoint, engine) as client:
        yield PagerDuty(client, stored.secret)


CHANNEL = ChannelKind(
    connection="pagerduty",
    needs="as password the routing key of an Events API v2 integration",
    opened=_opened,
    incidents=True,
)
