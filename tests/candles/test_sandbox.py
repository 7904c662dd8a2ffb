"""The sandbox source over real HTTP, also where the sandbox is told to misbehave."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from include.candles import SourceError, UnknownSymbolError, open_source
from include.candles.collect import collect_candles
from include.candles.frame import normalise
from include.candles.store import read_candles
from include.settings import Endpoint, Settings
from tests.support.candles import windows

START = datetime(2024, 3, 4, 12, 0, tzinfo=UTC)
NOW = datetime(2024, 3, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
SETTINGS = Settings(candle_sources=("sandbox",))


@pytest.fixture
def source(sandbox, database):
    def endpoint(connection_id: str) -> Endpoint:
        assert connection_id == "market_sandbox"
        return Endpoint(f"{sandbox.url}/market")

    with open_source("sandbox", SETTINGS, database, endpoint) as opened:
        yield opened


@pytest.mark.parametrize("symbol", ["BTC", "BTCUSDT", "BTC/USDT", "BTC-USD", "MATICUSDT"])
def test_candles_come_under_the_spelling_that_was_asked_for(source, symbol):
    offer = source.offers(symbol, NOW)[0]
    assert (offer.resolution, offer.oldest, offer.volume) == ("1m", None, True)
    fetched = source.fetch(symbol, "1m", START, START + HOUR)
    candles, refused = normalise(fetched.candles, "1m", now=NOW)
    assert (len(candles), refused) == (60, {})
    assert set(candles["symbol"]) == {symbol}
    assert candles["timestamp"].iloc[0] == START


def test_a_long_span_is_paged(source, sandbox):
    fetched = source.fetch("ETH", "1m", START, START + timedelta(minutes=10_001))
    candles, refused = normalise(fetched.candles, "1m", now=NOW)
    assert (len(candles), refused) == (10_001, {})
    assert len(sandbox.requests("market")) == 2


def test_an_unknown_symbol(source):
    with pytest.raises(UnknownSymbolError, match="unknown symbol DOGEX"):
        source.fetch("DOGEX", "1m", START, START + HOUR)


def test_a_wrong_address_is_no_unknown_symbol(sandbox, database):
    with (
        open_source("sandbox", SETTINGS, database, lambda _: Endpoint(sandbox.url)) as astray,
        pytest.raises(SourceError, match="answered 404") as caught,
    ):
        astray.fetch("BTC", "1m", START, START + HOUR)
    assert not caught.value.temporary


def test_another_symbol_than_was_asked_for_is_no_answer(source, sandbox):
    sandbox.fail("market", "wrong_symbol")
    with pytest.raises(SourceError, match="answered with ETH instead of BTC") as caught:
        source.fetch("BTC", "1m", START, START + HOUR)
    assert caught.value.temporary


def test_another_schema_is_no_answer(source, sandbox):
    sandbox.fail("market", "wrong_schema")
    with pytest.raises(SourceError, match="an answer that holds no candles"):
        source.fetch("BTC", "1m", START, START + HOUR)


@pytest.mark.parametrize("kind", ["duplicate_rows", "unsorted_rows"])
def test_untidy_rows_are_tidied(source, sandbox, kind):
    sandbox.fail("market", kind)
    fetched = source.fetch("BTC", "1m", START, START + HOUR)
    candles, _ = normalise(fetched.candles, "1m", now=NOW)
    assert len(candles) == 60
    assert candles["timestamp"].is_monotonic_increasing


def test_collecting_stores_invented_candles_as_such(source, database):
    wanted = windows(
        ("BTC", START, START + HOUR), ("LTC/USDT", START, START + 2 * HOUR), ("DOGEX", START, NOW)
    )
    collection = collect_candles(database, wanted, [source], now=NOW)
    assert collection.written == 180
    assert collection.missing == {"DOGEX": "unknown symbol DOGEX at every source: sandbox"}
    with database.begin() as connection:
        assert len(read_candles(connection, wanted, "1m", sandbox=True)) == 180
        assert read_candles(connection, wanted, "1m", sandbox=False).empty
        sources = connection.execute(text("SELECT DISTINCT source FROM market_candles")).scalars().all()
    assert sources == ["sandbox"]


def test_an_outage_is_said_and_the_next_collection_makes_up_for_it(source, sandbox, database):
    wanted = windows(("BTC", START, START + HOUR))
    sandbox.fail("market", "status", status=403)
    collection = collect_candles(database, wanted, [source], now=NOW)
    assert collection.written == 0
    assert collection.missing["BTC"].startswith("sandbox: answered 403")
    sandbox.heal()
    assert collect_candles(database, wanted, [source], now=NOW).missing == {}


def test_sources_are_opened_by_name(database, tmp_path):
    def nowhere(connection_id: str) -> Endpoint:
        raise AssertionError(f"no connection is needed, but {connection_id} was looked up")

    settings = Settings(candle_sources=("archive",), archive_path=tmp_path)
    with open_source("archive", settings, database, nowhere) as source:
        assert (source.name, source.path) == ("archive", tmp_path)
    unset = Settings(candle_sources=("archive",))
    with (
        pytest.raises(ValueError, match="set archive_path"),
        open_source("archive", unset, database, nowhere),
    ):
        pass
    with (
        pytest.raises(ValueError, match="unknown candle source 'oracle'; known: archive, sandbox"),
        open_source("oracle", settings, database, nowhere),
    ):
        pass
