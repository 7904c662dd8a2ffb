"""The way out by SMTP: a mail is handed to a server, encrypted, in bounded time, or it is said why not.

What a mail says is its writer's business: an alert, a report.
"""

import contextlib
import ipaddress
import smtplib
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from typing import Any, Literal, Self

from include.telemetry import redact

ANSWER_TIMEOUT = 10.0  # seconds that one answer of the server may take
CONVERSATION_TIMEOUT = 45.0  # seconds that the whole conversation may take; below the lease of a delivery
LONGEST_MESSAGE = 400  # characters of an error


class MailError(Exception):
    """The mail was not taken; `str()` says why, without secrets.

    Attributes:
        final: the server will never take this mail.
        mend: a person must mend the connection or the addresses first.
    """

    def __init__(self, message: str, *, final: bool = False, mend: bool = False) -> None:
        super().__init__(message, final, mend)
        self.message = message
        self.final = final
        self.mend = mend

    def __str__(self) -> str:
        return self.message


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

    @classmethod
    def read(
        cls, host: str, port: int | None, login: str | None, password: str | None, extra: Mapping[str, Any]
    ) -> Self:
        """Read it from what a connection stores; raises ValueError in words.

        `extra` may hold `from`, `to` (an address or several) and `security`.
        """
        security = extra.get("security", "starttls")
        recipients = extra.get("to") or []
        return cls(
            host=host,
            port=port or (465 if security == "tls" else 587),
            sender=str(extra.get("from") or login or ""),
            recipients=(recipients,) if isinstance(recipients, str) else tuple(map(str, recipients)),
            login=login,
            password=password,
            security=security,
        )

    @property
    def domain(self) -> str:
        """The sender's domain, under which the ids of mails are unique."""
        return self.sender.rpartition("@")[2]


def begin_mail(server: MailServer, *, subject: str, id: str, follows: str | None = None) -> EmailMessage:
    """Begin a mail to the recipients of a server: all its headers, and no content yet.

    Args:
        server: from whom and to whom.
        subject: of one line.
        id: its Message-ID, with angle brackets; the same for a mail that is sent again.
        follows: the Message-ID of the mail whose conversation it belongs to.
    """
    mail = EmailMessage()
    mail["From"] = server.sender
    mail["To"] = ", ".join(server.recipients)
    mail["Subject"] = subject
    mail["Date"] = format_datetime(localtime())
    mail["Message-ID"] = id
    mail["Auto-Submitted"] = "auto-generated"  # no out-of-office answers (RFC 3834)
    if follows:
        mail["In-Reply-To"] = mail["References"] = follows
    return mail


def hand_over(
    mail: EmailMessage,
    server: MailServer,
    trust: ssl.SSLContext | None = None,
    *,
    answer_timeout: float = ANSWER_TIMEOUT,
    conversation_timeout: float = CONVERSATION_TIMEOUT,
) -> list[str]:
    """Hand the mail to the server; give the recipients that it refused, if it took the mail for others.

    Args:
        mail: with its headers; From and To decide who gets it.
        server: where and to whom.
        trust: certificates that are trusted; None: the system's.
        answer_timeout: seconds that one answer of the server may take.
        conversation_timeout: seconds that the whole conversation may take.

    Raises:
        MailError: it was not taken.
    """

    def refusal(error: Exception, *, final: bool = False, mend: bool = False) -> MailError:
        words = redact(f"{server.host}: {type(error).__name__}: {error}", server.password)
        return MailError(" ".join(words.split())[:LONGEST_MESSAGE], final=final, mend=mend)

    try:
        with _conversation(server, trust, answer_timeout, conversation_timeout) as smtp:
            return sorted(smtp.send_message(mail))
    except smtplib.SMTPAuthenticationError as error:
        raise refusal(error, mend=True) from error
    except smtplib.SMTPRecipientsRefused as error:
        raise refusal(error, mend=all(code >= 500 for code, _ in error.recipients.values())) from error
    except smtplib.SMTPResponseException as error:
        # 5yz speaks of this message or this sender, 4yz passes (RFC 5321, 4.2.1)
        lasting = error.smtp_code >= 500
        raise refusal(
            error, final=lasting and isinstance(error, smtplib.SMTPDataError), mend=lasting
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        raise refusal(error) from error


@contextlib.contextmanager
def _conversation(
    server: MailServer, trust: ssl.SSLContext | None, answer_timeout: float, conversation_timeout: float
) -> Iterator[smtplib.SMTP]:
    """Connect, encrypt, log in. A server that drips its answers is cut off when the time is over."""
    trust = trust or ssl.create_default_context()
    smtp: smtplib.SMTP = (
        smtplib.SMTP_SSL(timeout=answer_timeout, local_hostname="tradeops", context=trust)
        if server.security == "tls"
        else smtplib.SMTP(timeout=answer_timeout, local_hostname="tradeops")
    )
    cut_off = threading.Timer(conversation_timeout, _shut, [smtp])
    cut_off.daemon = True
    cut_off.start()
    try:
        # Not in the constructor: the greeting belongs to what is cut off.
        smtp._host = server.host  # type: ignore[attr-defined]  # the name on the certificate
        smtp.connect(server.host, server.port)
        if server.security == "starttls":
            smtp.starttls(context=trust)
        if server.login:
            smtp.login(server.login, server.password or "")
        yield smtp
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.quit()  # the mail has been accepted; how the server says goodbye does not matter
    finally:
        cut_off.cancel()
        smtp.close()


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
