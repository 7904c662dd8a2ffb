"""`python -m include.web keys make|list|revoke`: API keys, in the database of TRADEOPS_DATABASE_URL."""

import argparse
import os
import pwd
import sys
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Engine

from include.database import DatabaseError, connect
from include.web.api_keys import KEY_SCOPES, ApiKey, ApiKeyError, list_keys, make_key, revoke_key


def main(arguments: list[str]) -> None:
    """Run one command, or leave with the reason: 1 it was refused, 2 it was asked wrongly."""
    parsed = _parser().parse_args(arguments)
    url = os.environ.get("TRADEOPS_DATABASE_URL")
    if not url:
        sys.exit("Set TRADEOPS_DATABASE_URL to postgresql://role:password@host:port/database")
    try:
        engine = connect(url, application="tradeops:keys", pool_size=0)
        sys.stdout.write(_run(parsed, engine))
    except (DatabaseError, ApiKeyError) as error:
        sys.exit(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m include.web", description=__doc__)
    subjects = parser.add_subparsers(dest="subject", required=True)
    keys = subjects.add_parser("keys", help="keys of the HTTP API")
    commands = keys.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make", help="make a key and print it, this once")
    make.add_argument("--user", type=UUID, required=True, help="the user of the platform whose rows it sees")
    make.add_argument("--name", required=True, help="what it is for")
    make.add_argument(
        "--scope", action="append", choices=KEY_SCOPES, help="may be given several times (read)"
    )
    make.add_argument("--days", type=int, help="until it expires; without: never")
    commands.add_parser("list", help="list all keys, and when each was used last")
    revoke = commands.add_parser("revoke", help="revoke a key: it works nowhere from then on")
    revoke.add_argument("key", help="how it begins, as listed, or its id")
    return parser


def _run(parsed: argparse.Namespace, engine: Engine) -> str:
    match parsed.command:
        case "make":
            if parsed.days is not None and not 1 <= parsed.days <= 3650:
                raise ApiKeyError("a key lasts 1 to 3650 days")
            return (
                make_key(
                    engine,
                    user_id=parsed.user,
                    scopes=parsed.scope or ["read"],
                    name=parsed.name,
                    made_by=_me(),
                    lasts=timedelta(days=parsed.days) if parsed.days else None,
                )
                + "\n"
            )
        case "list":
            lines = [_line(key) for key in list_keys(engine)]
            return "\n".join(lines or ["there is no key"]) + "\n"
        case _:
            return f"revoked: {revoke_key(engine, parsed.key, _me()).prefix}\n"


def _line(key: ApiKey) -> str:
    used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
    until = f" until {key.expires_at:%Y-%m-%d}" if key.expires_at and key.state == "valid" else ""
    return (
        f"{key.prefix}  {key.state}{until}  {','.join(key.scopes)}  user {key.user_id}  "
        f"used {used}  made {key.created_at:%Y-%m-%d} by {key.made_by}: {key.name}"
    )


def _me() -> str:
    """Who runs the command, on this machine."""
    return f"command line of {pwd.getpwuid(os.getuid()).pw_name}"


if __name__ == "__main__":
    main(sys.argv[1:])
