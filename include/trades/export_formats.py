"""Rows of a query as CSV, JSON and Parquet, piece by piece: PostgreSQL writes the text.

Numbers (`numeric`) keep every digit: plain text in CSV, texts in JSON (many readers would make floats of
numbers), decimals in Parquet, wide enough for what is there. What Parquet cannot hold (NaN, infinity, more
than 38 digits before or behind the point) is left empty and counted; so are, in every format, times that ISO
8601 cannot write: infinity, and years before 1 or after 9999.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from include.parquet_types import DECIMAL_128_DIGITS, decimal_type, parquet_type
from include.storage.streams import Outbox, join_chunks

if TYPE_CHECKING:
    import psycopg
    import pyarrow as pa

FORMATS = ("csv", "json", "parquet")
CHUNK_BYTES = 1 << 20  # what a store is handed at a time, at least
GROUP_BYTES = 8 << 20  # of text, in a row group of Parquet at most
MIN_SCALE = 18  # digits behind the point of a decimal in Parquet, at least

# Rows on their way to JSON: values with this character between them, which only texts may hold besides.
BETWEEN_VALUES = b"\x02"
PLAIN_IN_JSON = ("integer", "boolean")  # all else is quoted
JSON_VALUE = re.compile(rb'"(?:[^"\\]|\\.)*"|[^\x02"]+', re.DOTALL)
BETWEEN_VALUES_IN_TEXT = re.compile(BETWEEN_VALUES)
CONTROL_CHARACTERS = re.compile(rb"[\x00\x01\x03-\x1f]")  # JSON escapes them in texts
ANY_CONTROL = b"\x00"
AS_ANY_CONTROL = bytes(0 if code < 32 and code != 2 else code for code in range(256))
SHORT_ESCAPES = {b"\b": b"\\b", b"\f": b"\\f", b"\n": b"\\n", b"\r": b"\\r", b"\t": b"\\t"}

# Type OIDs of PostgreSQL's catalogue, which never change.
KIND_OF_TYPE = {
    16: "boolean", 20: "integer", 23: "integer", 25: "text", 1184: "time", 1700: "number", 2950: "id",
}  # fmt: skip
POSTGRES_TYPES = {
    "boolean": "boolean",
    "integer": "bigint",
    "text": "text",
    "time": "timestamp with time zone",
    "id": "uuid",
}

# A spreadsheet takes a cell for a formula when it begins so, maybe after spaces: OWASP, "CSV Injection".
FORMULA_PATTERN = r"^\s*[=+@\-＝＋＠－]|^[\t\r\n]"
ISO_8601_FORMAT = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
# Of a number: Parquet can hold it, beside any other such number.
FITS_PARQUET = SQL(
    f"({{0}} NOT IN ('NaN', 'Infinity', '-Infinity') AND abs({{0}}) < 1e{DECIMAL_128_DIGITS}"
    f" AND scale({{0}}) <= {DECIMAL_128_DIGITS})"
)
# Digits behind and before the point of a column's numbers, and how many Parquet cannot hold. The second
# leaves those out; the first takes a quarter of its time, and says no more of them than that there are any.
LARGEST_SIZES = SQL(
    "coalesce(max(scale({0})), 0), coalesce(length(trunc(max(abs({0})))::text), 1), "
    f"coalesce(max(abs({{0}})) >= 1e{DECIMAL_128_DIGITS} OR max(scale({{0}})) > {DECIMAL_128_DIGITS}, false)"
    "::integer"
)
FITTING_SIZES = SQL(
    "coalesce(max(scale({0})) FILTER (WHERE {1}), 0), "
    "coalesce(max(length(trunc(abs({0}))::text)) FILTER (WHERE {1}), 1), "
    "count(*) FILTER (WHERE NOT {1})"
)
FOUR_DIGIT_YEARS = (  # those that ISO 8601 and readers know
    "'0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z'"
)


@dataclass(frozen=True)
class Column:
    """A column of an export: `kind` as in KIND_OF_TYPE; digits of a number before and behind the point."""

    name: str
    kind: str
    whole: int = 0
    scale: int = 0
    odd: int = 0  # numbers that Parquet cannot hold

    @property
    def type(self) -> str:
        """Its type, as a manifest names it."""
        return f"number({self.whole + self.scale}, {self.scale})" if self.whole else self.kind


def describe(cursor: "psycopg.Cursor[Any]", query: Composable, parameters: dict[str, Any]) -> list[Column]:
    """Name the columns of a query. Raises ValueError for a type that no export knows."""
    cursor.execute(SQL("SELECT * FROM ({}) AS trade LIMIT 0").format(query), parameters)
    columns = []
    for column in cursor.description or ():
        if column.type_code not in KIND_OF_TYPE:
            raise ValueError(f"column {column.name} has the type {column.type_code}, which no export knows")
        columns.append(Column(column.name, KIND_OF_TYPE[column.type_code]))
    return columns


def count_strange_times(
    cursor: "psycopg.Cursor[Any]", query: Composable, parameters: dict[str, Any], columns: list[Column]
) -> int:
    """Count the times that no file can hold: infinity, and years before 1 or after 9999."""
    strange = SQL(" + ").join(
        SQL("count(*) FILTER (WHERE {} NOT BETWEEN {})").format(
            Identifier(column.name), SQL(FOUR_DIGIT_YEARS)
        )
        for column in columns
        if column.kind == "time"
    )
    cursor.execute(SQL("SELECT {} FROM ({}) AS trade").format(strange, query), parameters)
    (found,) = cursor.fetchone() or (0,)
    return int(found)


def measure(
    cursor: "psycopg.Cursor[Any]", query: Composable, parameters: dict[str, Any], columns: list[Column]
) -> tuple[list[Column], int]:
    """Find how wide the numbers are; give the columns with it, and how many numbers Parquet cannot hold."""
    names = [column.name for column in columns if column.kind == "number"]
    sizes = _sizes(cursor, query, parameters, names, LARGEST_SIZES)
    if any(odd for _, _, odd in sizes.values()):
        sizes = _sizes(cursor, query, parameters, names, FITTING_SIZES)
    measured = []
    for column in columns:
        if column.kind != "number":
            measured.append(column)
            continue
        behind, whole, odd = sizes[column.name]
        scale = max(MIN_SCALE, behind)
        measured.append(Column(column.name, "number", max(whole, DECIMAL_128_DIGITS - scale), scale, odd))
    return measured, sum(column.odd for column in measured)


def _sizes(
    cursor: "psycopg.Cursor[Any]",
    query: Composable,
    parameters: dict[str, Any],
    names: list[str],
    sizes: SQL,
) -> dict[str, tuple[int, int, int]]:
    """Of each number: digits behind and before the point, and how many numbers Parquet cannot hold."""
    asked = SQL(", ").join(
        sizes.format(Identifier(name), FITS_PARQUET.format(Identifier(name))) for name in names
    )
    row = cursor.execute(SQL("SELECT {} FROM ({}) AS trade").format(asked, query), parameters).fetchone()
    found = iter(row or ())
    return {name: (next(found), next(found), next(found)) for name in names}


def copy_statement(query: Composable, columns: list[Column], order: Composable, file_format: str) -> Composed:
    """Write the COPY that gives one row a message, in the form that `encode` takes."""
    cells = SQL(", ").join(
        SQL("{} AS {}").format(_cell(column, file_format), Identifier(column.name)) for column in columns
    )
    options: Composable = SQL("FORMAT csv")
    if file_format == "json":
        quoted = SQL(", ").join(
            Identifier(column.name) for column in columns if column.kind not in PLAIN_IN_JSON
        )
        options = SQL("FORMAT csv, DELIMITER E'\\x02', NULL 'null', ESCAPE '\\', FORCE_QUOTE ({})").format(
            quoted
        )
    return SQL("COPY (SELECT {} FROM ({}) AS trade ORDER BY {}) TO STDOUT ({})").format(
        cells, query, order, options
    )


def _cell(column: Column, file_format: str) -> Composable:
    name: Composable = Identifier("trade", column.name)
    if column.kind == "time" and file_format == "parquet":  # as read_columns takes it, in half the time
        return SQL("CASE WHEN {0} BETWEEN {1} THEN {0} END").format(name, SQL(FOUR_DIGIT_YEARS))
    if column.kind == "time":
        return SQL("CASE WHEN {0} BETWEEN {1} THEN to_char({0} AT TIME ZONE 'UTC', {2}) END").format(
            name, SQL(FOUR_DIGIT_YEARS), Literal(ISO_8601_FORMAT)
        )
    if column.odd and file_format == "parquet":
        return SQL("CASE WHEN {1} THEN {0} END").format(name, FITS_PARQUET.format(name))
    if column.kind == "boolean":
        return SQL("{}::text").format(name)
    if column.kind == "text" and file_format == "csv":
        return SQL("CASE WHEN {0} ~ {1} THEN '''' || {0} ELSE {0} END").format(name, Literal(FORMULA_PATTERN))
    return name


def encode(rows: Iterable[bytes], columns: list[Column], file_format: str) -> Iterator[bytes]:
    """Make a file of rows as COPY gives them, one each; give its bytes in chunks of about CHUNK_BYTES."""
    if file_format == "parquet":
        return _encode_parquet(rows, columns)
    if file_format == "json":
        return join_chunks(_as_document(rows, columns), CHUNK_BYTES)
    header = ",".join(column.name for column in columns).encode() + b"\n"
    return join_chunks(_after(header, rows), CHUNK_BYTES)


def _after(header: bytes, rows: Iterable[bytes]) -> Iterator[bytes]:
    yield header
    yield from rows


def _as_document(rows: Iterable[bytes], columns: list[Column]) -> Iterator[bytes]:
    """One JSON document, an array, with one object a line.

    The server writes the values as JSON has them, but for control characters in texts: that takes a fraction
    of what objects cost there.
    """
    members = b",".join(b'"%b":%%b' % column.name.encode().replace(b"%", b"%%") for column in columns)
    before, row_object = b"[\n", b"%b{" + members + b"}"
    for row in rows:
        values = row[:-1]
        if ANY_CONTROL in values.translate(AS_ANY_CONTROL):
            values = CONTROL_CHARACTERS.sub(_escape, values)
        found = values.split(BETWEEN_VALUES)
        if len(found) != len(columns):  # a text has that character
            found = [BETWEEN_VALUES_IN_TEXT.sub(_escape, value) for value in JSON_VALUE.findall(values)]
        yield row_object % (before, *found)
        before = b",\n"
    yield b"\n]\n" if before == b",\n" else b"[]\n"


def _escape(found: re.Match[bytes]) -> bytes:
    """A control character as JSON writes it in a text."""
    return SHORT_ESCAPES.get(found[0]) or b"\\u%04x" % found[0][0]


def _encode_parquet(rows: Iterable[bytes], columns: list[Column]) -> Iterator[bytes]:
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([(column.name, _arrow_type(column)) for column in columns])
    sink = Outbox()
    with parquet.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
        for text in join_chunks(rows, GROUP_BYTES):
            writer.write_table(_read(text, schema))
            yield sink.take()
    yield sink.take()


def _read(text: bytes, schema: "pa.Schema") -> "pa.Table":
    import pyarrow as pa
    from pyarrow import csv

    # pyarrow reads no decimals of 256 bits from text, but makes them of texts
    types = {
        field.name: pa.string() if pa.types.is_decimal256(field.type) else field.type for field in schema
    }
    table = csv.read_csv(
        pa.BufferReader(text),
        # one block, since a row may be long; one thread, since each keeps memory of its own
        csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=schema.names),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(
            column_types=types,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,  # "" is an empty text, nothing is NULL
            true_values=["true"],
            false_values=["false"],
        ),
    )
    return table.cast(schema)


def _arrow_type(column: Column) -> "pa.DataType":
    if column.kind == "number":
        return decimal_type(column.whole, column.scale)
    return parquet_type(POSTGRES_TYPES[column.kind])
