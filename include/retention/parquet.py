"""Rows of a table as an exact Parquet file, and back.

Numbers of type numeric are kept as decimals with 18 places after the point and 20 before. A value that does
not fit exactly makes text of its column in its file (so does a time of no calendar), and a type that Parquet
has no twin of is text always: as PostgreSQL writes it, so that it comes back as it was. One odd value stops
nothing.
"""

import io
import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from include.parquet_types import EXACT_TYPES, decimal_type, parquet_type
from include.strange_times import StrangeDate, StrangeTime

if TYPE_CHECKING:
    import pyarrow as pa

WHOLE_DIGITS, PLACES = 20, 18  # of a numeric


class NotArchivableError(ValueError):
    """A value that the archive cannot hold exactly, or a file that is none of it; the message says which."""


def arrow_schema(columns: Mapping[str, str], about: Mapping[str, str]) -> "pa.Schema":
    """Make the schema for columns given with their PostgreSQL types (as format_type names them)."""
    import pyarrow as pa

    return pa.schema(
        [(name, _type(kind)) for name, kind in columns.items()],
        metadata={"columns": json.dumps(dict(columns)), **about},
    )


def is_text(kind: str) -> bool:
    """Tell whether a type (as format_type names it) is to be read as text, for Parquet has no twin of it."""
    return kind != "numeric" and kind not in EXACT_TYPES


def _type(kind: str) -> "pa.DataType":
    return decimal_type(WHOLE_DIGITS, PLACES) if kind == "numeric" else parquet_type(kind)


def to_table(rows: Sequence[Sequence[Any]], schema: "pa.Schema") -> "pa.Table":
    """Turn rows as psycopg reads them, text where `is_text`, into a table.

    Raises:
        NotArchivableError: a value does not fit its type.
    """
    import pyarrow as pa

    kinds = json.loads(schema.metadata[b"columns"])
    arrays = [
        _array(name, kinds[name], [row[number] for row in rows], field.type)
        for number, (name, field) in enumerate(zip(kinds, schema, strict=True))
    ]
    fields = [field.with_type(array.type) for field, array in zip(schema, arrays, strict=True)]
    return pa.table(arrays, schema=pa.schema(fields, metadata=schema.metadata))


def _array(name: str, kind: str, values: list[Any], type: "pa.DataType") -> "pa.Array":
    import pyarrow as pa

    if kind == "uuid":
        values = [None if value is None else str(value) for value in values]
    if any(isinstance(value, StrangeTime | StrangeDate) for value in values):
        return pa.array([None if value is None else as_text(value) for value in values], pa.string())
    if kind == "double precision" and any(value != value for value in values):
        # NaN equals nothing, so the comparison with what is read back would fail.
        return pa.array([None if value is None else repr(value) for value in values], pa.string())
    try:
        return pa.array(values, type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        if kind != "numeric":
            raise NotArchivableError(f"column {name}: {error}") from error
        return pa.array([None if value is None else f"{value:f}" for value in values], pa.string())


def as_text(value: date) -> str:
    """Give a time or date as PostgreSQL reads it, also one that Python cannot hold."""
    return value.text if isinstance(value, StrangeTime | StrangeDate) else str(value)


def write_parquet(table: "pa.Table") -> bytes:
    """Compress a table with zstd."""
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", coerce_timestamps="us", store_schema=True)
    return buffer.getvalue()


def read_parquet(body: bytes) -> "pa.Table":
    """Read what `write_parquet` wrote.

    Raises:
        NotArchivableError: it is no whole Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(io.BytesIO(body))
    except (pa.ArrowInvalid, OSError) as error:
        raise NotArchivableError(f"the file of the archive cannot be read: {error}") from error
