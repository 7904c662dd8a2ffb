"""Candles: the frame, the sources, the store, and collecting what is missing.

Here is where candles come from. The rest needs pandas and is imported from its module: `frame` (the shape of
candles, their resolutions), `store` (the table), `collect` (fetching what it lacks), `history` (a market in
one resolution), `local_stack` (where invented candles may be used).
"""

from include.candles.sources import (
    Fetched,
    LeftOut,
    Offer,
    PingResult,
    Source,
    SourceError,
    UnknownSymbolError,
    open_source,
    open_sources,
)

__all__ = [
    "Fetched",
    "LeftOut",
    "Offer",
    "PingResult",
    "Source",
    "SourceError",
    "UnknownSymbolError",
    "open_source",
    "open_sources",
]
