"""Files of candles as people have them, written for tests."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from include.candles.frame import normalise
from include.candles.sources.archive import CandleArchive
from tests.support.candles import NOW, START

HOUR = timedelta(hours=1)
HEADER = "timestamp,open,high,low,close,volume"
ROW = "100,102,98,101,5"


def iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def seconds(moment: datetime) -> str:
    return str(int(moment.timestamp()))


def lines(
    time: Callable[[datetime], str] = iso,
    count: int = 24,
    step: timedelta = HOUR,
    start: datetime = START,
    row: str = ROW,
) -> str:
    """Rows of a CSV: a time and what follows it."""
    return "".join(f"{time(start + number * step)},{row}\n" for number in range(count))


def table(header: str = HEADER, **options) -> str:
    return f"{header}\n{lines(**options)}"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def held(folder: Path, symbol: str = "ETH", resolution: str = "1h") -> pd.DataFrame:
    """What the archive has of a symbol, as the collector would keep it."""
    archive = CandleArchive(folder)
    assert resolution in [offer.resolution for offer in archive.offers(symbol, NOW)]
    fetched = archive.fetch(symbol, resolution, START - timedelta(days=400), START + timedelta(days=400))
    return normalise(fetched.candles, resolution, now=NOW)[0]
