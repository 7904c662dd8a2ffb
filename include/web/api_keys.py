"""API keys: made, listed, revoked. Only the SHA-256 of a key is stored; the key itself is shown once."""

import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine

from include.database import sql

KEY_PREFIX = "top_"
KEY_FORM = re.compile(re.escape(KEY_PREFIX) + r"[A-Za-z0-9_-]{43}")  # of every key that was ever made
PREFIX_SHOWN = 12  # characters of a key by which people know it again
KEY_SCOPES = ("read", "write", "operate")
KEY_STATES = ("valid", "expired", "revoked")


@dataclass(frozen=True)
class ApiKey:
    """A key as it is listed; times in UTC."""

    id: UUID
    prefix: str
    name: str
    user_id: UUID
    scopes: list[str]
    made_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    state: str  # valid, expired, revoked


class ApiKeyError(ValueError):
    """A key cannot be made or revoked as asked; the message says why."""


def make_key(
    engine: Engine,
    *,
    user_id: UUID,
    scopes: Collection[str],
    name: str,
    made_by: str,
    lasts: timedelta | None = None,
) -> str:
    """Make a key for a user of the platform and give it: 256 random bits behind `top_`.

    Args:
        engine: the platform's database.
        user_id: whose rows it sees; with the scope `operate` every user's.
        scopes: of read, write, operate; at least one.
        name: what it is for, 1 to 100 characters.
        made_by: who made it.
        lasts: after which it is refused; None: it does not expire.

    Raises ApiKeyError.
    """
    wrong = sorted(set(scopes) - set(KEY_SCOPES))
    if wrong or not scopes:
        said = f"unknown scope {', '.join(wrong)}" if wrong else "no scope"
        raise ApiKeyError(f"{said}; scopes are {', '.join(KEY_SCOPES)}")
    if not 1 <= len(name.strip()) <= 100 or not name.isprintable():
        raise ApiKeyError("a key needs a name of 1 to 100 printable characters, which says what it is for")
    if lasts is not None and not timedelta(0) < lasts <= timedelta(days=3650):
        raise ApiKeyError("a key lasts more than no time and at most ten years")
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    with engine.begin() as connection:
        connection.execute(
            sql("web/make_api_key"),
            {
                "key_hash": hashlib.sha256(key.encode()).digest(),
                "prefix": key[:PREFIX_SHOWN],
                "name": name.strip(),
                "user_id": user_id,
                "scopes": [scope for scope in KEY_SCOPES if scope in scopes],
                "made_by": made_by,
                "lasts": lasts,
            },
        )
    return key


def list_keys(engine: Engine) -> list[ApiKey]:
    """All keys, those that are valid first, the newest of each first."""
    return sorted(page_keys(engine, limit=None), key=lambda key: KEY_STATES.index(key.state))


def page_keys(
    engine: Engine,
    *,
    limit: int | None,
    state: str | None = None,
    find: str | None = None,
    behind: tuple[datetime, UUID] | None = None,
) -> list[ApiKey]:
    """Keys in a state (valid, expired, revoked; None: any), the newest first, behind one that was made then.

    `find` is part of a name, the beginning of a key that is shown, or a user's id.
    """
    before, behind_id = behind or (None, None)
    asked = {"state": state, "find": find, "before": before, "behind_id": behind_id, "limit": limit}
    with engine.connect() as connection:
        return [ApiKey(**row) for row in connection.execute(sql("web/list_api_keys"), asked).mappings()]


def revoke_key(engine: Engine, which: str, revoked_by: str) -> ApiKey:
    """Revoke a key, named by its id or by the beginning of it that is shown. It works nowhere from now on.

    Raises ApiKeyError when there is none, it is revoked already, or several begin so.
    """
    found = [one for one in list_keys(engine) if which in (str(one.id), one.prefix)]
    if not found:
        raise ApiKeyError(f"there is no key {which[:50]!r}")
    usable = [one for one in found if one.state != "revoked"]
    if not usable:
        raise ApiKeyError(f"the key {found[0].prefix} is revoked already")
    if len(usable) > 1:
        raise ApiKeyError(f"several keys begin with {which}: name one by its id")
    with engine.begin() as connection:
        connection.execute(sql("web/revoke_api_key"), {"id": usable[0].id, "revoked_by": revoked_by})
    return usable[0]
