"""Why a model gave no usable answer: one word for statistics, a sentence for people."""

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

    `passing` says whether another try in a moment may help.
    """

    def __init__(self, outcome: str, words: str, *, passing: bool, billable: bool = False) -> None:
        super().__init__(outcome, words, billable=billable)
        self.passing = passing


class AnswerUnusable(ModelError):
    """The service works, but this question got no usable answer: refused, filtered, cut off or invalid.

    `final` says that asking the same again is pointless. `cost_usd` is what the answer cost, where known.
    """

    def __init__(self, outcome: str, words: str, *, final: bool = False, billable: bool = True) -> None:
        super().__init__(outcome, words, billable=billable)
        self.final = final
        self.cost_usd: Decimal | None = None
