"""Whose certificates are trusted when a service is asked over TLS."""

import functools
import os
import ssl
from urllib.parse import urlsplit

import httpx

from include.http.errors import RequestRefusedError
from include.settings import Endpoint

OWN_MACHINE = ("localhost", "127.0.0.1", "::1")


def trust_of(service: str, address: str, endpoint: Endpoint | None) -> ssl.SSLContext:
    """Give the authorities that vouch for a service: its connection's, or those of the environment.

    Raises RequestRefusedError: the connection's file cannot be read, what its extra says is of another kind,
    or no certificate is to be checked of an address that is not on this machine.
    """
    for option, kinds in (("ca_file", str | None), ("check_certificate", bool)):
        if not isinstance(getattr(endpoint, option, None), kinds | None):
            message = "the extra of its connection: `ca_file` is a path, `check_certificate` true or false"
            raise RequestRefusedError(service, message)
    if endpoint is None or (endpoint.ca_file is None and endpoint.check_certificate):
        return _of_environment(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    if endpoint.ca_file is not None:
        try:
            return ssl.create_default_context(cafile=endpoint.ca_file)
        except (OSError, ValueError) as error:
            raise RequestRefusedError(
                service, f"the file of its `ca_file`, {endpoint.ca_file!r}, cannot be used: {error}"
            ) from error
    if urlsplit(address).hostname not in OWN_MACHINE:
        message = "`check_certificate` may be false for an address on this machine only: give it a `ca_file`"
        raise RequestRefusedError(service, message)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@functools.cache
def _of_environment(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """The authorities that are trusted, as the environment names them: read once in a process, in 25 ms."""
    return httpx.create_ssl_context()
