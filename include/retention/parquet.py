"""Rows of a table as an exact Parquet file, and back.

Numbers of type numeric are kept as decimals with 18 places after the point and 20 before: exactly, or not at
all. JSON and intervals are kept as text.
"""

import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

DIGITS, PLACES = 38, 18
AS_TEXT = ("jsonb", "interval")  # types that are read, kept and loaded back as PostgreSQL writes them


class NotArchivable(ValueError):
    """A value or a type that the archive cannot hold exactly; the message says which."""


def arrow_schema(columns: Mapping[str, str], about: Mapping[str, str]) -> "pa.Schema":
    """Make the schema for columns given with their PostgreSQL types (as format_type names them).

    Raises:
        NotArchivable: a type that nobody has thought of.
    """
    import pyarrow as pa

    types = {
        "uuid": pa.string(),
        "text": pa.string(),
        **dict.fromkeys(AS_TEXT, pa.string()),
        "timestamp with time zone": pa.timestamp("us", "UTC"),
        "date": pa.date32(),
        "boolean": pa.bool_(),
        "integer": pa.int64(),
        "bigint": pa.int64(),
        "double precision": pa.float64(),
        "numeric": pa.decimal128(DIGITS, PLACES),
    }
    unknown = {name: kind for name, kind in columns.items() if kind not in types}
    if unknown:
        raise NotArchivable(f"no Parquet type is declared for {unknown}")
    return pa.schema(
        [(name, types[kind]) for name, kind in columns.items()],
        metadata={"columns": json.dumps(dict(columns)), **about},
    )


def to_table(rows: Sequence[Sequence[Any]], schema: "pa.Schema") -> "pa.Table":
    """Turn rows as psycopg reads them, JSON as text, into a table.

    Raises:
        NotArchivable: a value does not fit its type.
    """
    import pyarrow as pa

    kinds = json.loads(schema.metadata[b"columns"])
    arrays = []
    for number, (name, field) in enumerate(zip(kinds, schema, strict=True)):
        values = [row[number] for row in rows]
        if kinds[name] == "uuid":
            values = [None if value is None else str(value) for value in values]
        try:
            arrays.append(pa.array(values, field.type))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise NotArchivable(f"column {name}: {error}") from error
    return pa.table(arrays, schema=schema)


def write_parquet(table: "pa.Table") -> bytes:
    """Compress a table with zstd."""
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", coerce_timestamps="us", store_schema=True)
    return buffer.getvalue()


def read_parquet(body: bytes) -> "pa.Table":
    """Read what `write_parquet` wrote.

    Raises:
        NotArchivable: it is no whole Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(io.BytesIO(body))
    except (pa.ArrowInvalid, OSError) as error:
        raise NotArchivable(f"the file of the archive cannot be read: {error}") from error
