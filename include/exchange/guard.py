"""Rules by which trading freezes by itself, each in force when its setting is set: docs/exchange.md.

They look at rows that reconciliation writes, and only freeze: nobody but a person lets trading on again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, Engine

from include.database import sql
from include.exchange.switch import SwitchChange, read_trading_state, write_change
from include.humanize import age_text, figure_text, money_text
from include.settings import Settings

AUTHOR = "guard_trading"


@dataclass(frozen=True)
class GuardFigures:
    """What the rules look at; None: not known, which freezes nothing.

    Attributes:
        drawdown: percent that the balance is below its highest since trading was let on.
        day_loss: US dollars that it lost since the first look of today (UTC); negative: it won.
        discrepancy: US dollars by which its change and the fills' results less fees disagree.
        down: since when comparing with the exchange has failed; zero while it goes well.
    """

    drawdown: float | None
    day_loss: float | None
    discrepancy: float | None
    down: timedelta | None


def measure_guard(connection: Connection) -> GuardFigures:
    """Read the figures as they are now, in one statement."""
    return GuardFigures(*connection.execute(sql("exchange/measure_guard")).one())


def find_breaches(figures: GuardFigures, settings: Settings) -> Iterator[str]:
    """Say in words which rules that are set are broken; a figure at its limit is not beyond it."""
    limit = settings.freeze_on_drawdown
    if limit is not None and figures.drawdown is not None and figures.drawdown > limit:
        drawdown = figure_text(figures.drawdown, "%", limit)
        yield f"the balance is {drawdown} below its highest, more than {limit} %"
    limit = settings.freeze_on_day_loss
    if limit is not None and figures.day_loss is not None and figures.day_loss > limit:
        yield f"today lost {money_text(figures.day_loss)}, more than {money_text(limit)}"
    limit = settings.freeze_on_discrepancy
    if limit is not None and figures.discrepancy is not None and figures.discrepancy > limit:
        yield f"balance and fills disagree by {money_text(figures.discrepancy)}, above {money_text(limit)}"
    longest = settings.freeze_on_exchange_down
    if longest is not None and figures.down is not None and figures.down > longest:
        yield f"no comparison with the exchange went well for {age_text(figures.down)}"


def guard_trading(engine: Engine, settings: Settings) -> SwitchChange | None:
    """Freeze trading if a rule that is set is broken and it is not frozen already; None: nothing was done.

    The notice is critical. Two at once freeze twice, which is harmless.
    """
    with engine.begin() as connection:
        if read_trading_state(connection) == "frozen":
            return None
        breaches = list(find_breaches(measure_guard(connection), settings))
        if not breaches:
            return None
        return write_change(
            connection, "frozen", reason="; ".join(breaches), changed_by=AUTHOR, severity="critical"
        )
