"""How the answers of vendors are read, figure by figure: their 0 for what they do not know."""

from datetime import UTC, datetime, timedelta

import pytest

from include.signals.snapshot import MARKET_COLUMNS, SOCIAL_COLUMNS, score
from include.signals.sources import NoFiguresError, ask_coingecko, ask_coinmarketcap, ask_lunarcrush
from include.symbols import coin_of

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
COIN = coin_of("LTC")


class Answers:
    """A client that gives the same answers whatever else is asked of it."""

    def __init__(self, **by_part: object) -> None:
        self._by_part = by_part

    def get_json(self, path: str, params: object) -> object:
        return next(answer for part, answer in self._by_part.items() if part in path)


def coingecko(**figures: object) -> Answers:
    row = {
        "id": COIN.ids["coingecko"], "current_price": 81.5, "market_cap": 6.1e9, "total_volume": 4.2e8,
        "circulating_supply": 7.5e7, "last_updated": NOW.isoformat(),
        "price_change_percentage_24h_in_currency": 0, "price_change_percentage_7d_in_currency": 0,
    }  # fmt: skip
    return Answers(markets=[row | figures])


def coinmarketcap(supply: object, **figures: object) -> Answers:
    quote = {
        "price": 81.5, "market_cap": 6.1e9, "volume_24h": 4.2e8, "last_updated": NOW.isoformat(),
        "percent_change_24h": 0, "percent_change_7d": 0,
    }  # fmt: skip
    data = {"id": COIN.ids["coinmarketcap"], "circulating_supply": supply, "quote": {"USD": quote | figures}}
    return Answers(quotes={"data": {str(COIN.ids["coinmarketcap"]): data}})


@pytest.mark.parametrize("nothing", [0, 0.0, "0", -0.0, None])
def test_what_a_vendor_of_prices_does_not_know_is_unknown_and_earns_no_points(nothing):
    one = ask_coingecko(
        coingecko(market_cap=nothing, total_volume=nothing, circulating_supply=nothing), COIN, NOW
    )
    two = ask_coinmarketcap(coinmarketcap(nothing, market_cap=nothing, volume_24h=nothing), COIN, NOW)
    whole = ask_coingecko(coingecko(), COIN, NOW)
    for part in (one, two):
        for name in ("market_cap", "volume_24h", "circulating_supply"):
            assert part.values[name] is None
        assert part.values["price_change_24h"] == 0  # a price may well be the day before's
        assert score(part.values, 1.0) < score(whole.values, 1.0)
    assert None not in {whole.values[name] for name in MARKET_COLUMNS if name in whole.values}


def test_a_price_of_zero_is_none():
    with pytest.raises(NoFiguresError, match="its price is no positive number"):
        ask_coingecko(coingecko(current_price=0), COIN, NOW)


def test_social_figures_of_zero_are_unknown():
    rows = [
        {
            "time": int((NOW - timedelta(hours=hour)).timestamp()), "galaxy_score": 0, "alt_rank": 0,
            "sentiment": 0, "social_dominance": 0, "posts_created": 0,
        }
        for hour in range(3)
    ]  # fmt: skip
    config = {"symbol": COIN.code, "topic": "litecoin"}
    topic = {"interactions_24h": 0, "num_contributors": 0, "num_posts": 0, "types_sentiment_detail": {}}
    part = ask_lunarcrush(
        Answers(series={"config": config, "data": rows}, topic={"config": config, "data": topic}), COIN, NOW
    )
    assert {name for name, value in part.values.items() if value is not None} == set()
    assert set(SOCIAL_COLUMNS) <= set(part.values)
    assert score(part.values, 1.0) == score({}, 1.0)
