"""Histograms: round bins, and how many values lie in each."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from include.web.charts.scale import nice_step


def nice_edges(low: float, high: float, bins: int = 20) -> list[float]:
    """The edges of bins of one width, at round numbers, 0 among them if it lies between; `bins` + 2 at most.

    Raises ValueError unless both are finite and `low` is not above `high`.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"no bins from {low} to {high}")
    step = nice_step((high - low) / bins or max(abs(low) / bins, 1 / bins))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [n * step for n in range(first, max(last, first + 1) + 1)]


def count_bins(values: Iterable[float], edges: Sequence[float]) -> list[int]:
    """How many values lie in each bin, its lower edge included; what lies outside is in the bin at that end.

    A value that is not finite is in no bin.
    """
    counts = [0] * (len(edges) - 1)
    for value in values:
        if math.isfinite(value):
            counts[min(max(bisect_right(edges, value) - 1, 0), len(counts) - 1)] += 1
    return counts
