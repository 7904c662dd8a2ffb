"""What is declared of one metric of /metrics."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

Values = tuple[str, ...]


@dataclass(frozen=True)
class DeclaredMetric:
    """A metric. Its labels have the values known beforehand; an empty tuple: only who asks knows them.

    Attributes:
        name: as it is written, a counter with `_total`.
        kind: counters and histograms are 0 before their first event; a gauge that is not known has no series.
        words: what it means, for HELP.
        labels: the labels in their order.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    words: str
    labels: Mapping[str, Values] = field(default_factory=dict)

    def zeros(self, known: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
        """Give the sets of labels that are 0 before the first event; `known` has values of open labels."""
        if self.kind != "gauge":
            yield from product(*(values or known.get(name, ()) for name, values in self.labels.items()))
