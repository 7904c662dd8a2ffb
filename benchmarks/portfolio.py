"""Value at risk of 1,000 portfolios of 500 instruments over 500 days, beside a plain loop over pandas.

`make bench portfolio` measures all methods at 95, 97.5 and 99 %, from returns of the instruments to VaR and
ES; `make bench portfolio 200` as many portfolios as are named. One core. The plain loop does what one would
write first, by frames and `quantile`, for the methods that pandas has (historical, normal, filtered); it runs
over a tenth of the portfolios, and its time is multiplied. Both must agree on the historical VaR.
"""

import resource
import time

import numpy as np
import pandas as pd

from include.portfolio.value_at_risk import CONFIDENCES, DECAY, METHODS, Method, value_at_risks

PORTFOLIOS, INSTRUMENTS, DAYS = 1_000, 500, 500
SHARE_OF_LOOP = 10
IN_PANDAS: tuple[Method, ...] = ("historical", "normal", "filtered_historical")


def main(portfolios: int = PORTFOLIOS) -> None:
    """Print a table."""
    generator = np.random.default_rng(1)
    returns = generator.standard_t(5, (DAYS, INSTRUMENTS)) * 0.01
    weights = generator.dirichlet(np.ones(INSTRUMENTS), portfolios)
    found, ours = [], {}
    for methods in (IN_PANDAS, METHODS):
        begun = time.process_time()
        of_portfolios = returns @ weights.T
        found = [
            value_at_risks(of_portfolios[:, number], methods=methods, seed=number)
            for number in range(portfolios)
        ]
        ours[methods] = time.process_time() - begun
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    looped = portfolios // SHARE_OF_LOOP or 1
    frame = pd.DataFrame(returns)
    begun = time.process_time()
    plain = [_measure_plainly(frame, weights[number]) for number in range(looped)]
    loop = (time.process_time() - begun) * portfolios / looped
    apart = max(
        abs(one.var - plain[number][one.confidence])
        for number in range(looped)
        for one in found[number]
        if one.method == "historical"
    )
    print(f"{portfolios} portfolios, {INSTRUMENTS} instruments, {DAYS} days, one core")
    print(f"all {len(METHODS)} methods x {len(CONFIDENCES)} confidences      {ours[METHODS]:8.1f} s of CPU")
    print(f"the {len(IN_PANDAS)} of the loop               {ours[IN_PANDAS]:8.1f} s of CPU")
    print(f"most memory of the process      {memory:8.0f} MB")
    print(f"plain pandas loop, these {len(IN_PANDAS)}     {loop:8.1f} s of CPU")
    print(f"largest difference of the historical VaR {apart:.1e}")


def _measure_plainly(frame: pd.DataFrame, weights: np.ndarray) -> dict[float, float]:
    """Historical, normal and filtered VaR and ES of one portfolio, as frames; gives the historical VaR."""
    own = (frame * weights).sum(axis=1)
    volatility = own.pow(2).ewm(alpha=1 - DECAY, adjust=False).mean().pow(0.5).shift(1).bfill()
    filtered = own / volatility * volatility.iloc[-1]
    historical = {}
    for confidence in CONFIDENCES:
        for series in (own, filtered):
            limit = -(-series).quantile(confidence, interpolation="higher")
            series[series <= limit].mean()
        losses = (-own).sort_values().reset_index(drop=True)
        historical[confidence] = float(losses[int(np.ceil(round(len(losses) * confidence, 6))) - 1])
        own.mean() - own.std() * 2.0
    return historical
