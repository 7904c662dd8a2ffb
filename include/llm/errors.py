"""Why a model gave no usable answer: one word for statistics, a sentence for people."""

from __future__ import annotations

from decimal import Decimal

from include.database import storable


class ModelError(Exception):
    """The model gave no usable answer.

    `outcome` is one word, `words` the reason without secrets, and without what PostgreSQL refuses: it may
    quote the answer, and whoever catches it writes it down. `billable` says whether the provider may charge
    for the request all the same: it went out, and no error came back in its place.
    """

    def __init__(self, outcome: str, words: str, *, billable: bool) -> None:
        words = storable(words)
        super().__init__(f"{outcome}: {words}")
        self.outcome = outcome
        self.words = words
        self.billable = billable


class ModelUnavailable(ModelError):
    """The service failed, whatever was asked: no connection, no money, a wrong key, an overload.

    `passing` says whether another try in a moment may help, `ends_all` that no question will be answered
    before somebody pays. `retry_after` are the seconds for which the service asked to be left alone.
    """

    def __init__(
        self, outcome: str, words: str, *, passing: bool, billable: bool = False, ends_all: bool = False
    ) -> None:
        super().__init__(outcome, words, billable=billable)
        self.passing = passing
        self.ends_all = ends_all
        self.retry_after: float | None = None


class AnswerUnusable(ModelError):
    """The service works, but this question got no usable answer: refused, filtered, cut off or invalid.

    `final` says that asking the same again is pointless. `cost_usd` is what the answer cost, where known.
    `alike` names the kind of it, where a row of the same kind would be the model's doing; None: the model did
    its part.
    """

    def __init__(
        self,
        outcome: str,
        words: str,
        *,
        final: bool = False,
        billable: bool = True,
        alike: str | None = None,
    ) -> None:
        super().__init__(outcome, words, billable=billable)
        self.final = final
        self.alike = alike
        self.cost_usd: Decimal | None = None

    def with_words(self, words: str) -> AnswerUnusable:
        """The same, said in other words."""
        return AnswerUnusable(self.outcome, words, final=self.final, billable=self.billable, alike=self.alike)
