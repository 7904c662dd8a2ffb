"""Where candles come from: one file an outside source, all with the interface of `Source`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from include.candles.sources.source import Fetched, Offer, Source, SourceError, UnknownSymbol
from include.settings import Endpoint, Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["Fetched", "Offer", "Source", "SourceError", "UnknownSymbol", "open_source"]


@contextmanager
def open_source(
    name: str, settings: Settings, engine: "Engine", endpoint: Callable[[str], Endpoint]
) -> Iterator[Source]:
    """Open the source that `candle_sources` names, and close it afterwards.

    `endpoint` looks up the connection of a source that needs one, `market_<name>`. Raises ValueError for an
    unknown name, or when the source lacks a setting.
    """
    match name:
        case "archive":
            from include.candles.sources.archive import Archive

            if settings.archive_path is None:
                raise ValueError("candle_sources names the archive: set archive_path to its file or folder")
            yield Archive(settings.archive_path)
        case "sandbox":
            from include.candles.sources.sandbox import Sandbox
            from include.http import Client

            with Client("sandbox", endpoint("market_sandbox"), engine) as client:
                yield Sandbox(client)
        case _:
            raise ValueError(f"candle_sources: unknown source {name!r}; known: archive, sandbox")
