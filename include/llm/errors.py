"""Why a model gave no usable answer: one word for statistics, a sentence for people."""

from __future__ import annotations

from decimal import Decimal

from include.database import storable


class ModelError(Exception):
    """The model gave no usable answer.

    `outcome` is one word, `message` the reason without secrets, and without what PostgreSQL refuses: it may
    quote the answer, and whoever catches it writes it down. `billable` says whether the provider may charge
    for the request all the same: it went out, and no error came back in its place.
    """

    def __init__(self, outcome: str, message: str, *, billable: bool) -> None:
        message = storable(message)
        super().__init__(f"{outcome}: {message}")
        self.outcome = outcome
        self.message = message
        self.billable = billable


class ModelUnavailableError(ModelError):
    """The service failed, whatever was asked: no connection, no money, a wrong key, an overload.

    `transient` says whether another try in a moment may help, `ends_all` that no question will be answered
    before somebody pays. `retry_after` are the seconds for which the service asked to be left alone.
    """

    def __init__(
        self, outcome: str, message: str, *, transient: bool, billable: bool = False, ends_all: bool = False
    ) -> None:
        super().__init__(outcome, message, billable=billable)
        self.transient = transient
        self.ends_all = ends_all
        self.retry_after: float | None = None


class UnusableAnswerError(ModelError):
    """The service works, but this question got no usable answer: refused, filtered, cut off or invalid.

    `final` says that asking the same again is pointless. `cost_usd` is what the answer cost, where known.
    `alike` names the kind of it, where a row of the same kind would be the model's doing; None: the model did
    its part.
    """

    def __init__(
        self,
        outcome: str,
        message: str,
        *,
        final: bool = False,
        billable: bool = True,
        alike: str | None = None,
    ) -> None:
        super().__init__(outcome, message, billable=billable)
        self.final = final
        self.alike = alike
        self.cost_usd: Decimal | None = None

    def with_message(self, message: str) -> UnusableAnswerError:
        """The same, said in other words."""
        return UnusableAnswerError(
            self.outcome, message, final=self.final, billable=self.billable, alike=self.alike
        )
