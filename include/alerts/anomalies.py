"""Is a value unlike those before it? The modified z-score, robust against outliers in the baseline.

Source: B. Iglewicz, D. Hoaglin: How to Detect and Handle Outliers, ASQC Quality Press 1993 (NIST/SEMATECH
e-Handbook of Statistical Methods, 1.3.5.17): z = 0.6745 (x - median) / MAD, an outlier beyond 3.5. Where more
than half of the baseline is one value the MAD is 0, and the mean absolute deviation takes its place:
z = (x - median) / (1.253314 MeanAD), as IBM SPSS has it. docs/decisions/0008-anomalies-by-median.md compares.
"""

import statistics
from collections.abc import Sequence

NORMAL_MAD = 0.6745  # the 0.75 quantile of the standard normal distribution
NORMAL_MEAN_AD = 1.253314  # sqrt(pi / 2)


def modified_z_score(value: float, baseline: Sequence[float]) -> float | None:
    """The modified z-score of a value, signed; None where the baseline does not vary: nothing can be said."""
    middle = statistics.median(baseline)
    deviations = [abs(each - middle) for each in baseline]
    mad = statistics.median(deviations)
    if mad > 0:
        return NORMAL_MAD * (value - middle) / mad
    mean = statistics.fmean(deviations)
    return (value - middle) / (NORMAL_MEAN_AD * mean) if mean > 0 else None
