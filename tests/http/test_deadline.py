"""The hard end of an exchange, also where httpx goes another way: through TLS and through proxies."""

import ipaddress
import ssl
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from include.http import RequestRefusedError, Retry, Service, ServiceUnavailableError, Timeout
from include.http.client import Client
from include.settings import Endpoint
from tests.support.http_server import Server, reply

SLOW_HEADERS = [b"HTTP/1.1 200 OK\r\n", *[b"X-Slow: 1\r\n"] * 100]


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls_server(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Server(tls=context) as running:
        yield running


def call(url, database, total=0.5):
    quick = {"timeout": Timeout(connect=2, read=2, total=total), "retry": Retry(attempts=1, budget=5)}
    with Client(Service("testing", **quick), Endpoint(url), database) as client:
        return client.get_json("/price")


def ends_soon(url, database):
    started = time.monotonic()
    with pytest.raises(ServiceUnavailableError, match="no complete answer within"):
        call(url, database)
    return 0.5 <= time.monotonic() - started < 2  # all of it would take 5 s


def test_through_tls(tls_server, certificate, database, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls_server.answers = [reply({"price": 1}), tls_server.drip(SLOW_HEADERS)]
    assert call(tls_server.url, database, total=5) == {"price": 1}
    assert ends_soon(tls_server.url, database)


def test_a_certificate_that_nobody_vouches_for_is_refused(tls_server, database):
    tls_server.answers = [reply({"price": 1})]
    with pytest.raises(ServiceUnavailableError, match="certificate verify failed"):
        call(tls_server.url, database, total=5)
    assert not tls_server.received


def test_through_a_proxy(server, database, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", server.url)
    server.answers = [reply({"price": 1}), server.drip(SLOW_HEADERS)]
    assert call("http://prices.invalid", database, total=5) == {"price": 1}
    assert server.received[0].headers["host"] == "prices.invalid"
    assert ends_soon("http://prices.invalid", database)


def test_a_connection_names_who_vouches_for_its_certificate_or_is_not_checked_on_this_machine(
    tls_server, certificate, database
):
    tls_server.answers = [reply({"price": 1})]

    def ask(**how):
        with Client(Service("slow"), Endpoint(how.pop("url", tls_server.url), **how), database) as client:
            return client.get_json("/")

    assert ask(ca_file=str(certificate)) == ask(check_certificate=False) == {"price": 1}
    for how, words in (
        ({"ca_file": "/nowhere.pem"}, "cannot be used"),
        ({"ca_file": __file__}, "cannot be used"),
        ({"check_certificate": "no"}, "true or false"),
        ({"check_certificate": False, "url": "https://gateway.example"}, "this machine"),
    ):
        with pytest.raises(RequestRefusedError, match=words):
            ask(**how)
