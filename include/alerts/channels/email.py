"""E-mail by SMTP: plain text and HTML, both without anything that a reader would run or follow unasked.

What follows on a message goes into its conversation by In-Reply-To and References.
"""

import contextlib
import html
import ipaddress
import smtplib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from typing import Literal

from sqlalchemy import Engine

from include.alerts.channels.channel import (
    MENDING_PAUSE,
    ChannelError,
    ChannelKind,
    Receipt,
    StoredConnection,
)
from include.alerts.messages import Item, Message, one_line
from include.telemetry import redact

ANSWER_TIMEOUT = 10.0  # seconds that one answer of the server may take
CONVERSATION_TIMEOUT = 45.0  # seconds that the whole conversation may take; below the lease of a delivery
MAIL_SUBJECT_LIMIT = 180  # characters
MAX_ITEMS_IN_MAIL = 30  # items


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed over, and to whom it goes."""

    host: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    security: Literal["starttls", "tls", "none"] = "starttls"

    def __post_init__(self) -> None:
        """Refuse what cannot work or would give the password away; raises ValueError in words."""
        if not self.host:
            raise ValueError("no host: where is mail handed over?")
        if not self.recipients:
            raise ValueError('nobody to write to: name them in the connection\'s extra, {"to": ["ops@…"]}')
        for address in (self.sender, *self.recipients):
            try:
                parsed = Address(addr_spec=address)
            except Exception as error:  # the parser raises what it likes
                raise ValueError(f"{address!r} is no address of e-mail") from error
            if not parsed.domain or not address.isprintable():
                raise ValueError(f"{address!r} is no address of e-mail")
        if self.security not in ("starttls", "tls", "none"):
            raise ValueError(f"security {self.security!r}: starttls, tls or none")
        if self.login and self.security == "none" and not _is_loopback(self.host):
            raise ValueError("the password would go over the network in the clear: use starttls or tls")


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
        self._trust = trust or ssl.create_default_context()

    def send(self, message: Message) -> Receipt:
        """Hand the message over; raises ChannelError."""
        mail = compose_mail(message, self._server)
        try:
            with self._conversation() as smtp:
                refused = smtp.send_message(mail)
        except smtplib.SMTPAuthenticationError as error:
            raise self._error(error, pause=MENDING_PAUSE) from error
        except smtplib.SMTPRecipientsRefused as error:
            final = all(code >= 500 for code, _ in error.recipients.values())
            raise self._error(error, pause=MENDING_PAUSE if final else None) from error
        except smtplib.SMTPResponseException as error:
            # 5yz speaks of this message or this sender, 4yz passes (RFC 5321, 4.2.1)
            final = isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500
            raise self._error(
                error, final=final, pause=MENDING_PAUSE if error.smtp_code >= 500 else None
            ) from error
        except (smtplib.SMTPException, OSError) as error:
            raise self._error(error) from error
        left_out = f"; refused for {', '.join(sorted(refused))}" if refused else ""
        return Receipt(redact(f"accepted{left_out}"), {} if message.reference else {"id": mail["Message-ID"]})

    @contextlib.contextmanager
    def _conversation(self) -> Iterator[smtplib.SMTP]:
        """Connect, encrypt, log in. A server that drips its answers is cut off when the time is over."""
        server = self._server
        smtp: smtplib.SMTP = (
            smtplib.SMTP_SSL(timeout=self._answer_timeout, local_hostname="tradeops", context=self._trust)
            if server.security == "tls"
            else smtplib.SMTP(timeout=self._answer_timeout, local_hostname="tradeops")
        )
        cut_off = threading.Timer(self._conversation_timeout, _shut, [smtp])
        cut_off.daemon = True
        cut_off.start()
        try:
            # Not in the constructor: the greeting belongs to what is cut off.
            smtp._host = server.host  # type: ignore[attr-defined]  # the name on the certificate
            smtp.connect(server.host, server.port)
            if server.security == "starttls":
                smtp.starttls(context=self._trust)
            if server.login:
                smtp.login(server.login, server.password or "")
            yield smtp
            with contextlib.suppress(smtplib.SMTPException, OSError):
                smtp.quit()  # the mail has been accepted; how the server says goodbye does not matter
        finally:
            cut_off.cancel()
            smtp.close()

    def _error(
        self, error: Exception, *, final: bool = False, pause: timedelta | None = None
    ) -> ChannelError:
        message = redact(f"{self._server.host}: {type(error).__name__}: {error}", self._server.password)
        return ChannelError(f"email: {one_line(message, 400)}", final=final, pause=pause)


def compose_mail(message: Message, server: MailServer) -> EmailMessage:
    """Write the message as a mail. Headers are of one line each, whatever an alert says."""
    mail = EmailMessage()
    mail["From"] = server.sender
    mail["To"] = ", ".join(server.recipients)
    subject = one_line(message.headline, MAIL_SUBJECT_LIMIT)
    mail["Subject"] = f"[{message.severity}] {subject}" if message.kind != "ended" else f"[ended] {subject}"
    mail["Date"] = format_datetime(localtime())
    mail["Message-ID"] = f"<{message.id}@{server.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # no out-of-office answers (RFC 3834)
    if first := message.reference.get("id"):
        mail["In-Reply-To"] = first
        mail["References"] = first
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


def _shut(smtp: smtplib.SMTP) -> None:
    if smtp.sock is not None:
        with contextlib.suppress(OSError):
            smtp.sock.shutdown(2)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextlib.contextmanager
def _opened(stored: StoredConnection, engine: Engine) -> Iterator[Mail]:
    security = stored.extra.get("security", "starttls")
    recipients = stored.extra.get("to") or []
    server = MailServer(
        host=stored.host,
        port=stored.port or (465 if security == "tls" else 587),
        sender=str(stored.extra.get("from") or stored.login or ""),
        recipients=(recipients,) if isinstance(recipients, str) else tuple(map(str, recipients)),
        login=stored.login,
        password=stored.secret,
        security=security,
    )
    yield Mail(server)


CHANNEL = ChannelKind(
    connection="smtp_alerts",
    needs='a host, login and password, and in extra {"from": …, "to": […]}',
    opened=_opened,
    for_people=True,
)
