"""The types of Parquet that keep the values of PostgreSQL's types exactly."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

DECIMAL_128_DIGITS = 38  # there are decimals of twice as many

# What has a twin, named as format_type does. The twin of `numeric` depends on its digits: see `decimal_type`.
EXACT_TYPES = (
    "uuid", "text", "timestamp with time zone", "date", "boolean", "smallint", "integer", "bigint",
    "double precision",
)  # fmt: skip


def parquet_type(kind: str) -> "pa.DataType":
    """The twin of a type, which is named as format_type does; text for what is not in EXACT_TYPES."""
    import pyarrow as pa

    match kind:
        case "timestamp with time zone":
            return pa.timestamp("us", "UTC")
        case "date":
            return pa.date32()
        case "boolean":
            return pa.bool_()
        case "smallint" | "integer" | "bigint":
            return pa.int64()
        case "double precision":
            return pa.float64()
    return pa.string()


def decimal_type(whole: int, scale: int) -> "pa.DataType":
    """The type of a `numeric` with so many digits before and behind the point, 76 together at most."""
    import pyarrow as pa

    digits = whole + scale
    return pa.decimal128(digits, scale) if digits <= DECIMAL_128_DIGITS else pa.decimal256(digits, scale)
