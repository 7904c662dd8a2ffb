"""Settings of candles: where they come from, and what coins are called there."""

import re

from pydantic import Field, field_validator

from include.settings.section import AbsolutePath, SettingsSection

SANDBOX = "sandbox"
CoinNames = dict[str, str | int | None]  # vendor -> what it calls a coin; None: as others do
COIN_PATTERN = re.compile(r"[A-Z0-9]{1,20}")


class CandleSettings(SettingsSection):
    """Candles."""

    # include.candles.sources knows the names; include.settings_check asks it.
    candle_sources: tuple[str, ...] = Field(
        (), description="where candles come from, in order of preference; the sandbox only ever alone"
    )
    archive_path: AbsolutePath | None = Field(
        None, description="file or folder of candles: CSV, Parquet, Feather"
    )
    candle_fetches_at_once: int = Field(
        8,
        ge=1,
        le=32,
        description="requests to one source that may be under way at once, 1 to 32; its limits hold as well",
    )
    coins: dict[str, CoinNames] = Field(
        {}, description="coins besides those of the table, with their names elsewhere: docs/sources.md"
    )

    @field_validator("candle_sources")
    @classmethod
    def _the_sandbox_stands_alone(cls, sources: tuple[str, ...]) -> tuple[str, ...]:
        # Invented prices must never fill the gap that a real source left.
        if SANDBOX in sources and len(sources) > 1:
            raise ValueError("the sandbox market cannot be mixed with real sources; name it alone")
        return sources

    @field_validator("coins")
    @classmethod
    def _coins_are_upper_case(cls, coins: dict[str, CoinNames]) -> dict[str, CoinNames]:
        for name in coins:
            if not COIN_PATTERN.fullmatch(name):
                raise ValueError(f"coins: {name!r} is no name of a coin: capitals and digits, like PEPE")
        return coins
