"""Candles: the frame, the sources, the store, and collecting what is missing."""

from include.candles.collect import Collection, collect
from include.candles.frame import (
    CANDLE,
    PRICES,
    RESOLUTIONS,
    first_open,
    in_words,
    interval_of,
    last_close,
    no_candles,
    normalise,
    priced,
    valid,
)
from include.candles.history import parts_of, read_history
from include.candles.playground import ForeignDatabase, is_local_stack
from include.candles.sources import (
    Fetched,
    LeftOut,
    Offer,
    Pong,
    Source,
    SourceError,
    UnknownSymbol,
    open_source,
    open_sources,
)
from include.candles.store import find_gaps, read_candles, write_candles

__all__ = [
    "CANDLE",
    "PRICES",
    "RESOLUTIONS",
    "Collection",
    "Fetched",
    "ForeignDatabase",
    "LeftOut",
    "Offer",
    "Pong",
    "Source",
    "SourceError",
    "UnknownSymbol",
    "collect",
    "find_gaps",
    "first_open",
    "in_words",
    "interval_of",
    "is_local_stack",
    "last_close",
    "no_candles",
    "normalise",
    "open_source",
    "open_sources",
    "parts_of",
    "priced",
    "read_candles",
    "read_history",
    "valid",
    "write_candles",
]
