"""Rules by which trading freezes by itself, each in force when its setting is set: docs/exchange.md.

They look at rows that reconciliation writes, and only freeze: nobody but a person lets trading on again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

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


@dataclass(frozen=True)
class GuardRule:
    """A rule with its figure and its limit, both in one unit; None: not known, or off."""

    setting: str
    value: float | timedelta | None
    limit: float | timedelta | None
    unit: Literal["%", "$", "time"]
    breach: str  # in words, with both in their places

    @property
    def broken(self) -> bool:
        """Whether it freezes; a figure at its limit is not beyond it."""
        if self.value is None or self.limit is None:
            return False
        return bool(self.value > self.limit)  # type: ignore[operator]  # both are of one unit

    @property
    def value_text(self) -> str:
        """The figure for people."""
        return self._text(self.value, self.limit)

    @property
    def limit_text(self) -> str:
        """The limit for people."""
        return self._text(self.limit)

    def _text(self, figure: float | timedelta | None, beyond: float | timedelta | None = None) -> str:
        if figure is None:
            return "–"
        if isinstance(figure, timedelta):
            return age_text(figure)
        if self.unit == "$":
            return money_text(figure)
        return figure_text(figure, self.unit, beyond if isinstance(beyond, float | int) else None)


def list_rules(figures: GuardFigures, settings: Settings) -> list[GuardRule]:
    """Give each rule, also those that are off, with its figure and its setting."""
    drawdown = "the balance is {} below its highest, more than {}"
    down = "no comparison with the exchange went well for {}, longer than {}"
    return [
        GuardRule("freeze_on_drawdown", figures.drawdown, settings.freeze_on_drawdown, "%", drawdown),
        GuardRule(
            "freeze_on_day_loss",
            figures.day_loss,
            settings.freeze_on_day_loss,
            "$",
            "today lost {}, more than {}",
        ),
        GuardRule(
            "freeze_on_discrepancy",
            figures.discrepancy,
            settings.freeze_on_discrepancy,
            "$",
            "balance and fills disagree by {}, above {}",
        ),
        GuardRule("freeze_on_exchange_down", figures.down, settings.freeze_on_exchange_down, "time", down),
    ]


def find_breaches(figures: GuardFigures, settings: Settings) -> Iterator[str]:
    """Say in words which rules that are set are broken."""
    for rule in list_rules(figures, settings):
        if rule.broken:
            yield rule.breach.format(rule.value_text, rule.limit_text)


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
