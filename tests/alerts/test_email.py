"""E-mail over real SMTP: what arrives, and what becomes of it when the server fails."""

import socket
import ssl
import subprocess
import threading

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from include.alerts.channels import ChannelError
from include.alerts.channels.channel import MENDING_PAUSE
from include.alerts.channels.email import Mail, MailServer
from tests.alerts.written import failure, hostile, row, written
from tests.support.mailbox import Mailbox, mail_server


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def port(mailbox):
    with mail_server(mailbox) as port:
        yield port


def server(port, **changes):
    values = {
        "host": "127.0.0.1",
        "port": port,
        "sender": "tradeops@example.com",
        "recipients": ("ops@example.com", "anna@example.com"),
        "security": "none",
    }
    return MailServer(**{**values, **changes})


def test_a_mail_arrives_as_text_and_as_html(mailbox, port):
    receipt = Mail(server(port)).send(written(failure()))
    ((envelope, mail),) = mailbox.mails
    assert envelope.mail_from == "tradeops@example.com"
    assert envelope.rcpt_tos == ["ops@example.com", "anna@example.com"]
    assert mail["Subject"] == "[critical] Task settle_trades.settle[2] failed on try 3"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert receipt.reference == {"id": mail["Message-ID"]}
    for kind in ("plain", "html"):
        shown = mail.get_body((kind,)).get_content()
        for part in (
            "RuntimeError: the disk is slow",
            "trading",
            "Wait.",
            "http://localhost:8080/dags/x/runs/y",
        ):
            assert part in shown


def test_what_follows_is_in_the_conversation_of_the_first(mailbox, port):
    first = Mail(server(port)).send(written())
    Mail(server(port)).send(written(row(kind="resolved"), reference=first.reference))
    mail = mailbox.mails[1][1]
    assert mail["In-Reply-To"] == mail["References"] == first.reference["id"]
    assert mail["Subject"] == "[ended] Resolved: The processors are busy"


def test_a_hostile_text_makes_no_header_no_markup_and_no_link(mailbox, port):
    Mail(server(port)).send(hostile())
    ((envelope, mail),) = mailbox.mails
    assert envelope.rcpt_tos == ["ops@example.com", "anna@example.com"]
    assert mail["Bcc"] is None
    assert {name.lower() for name in mail} == {
        "from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version", "content-type",
    }  # fmt: skip
    assert len(mail["Subject"]) < 250
    html = mail.get_body(("html",)).get_content()
    assert "<script" not in html
    assert "<a " not in html
    assert "&lt;script&gt;" in html
    assert len(envelope.content) < 60_000


@pytest.mark.parametrize(
    ("answer", "final"), [("451 try again later", False), ("452 full", False), ("554 spam", True)]
)
def test_a_server_that_does_not_take_it_says_whether_it_ever_will(mailbox, port, answer, final):
    mailbox.answer = answer
    with pytest.raises(ChannelError, match=answer[:3]) as caught:
        Mail(server(port)).send(written())
    assert caught.value.final is final


def test_some_recipients_are_unknown_and_the_others_are_told(mailbox, port):
    mailbox.refuse = ("anna@example.com",)
    receipt = Mail(server(port)).send(written())
    assert len(mailbox.mails) == 1
    assert "refused for" in receipt.response
    mailbox.refuse = ("anna@example.com", "ops@example.com")
    with pytest.raises(ChannelError, match="550") as caught:
        Mail(server(port)).send(written())
    assert (caught.value.final, caught.value.pause) == (False, MENDING_PAUSE)


def test_nobody_answers():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        unused = free.getsockname()[1]
    with pytest.raises(ChannelError, match="refused"):
        Mail(server(unused)).send(written())


@pytest.fixture
def slow():
    """A server that says what `lines` says, a letter now and then; nothing at all when it is empty."""
    listening = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()
    greeting = {"text": ""}

    def serve():
        connection, _ = listening.accept()
        with connection:
            for letter in greeting["text"]:
                if stop.wait(0.05):
                    return
                try:
                    connection.send(letter.encode())
                except OSError:
                    return
            stop.wait(20)

    thread = threading.Thread(target=serve)
    thread.start()
    yield listening.getsockname()[1], greeting
    stop.set()
    thread.join()
    listening.close()


def test_a_server_that_says_nothing_is_left(slow):
    with pytest.raises(ChannelError, match="timed out"):
        Mail(server(slow[0]), answer_timeout=0.2).send(written())


def test_a_server_that_drips_is_cut_off(slow):
    slow[1]["text"] = "220-" + "x" * 400
    with pytest.raises(ChannelError, match="email: "):
        Mail(server(slow[0]), conversation_timeout=0.5).send(written())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
        "-addext subjectAltName=DNS:localhost "
        f"-keyout {folder}/key -out {folder}/crt"
    )
    subprocess.run(command.split(), check=True, capture_output=True, timeout=60)
    return folder


@pytest.fixture
def encrypted(mailbox, certificate):
    """A server that wants STARTTLS and a login."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "crt", certificate / "key")

    def check(server, session, envelope, mechanism, data):
        known = (data.login, data.password) == (b"ops", b"hunter2-secret")
        return AuthResult(success=known, handled=known)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        chosen = free.getsockname()[1]
    controller = Controller(
        mailbox, hostname="127.0.0.1", port=chosen, tls_context=context, require_starttls=True,
        authenticator=check, auth_required=True,
    )  # fmt: skip
    controller.start()
    yield chosen
    controller.stop()


def test_a_login_goes_through_an_encrypted_conversation_only(mailbox, encrypted, certificate):
    trust = ssl.create_default_context(cafile=certificate / "crt")
    secure = {"host": "localhost", "login": "ops", "password": "hunter2-secret", "security": "starttls"}
    Mail(server(encrypted, **secure), trust).send(written())
    assert len(mailbox.mails) == 1
    with pytest.raises(ChannelError, match="535") as caught:
        Mail(server(encrypted, **{**secure, "password": "wrong-secret"}), trust).send(written())
    assert "wrong-secret" not in str(caught.value)
    assert caught.value.pause == MENDING_PAUSE
    with pytest.raises(ChannelError, match="CERTIFICATE_VERIFY_FAILED"):
        Mail(server(encrypted, **secure)).send(written())  # not by the system's certificates
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"host": ""}, "no host"),
        ({"recipients": ()}, "nobody to write to"),
        ({"sender": ""}, "no address"),
        ({"recipients": ("ops",)}, "no address"),
        ({"recipients": ("ops@example.com\r\nBcc: x@y.z",)}, "no address"),
        ({"security": "ssl3"}, "security"),
        ({"host": "mail.example.com", "login": "ops", "security": "none"}, "in the clear"),
    ],
)
def test_a_connection_that_cannot_work_is_refused_in_words(changes, words):
    with pytest.raises(ValueError, match=words):
        server(25, **changes)
