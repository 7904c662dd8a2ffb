"""A plain webhook: JSON that another program reads, signed so that it knows whom it is from.

The headers carry the time of sending (`X-Tradeops-Timestamp`, Unix seconds) and the signature
(`X-Tradeops-Signature: v1=<hex>`): HMAC-SHA256 by the shared secret over the time, a dot, and the raw body.
docs/alerts.md shows how a receiver checks it, and refuses what is older than five minutes. A receiver that
wants a bearer token gets it besides.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

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
from include.settings import Endpoint


class Webhook:
    """One receiver. A message may arrive twice; its `id` and those of its notices tell.

    Args:
        client: of the service `webhook`; its address is the host.
        path: the rest of the address, beginning with a slash.
        secret: shared with the receiver.
        bearer: a token that the receiver wants besides, as `Authorization: Bearer`.
    """

    def __init__(self, client: Client, path: str, secret: str, bearer: str | None = None) -> None:
        self._client = client
        self._path = path
        self._secret = secret
        self._bearer = bearer

    def send(self, message: Message) -> Receipt:
        """Post the message; raises ChannelError."""
        if not self._secret:
            raise ChannelError("webhook: no secret to sign with; store one as password of its connection")
        body = json.dumps(webhook_payload(message), ensure_ascii=False).encode()
        moment = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "X-Tradeops-Id": str(message.id),
            "X-Tradeops-Timestamp": moment,
            "X-Tradeops-Signature": f"v1={sign(self._secret, moment, body)}",
        }
        if self._bearer:
            headers["Authorization"] = f"Bearer {self._bearer}"
        with service_errors():
            answer = self._client.post_text(self._path, body, headers, idempotent=True)
        return Receipt(one_line(answer, 200) or "accepted")


def sign(secret: str, moment: str, body: bytes) -> str:
    """The signature of a body that is sent at a moment (Unix seconds), in hex."""
    return hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()


def webhook_payload(message: Message) -> dict[str, Any]:
    """Write the message as JSON for a program."""
    return {
        "id": str(message.id),
        "kind": message.kind,
        "subject": message.subject,
        "severity": message.severity,
        "headline": message.headline,
        "counted": message.counted,
        "alerts": [
            {
                "fingerprint": item.fingerprint,
                "status": item.status,
                "title": item.title,
                "severity": item.severity,
                "owner": item.owner,
                "counted": item.counted,
                "facts": dict(item.facts),
                "quote": item.quote,
                "next_step": item.next_step,
                "link": item.link,
                "runbook": item.runbook,
                "labels": dict(item.labels),
                "notices": [str(id) for id in item.notices],
            }
            for item in message.items
        ],
    }


@contextmanager
def _opened(stored: StoredConnection, engine: Engine) -> Iterator[Webhook]:
    address = urlsplit(stored.base_url)
    if address.query or address.fragment:
        raise ValueError(
            "its address has a query; put what is secret into the password, which signs each message"
        )
    if not stored.secret:
        raise ValueError("it has no password: the secret that signs each message")
    if not address.netloc:
        raise ValueError("it has no host: the receiver's address")
    bearer = str(stored.extra.get("bearer_token") or "") or None
    if bearer and not (bearer.isascii() and bearer.isprintable() and " " not in bearer):
        raise ValueError("bearer_token in its extra has characters that no header takes")
    host = Endpoint(
        f"{address.scheme}://{address.netloc}", bearer or stored.secret
    )  # kept out of what is said
    with Client(find_service("webhook"), host, engine) as client:
        yield Webhook(client, address.path or "/", stored.secret, bearer)


CHANNEL = ChannelKind(
    connection="alert_webhook",
    needs="as host the receiver's address, as password the secret that signs each message, "
    "in extra bearer_token if the receiver wants one",
    opened=_opened,
)
