"""Making a table, or taking over one that was made by hand, from one list of columns.

The first platform made its tables with a script, before there were migrations. Such a table keeps its rows,
its further columns and its grants; its columns get the types, defaults and NOT NULLs of the list.
"""

import re

from alembic import op
from sqlalchemy import text

# name, type of one word, NOT NULL, DEFAULT expression
COLUMN = re.compile(r"^(\w+)\s+(\w+)( NOT NULL)?(?: DEFAULT (.+))?$")

CATALOGUE_NAMES = {"timestamptz": "timestamp with time zone"}


def make_or_adopt(table: str, columns: str) -> None:
    """Create the table with these columns, one a line; or bring an existing one to them, losing nothing.

    A missing value of a NOT NULL column becomes the default; where there is none, the migration fails and
    says so. A `timestamp` without a time zone is read as UTC, which the session speaks.
    """
    lines = [line.strip() for line in columns.strip().splitlines()]
    op.execute(f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(lines)})")
    found = {row.name: row for row in op.get_bind().execute(text(CURRENT_COLUMNS), {"table": table})}
    for line in lines:
        match = COLUMN.match(line)
        if match is None:
            raise ValueError(f"{table}: cannot read the column {line!r}")
        name, type_, required, default = match.groups()
        if name not in found:
            op.execute(f"ALTER TABLE {table} ADD COLUMN {line}")
            continue
        has = found[name]
        change = f"ALTER TABLE {table} ALTER COLUMN {name}"
        if has.type != CATALOGUE_NAMES.get(type_, type_):
            if has.default is not None:
                op.execute(f"{change} DROP DEFAULT")  # it may not fit the new type
            op.execute(f"{change} TYPE {type_} USING {name}::{type_}")
        op.execute(f"{change} SET DEFAULT {default}" if default else f"{change} DROP DEFAULT")
        if required and not has.required:
            if default:
                op.execute(f"UPDATE {table} SET {name} = DEFAULT WHERE {name} IS NULL")  # noqa: S608
            op.execute(f"{change} SET NOT NULL")
        elif has.required and not required and not has.in_primary_key:
            op.execute(f"{change} DROP NOT NULL")


CURRENT_COLUMNS = """
SELECT
  attname AS name,
  format_type(atttypid, atttypmod) AS type,
  attnotnull AS required,
  pg_get_expr(adbin, adrelid) AS default,
  EXISTS (
    SELECT FROM pg_index WHERE indrelid = attrelid AND indisprimary AND attnum = ANY (indkey)
  ) AS in_primary_key
FROM pg_attribute
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped
"""


def add_primary_key(table: str, column: str) -> None:
    """Give the table this primary key, unless it has one."""
    has_one = "SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = to_regclass(:table) AND indisprimary)"
    if not op.get_bind().execute(text(has_one), {"table": table}).scalar_one():
        op.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({column})")


def add_constraint(table: str, name: str, definition: str) -> None:
    """Add a constraint, in place of one of the same name: PostgreSQL names unnamed ones the way we do."""
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}, ADD CONSTRAINT {name} {definition}")


def drop_empty(*tables: str) -> None:
    """Drop tables on the way down, but never one that holds rows: a downgrade loses nothing either."""
    for table in tables:
        if op.get_bind().execute(text(f"SELECT EXISTS (SELECT FROM {table})")).scalar_one():  # noqa: S608
            raise RuntimeError(
                f"{table} holds rows, and the downgrade would drop it. Export and empty it first."
            )
    for table in tables:
        op.execute(f"DROP TABLE {table}")
