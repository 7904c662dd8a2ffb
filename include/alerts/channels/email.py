"""E-mail by SMTP: plain text and HTML, both without anything that a reader would run or follow unasked.

What follows on a message goes into its conversation by In-Reply-To and References.
"""

import contextlib
import html
import ssl
from collections.abc import Iterator
from email.message import EmailMessage

from sqlalchemy import Engine

from include.alerts.channels.channel import (
    MENDING_PAUSE,
    ChannelError,
    ChannelKind,
    Receipt,
    StoredConnection,
)
from include.alerts.messages import Item, Message, one_line
from include.mail import ANSWER_TIMEOUT, CONVERSATION_TIMEOUT, MailError, MailServer, begin_mail, hand_over
from include.telemetry import redact

MAIL_SUBJECT_LIMIT = 180  # characters
MAX_ITEMS_IN_MAIL = 30  # items


class Mail:
    """Writes to the people of one server's connection.

    Args:
        server: where and to whom.
        trust: certificates that are trusted; None: the system's.
        answer_timeout: seconds that one answer of the server may take.
        conversation_timeout: seconds that the whole conversation may take.
    """

    def __init__(
        self,
        server: MailServer,
        trust: ssl.SSLContext | None = None,
        *,
        answer_timeout: float = ANSWER_TIMEOUT,
        conversation_timeout: float = CONVERSATION_TIMEOUT,
    ) -> None:
        self._server = server
        self._answer_timeout = answer_timeout
        self._conversation_timeout = conversation_timeout
        self._trust = trust

    def send(self, message: Message) -> Receipt:
        """Hand the message over; raises ChannelError."""
        mail = compose_mail(message, self._server)
        try:
            refused = hand_over(
                mail,
                self._server,
                self._trust,
                answer_timeout=self._answer_timeout,
                conversation_timeout=self._conversation_timeout,
            )
        except MailError as error:
            pause = MENDING_PAUSE if error.mend else None
            raise ChannelError(f"email: {error}", final=error.final, pause=pause) from error
        left_out = f"; refused for {', '.join(refused)}" if refused else ""
        return Receipt(redact(f"accepted{left_out}"), {} if message.reference else {"id": mail["Message-ID"]})


def compose_mail(message: Message, server: MailServer) -> EmailMessage:
    """Write the message as a mail. Headers are of one line each, whatever an alert says."""
    tag = "ended" if message.kind == "ended" else message.severity
    mail = begin_mail(
        server,
        subject=f"[{tag}] {one_line(message.headline, MAIL_SUBJECT_LIMIT)}",
        id=f"<{message.id}@{server.domain}>",
        follows=message.reference.get("id"),
    )
    shown = message.items[:MAX_ITEMS_IN_MAIL]
    left = len(message.items) - len(shown)
    more = f"… and {left} more: see the page Alerts in Airflow." if left else ""
    mail.set_content("\n\n".join([*map(_text, shown), *([more] if more else [])]) + "\n")
    parts = "".join(map(_html, shown)) + (f"<p>{html.escape(more)}</p>" if more else "")
    mail.add_alternative(
        f'<html><body style="font-family: sans-serif; max-width: 45em">{parts}</body></html>', subtype="html"
    )
    return mail


def _facts(item: Item) -> list[tuple[str, str]]:
    facts = [("Severity", item.severity), ("Owner", item.owner), *item.facts]
    if item.counted > 1:
        facts.insert(0, ("Counted", str(item.counted)))
    if item.next_step:
        facts.append(("What happens next", item.next_step))
    if item.runbook:
        facts.append(("What to do", item.runbook))
    return facts


def _text(item: Item) -> str:
    lines = [f"{item.status}: {item.title}", *(f"{name}: {value}" for name, value in _facts(item))]
    if item.link:
        lines.append(item.link)
    if item.quote:
        lines += ["", *(f"    {line}" for line in item.quote.splitlines())]
    return "\n".join(lines)


def _html(item: Item) -> str:
    rows = "".join(
        f"<tr><td style='padding-right: 1em; vertical-align: top'>{html.escape(name)}</td>"
        f"<td>{html.escape(value)}</td></tr>"
        for name, value in _facts(item)
    )
    link = f'<p><a href="{html.escape(item.link)}">Open in Airflow</a></p>' if item.link else ""
    quote = f"<pre style='white-space: pre-wrap'>{html.escape(item.quote)}</pre>" if item.quote else ""
    return f"<h3>{html.escape(item.status)}: {html.escape(item.title)}</h3><table>{rows}</table>{quote}{link}"


@contextlib.contextmanager
def _opened(stored: StoredConnection, engine: Engine) -> Iterator[Mail]:
    yield Mail(MailServer.read(stored.host, stored.port, stored.login, stored.secret, stored.extra))


CHANNEL = ChannelKind(
    connection="smtp_alerts",
    needs='a host, login and password, and in extra {"from": …, "to": […]}',
    opened=_opened,
    for_people=True,
)
