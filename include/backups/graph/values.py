"""Values of properties as JSON and back: what JSON has no word for is an object with one key, its type.

A property is never a map, so no value can be mistaken for one of these objects. Types are those of Bolt 5.
"""

import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

from include.backups.manifest import BackupDamagedError, BackupError


def encode_properties(properties: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The properties of a node or relationship, as the driver gives them, in JSON.

    Raises:
        BackupError: one has a type that is not known here; `where` says whose it is.
    """
    return {name: _encode(value, f"{where}: the property {name}") for name, value in properties.items()}


def decode_properties(properties: Mapping[str, Any]) -> dict[str, Any]:
    """What `encode_properties` gave, as the driver takes it.

    Raises:
        BackupDamagedError: it is none of its objects.
    """
    return {name: _decode(value) for name, value in properties.items()}


def _encode(value: Any, where: str) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, bytes | bytearray):
        return {"bytes": b64encode(value).decode()}
    if isinstance(value, list):
        return [_encode(one, where) for one in value]
    return _encode_structure(value, where)


def _encode_structure(value: Any, where: str) -> dict[str, Any]:
    from neo4j.spatial import Point
    from neo4j.time import Date, DateTime, Duration, Time

    match value:
        case Duration():
            return {"duration": [value.months, value.days, value.seconds, value.nanoseconds]}
        case Point():
            return {"point": [value.srid, *value]}
        case Date():
            return {"date": value.iso_format()}
        case Time():
            return {"time": value.iso_format()}
        case DateTime():
            zone = getattr(value.tzinfo, "zone", None)  # None: an offset, or no zone at all
            return {"datetime": [value.iso_format(), zone] if zone else [value.iso_format()]}
    raise BackupError(
        f"{where} holds a value of the type {type(value).__name__}, which an export over Bolt does not know "
        "yet. neo4j-admin dumps it: see docs/backups.md."
    )


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(one) for one in value]
    if not isinstance(value, dict):
        return value
    try:
        ((kind, content),) = value.items()
        return _DECODERS[kind](content)
    except (KeyError, TypeError, ValueError) as error:
        raise BackupDamagedError(f"{value!r} is no value of a property") from error


def _decode_point(content: list[float]) -> Any:
    from neo4j.spatial import CartesianPoint, WGS84Point

    srid, *place = content
    made = (WGS84Point if srid in (4326, 4979) else CartesianPoint)(place)
    if made.srid != srid:
        raise ValueError(f"the srid {srid} is not known")
    return made


def _decode_moment(content: list[str]) -> Any:
    """A moment in a named zone is found by its offset: in autumn one hour of the clock comes twice."""
    from neo4j.time import DateTime

    moment, *zone = content
    made = DateTime.from_iso_format(moment)
    if not zone:
        return made
    import pytz

    return made.as_timezone(pytz.timezone(zone[0]))


def _decode_time(kind: str) -> Callable[[Any], Any]:
    def decode(content: Any) -> Any:
        import neo4j.time

        return getattr(neo4j.time, kind).from_iso_format(content)

    return decode


def _decode_duration(content: list[int]) -> Any:
    from neo4j.time import Duration

    months, days, seconds, nanoseconds = content
    return Duration(months=months, days=days, seconds=seconds, nanoseconds=nanoseconds)


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "float": float,
    "bytes": b64decode,
    "duration": _decode_duration,
    "point": _decode_point,
    "date": _decode_time("Date"),
    "time": _decode_time("Time"),
    "datetime": _decode_moment,
}
