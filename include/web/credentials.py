"""Secrets that programs present: read from a request's headers, compared in constant time."""

import hmac

from fastapi import Request

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="tradeops"'}  # of every 401


def bearer_of(request: Request) -> str | None:
    """Read what stands after `Authorization: Bearer`; None when there is no such header."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return given.strip() or None if scheme.lower() == "bearer" else None


def is_secret(given: str | None, secret: str | None) -> bool:
    """Whether a header's value is the secret. Nothing is that of a secret that is empty or not configured."""
    if not given or not secret:
        return False
    # Headers are read as latin-1; a secret of the configuration is text.
    return hmac.compare_digest(given.encode("latin-1", "replace"), secret.encode())
