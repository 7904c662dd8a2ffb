"""How a migration runs: numbered steps, then the current functions, views and grants, in one transaction.

`include.database` calls this through alembic with an open connection and commits afterwards. An advisory lock
lets a second migrator wait, and then find nothing left to do.

`sql/functions/*.sql` and `sql/views/*.sql` hold the current definitions, one object a file, named like it. A
file is run when its checksum is new. A downgrade drops all of them first; the `migrate` of the code that fits
the older schema brings its own.
"""

import hashlib
from pathlib import Path

from alembic import context
from sqlalchemy import Connection, text

SQL = Path(__file__).parents[1]
LOCK = 0x74726164656F7073  # "tradeops"


def run() -> None:
    """Run what `include.database` asked for, on its connection."""
    attributes = context.config.attributes
    connection: Connection = attributes["connection"]
    say = attributes["say"]
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    ensure_schema(connection, say)
    connection.execute(
        text(
            "CREATE TABLE IF NOT EXISTS tradeops_schema_definitions "
            "(name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
    )
    if attributes["direction"] == "down":
        drop_definitions(connection, say)
    context.configure(
        connection=connection,
        version_table="tradeops_schema_version",
        on_version_apply=lambda *, step, **_: say(describe(step)),
    )
    with context.begin_transaction():
        context.run_migrations()
    if attributes["direction"] == "up":
        apply_definitions(connection, say)
        execute_file(connection, SQL / "grants.sql")


def describe(step) -> str:
    """One line for a step: `up 0001 trades: signals, …`."""
    direction = "up" if step.is_upgrade else "down"
    script = step.up_revision
    return f"{direction} {script.revision} {script.doc.rstrip('.')}"


def ensure_schema(connection: Connection, say) -> None:
    """A role that may create nothing in its current schema (PostgreSQL 15: public) gets one of its own name.

    The default search_path, "$user", public, finds it there.
    """
    may = connection.execute(text("SELECT has_schema_privilege(current_schema(), 'CREATE')")).scalar_one()
    if not may:
        connection.exec_driver_sql("CREATE SCHEMA AUTHORIZATION CURRENT_USER")
        say("up a schema of its own: the role may create nothing in the schema public")


def definitions() -> list[Path]:
    """The files that define functions and views, functions first, since views call them."""
    return [*sorted((SQL / "functions").glob("*.sql")), *sorted((SQL / "views").glob("*.sql"))]


def apply_definitions(connection: Connection, say) -> None:
    """Run the files whose checksum is new."""
    known = dict(connection.execute(text("SELECT name, checksum FROM tradeops_schema_definitions")).all())
    # As pg_dump does it: functions may name each other in any order.
    connection.execute(text("SET LOCAL check_function_bodies = off"))
    for path in definitions():
        name, checksum = name_of(path), hashlib.sha256(path.read_bytes()).hexdigest()
        if known.get(name) == checksum:
            continue
        execute_file(connection, path)
        connection.execute(
            text(
                "INSERT INTO tradeops_schema_definitions (name, checksum) VALUES (:name, :checksum) "
                "ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = now()"
            ),
            {"name": name, "checksum": checksum},
        )
        say(f"up {name}")
    pin_search_paths(connection)


def pin_search_paths(connection: Connection) -> None:
    """Let our functions that run with their owner's rights find what is in this schema, and nothing else.

    Otherwise whoever calls one could put objects of the same names before it: pg_temp is searched first,
    unless it is named last.
    """
    unpinned = connection.execute(
        text(
            "SELECT oid::regprocedure FROM pg_proc "
            "WHERE pronamespace = current_schema()::regnamespace AND prosecdef AND proname = ANY(:names) "
            "AND NOT EXISTS (SELECT FROM unnest(proconfig) AS given WHERE given LIKE 'search_path=%')"
        ),
        {"names": [path.stem for path in definitions()]},
    ).scalars()
    schema = connection.execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    for function in unpinned.all():
        connection.exec_driver_sql(f"ALTER FUNCTION {function} SET search_path = {schema}, pg_temp")


def drop_definitions(connection: Connection, say) -> None:
    """Drop all of them, in the opposite order; a function takes its triggers along."""
    for path in reversed(definitions()):
        kind = "VIEW" if path.parent.name == "views" else "FUNCTION"
        triggers = " CASCADE" if kind == "FUNCTION" else ""
        connection.exec_driver_sql(f"DROP {kind} IF EXISTS {path.stem}{triggers}")
        say(f"down {name_of(path)}")
    connection.execute(text("DELETE FROM tradeops_schema_definitions"))


def name_of(path: Path) -> str:
    """`functions/resolution_interval`."""
    return f"{path.parent.name}/{path.stem}"


def execute_file(connection: Connection, path: Path) -> None:
    """Run a file of several statements as it is: the driver reads no % or : in it."""
    connection.connection.driver_connection.execute(path.read_text())


run()
