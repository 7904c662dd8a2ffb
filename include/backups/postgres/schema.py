"""What a database's schema means, object by object, in digests: the same before a dump and after it."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from include.backups.postgres.meaning import meaning
from include.database import sql

DIGEST_LENGTH = 16  # hexadecimal digits of a digest: there are thousands of objects, and nobody forges one
# Written in other words by another major version: 16 left the table's name before a column out.
KINDS_OF_ONE_VERSION = ("view", "rule")


def read_objects(connection: Connection) -> dict[str, str]:
    """The digest of each object by its kind and name; the session's search_path is pg_catalog."""
    texts: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(sql("backups/describe_schema")):
        written = meaning(row.written) if row.written else ""
        texts[f"{row.kind} {row.name}"].append(f"{row.plain or ''}\n{written}")
    return {name: _digest("\n".join(parts)) for name, parts in texts.items()}


def compare_objects(then: Mapping[str, str], now: Mapping[str, str], *, same_version: bool) -> Iterator[str]:
    """The objects that differ, in words. Between major versions views are compared by their columns alone."""
    for name in sorted(then.keys() | now.keys()):
        if name not in now:
            yield f"{name}: not restored"
        elif name not in then:
            yield f"{name}: not in the backup"
        elif then[name] != now[name] and (same_version or name.split()[0] not in KINDS_OF_ONE_VERSION):
            yield f"{name}: is not what it was"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]
