"""Grants of a dump, made again where the server has their roles; what cannot be made again is said."""

from collections import Counter
from collections.abc import Iterable, Iterator, Set
from typing import Any

import psycopg
from psycopg import Error as DriverError
from psycopg.errors import Diagnostic
from psycopg.sql import SQL

from include.backups.postgres.meaning import tokens
from include.humanize import some_text

MAX_GRANTS_NAMED = 3  # grants that a line names
ROLE_KEYWORDS = {"PUBLIC", "CURRENT_USER", "SESSION_USER", "CURRENT_ROLE"}
# A warning: this role may not revoke, or grant, though it may use the object.
NOTHING_DONE_STATES = {"01006", "01007"}
# The words before a role.
WORDS_BEFORE_ROLES = {"TO", "FROM", "AUTHORIZATION", ("FOR", "ROLE"), ("ALTER", "ROLE"), ("MAPPING", "FOR")}
# Expressions follow these, as the value of a setting does behind SET.
WORDS_AFTER_ROLES = {"USING", "CHECK", "OPTIONS"}

Connection = psycopg.Connection[Any]


def roles_in(statement: str) -> set[str]:
    """The roles in a GRANT, a REVOKE, a setting, ALTER DEFAULT PRIVILEGES, a policy or a user mapping."""
    found: set[str] = set()
    expected = after = False
    before = ""
    for token in tokens(statement):
        word = token.upper()
        if expected:
            if word not in ROLE_KEYWORDS:
                found.add(token[1:-1].replace('""', '"') if token[0] in "\"'" else token)
            expected, after = False, True
        elif word in WORDS_AFTER_ROLES or (word == "SET" and before):
            break
        else:
            expected = (
                word in WORDS_BEFORE_ROLES or (before, word) in WORDS_BEFORE_ROLES or (after and word == ",")
            )
            after = False
        before = word
    return found


def units(statements: Iterable[str]) -> Iterator[list[str]]:
    """Statements that belong together: those that another role gave, from its SET to its RESET."""
    together: list[str] = []
    for statement in statements:
        together.append(statement)
        inside = together[0].startswith("SET SESSION AUTHORIZATION")
        if not inside or statement.startswith("RESET SESSION AUTHORIZATION"):
            yield together
            together = []


def missing(statements: Iterable[str], there: Set[str]) -> set[str]:
    """The roles that these name and the server lacks."""
    return {role for one in statements for role in roles_in(one)} - there


def give(statements: Iterable[str], owner: Connection, admin: Connection, there: Set[str]) -> list[str]:
    """Give the privileges of a dump again, as the owner or else over the administrator, each for itself.

    What names a role that the server lacks is left out, and so is what neither of the two may give: the
    answer says so, in lines for people.
    """
    absent: Counter[str] = Counter()
    left: list[str] = []
    for together in units(statements):
        if lacking := missing(together, there):
            absent.update(lacking)
            continue
        command = ";\n".join(together)
        if why := refused(owner, command) and refused(admin, command):
            left.append(f"{' '.join(command.split())} ({why})")
    lines = [
        f"The role {role} is not on this server: {number} of its grants "
        f"{'is' if number == 1 else 'are'} left out. Make the role first, if it is to have them."
        for role, number in sorted(absent.items())
    ]
    left.sort(key=lambda line: not line.startswith("REVOKE"))  # first what would allow more than before
    if left:
        named = some_text(left, MAX_GRANTS_NAMED, "; ")
        lines.append(f"Left out, for neither login may do it: {named}.")
    return lines


def refused(connection: Connection, command: str) -> str:
    """Run statements, all or none; why they failed, or did nothing, or an empty text."""
    said: list[str] = []

    def listen(notice: Diagnostic) -> None:
        if notice.sqlstate in NOTHING_DONE_STATES:
            said.append(notice.message_primary or notice.sqlstate)

    connection.add_notice_handler(listen)
    try:
        connection.execute(SQL(command))
    except DriverError as error:
        said.append(" ".join(str(error).split()).removesuffix("."))
    finally:
        connection.remove_notice_handler(listen)
    return "; ".join(said)
