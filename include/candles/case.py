"""One symbol whose candles are collected: what its sources had to say, in words."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from include.candles.sources import Source, SourceError, UnknownSymbolError
from include.database import storable

logger = logging.getLogger(__name__)


@dataclass
class Case:
    """One symbol under way: what each source had to say, for the reason if candles stay missing."""

    symbol: str
    notes: dict[str, list[str]] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)  # source -> how it said that it does not know it
    hopeful: bool = False  # a source that did not answer may do so at the next collection
    awaited: bool = False  # the last candle of a window may only be late

    def note(self, source: Source, words: str) -> None:
        """Write down once what a source said."""
        said = self.notes.setdefault(source.name, [])
        words = storable(words)
        if words not in said:
            said.append(words)

    def answers_text(self, sources: Sequence[Source]) -> str:
        """Say what all sources said, in their order."""
        names = [source.name for source in sources]
        plain = f"unknown symbol {self.symbol}"
        if all(name in self.unknown for name in names):
            said = [
                name if self.unknown[name] == plain else f"{name} ({self.unknown[name]})" for name in names
            ]
            return f"{plain} at every source: {', '.join(said)}"
        silent = "no candles to offer"
        return "; ".join(
            f"{name}: {self.unknown.get(name) or ', '.join(self.notes.get(name, [silent]))}" for name in names
        )


@contextmanager
def breakdowns_of(source: Source) -> Iterator[None]:
    """Make whatever breaks down in a source a failure of its own, and of nobody else."""
    try:
        yield
    except (UnknownSymbolError, SourceError):
        raise
    except Exception as error:
        logger.exception("%s broke down", source.name)
        raise SourceError(f"it broke down: {type(error).__name__}, see the log", temporary=True) from error
