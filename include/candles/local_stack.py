"""Invented candles are for the local stack's own database, and no trade of any other is settled on them."""

from sqlalchemy import Connection, text

# The local stack writes `tradeops.local_stack = 'on'` into the configuration of its own server: no dump,
# restore or copy takes that along to another.
MARKED = text("SELECT coalesce(current_setting('tradeops.local_stack', true), '') = 'on'")


class ForeignDatabaseError(ValueError):
    """The sandbox market was to be used with a database that is not the local stack's own."""


def is_local_stack(connection: Connection) -> bool:
    """Whether this is the database of a local stack, where trades are for trying things out."""
    return bool(connection.execute(MARKED).scalar_one())


def refuse_invented_prices(connection: Connection) -> None:
    """Let the sandbox market be used only with a local stack's own database. Raises ForeignDatabaseError."""
    if not is_local_stack(connection):
        url = connection.engine.url
        raise ForeignDatabaseError(
            "candle_sources names the sandbox, whose prices are invented, and the database "
            f"{url.database!r} at {url.host}:{url.port or 5432} is not the local stack's own: name sources "
            "of real candles in candle_sources, see docs/sources.md"
        )
