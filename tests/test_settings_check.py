"""Names in the settings of what is registered elsewhere, and what a registry without a line makes of them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from include.settings.reader import SettingsError
from include.settings_check import checked_environment_settings, read_checked_settings
from include.symbols import add_coins, coin_of

ROOT = Path(__file__).parents[1]
CANDLES = "include/candles/sources/__init__.py"
PRICES = "include/signals/sources.py"
VENDORS = "include/services/__init__.py"


@pytest.fixture(autouse=True)
def no_coins_are_left():
    yield
    add_coins({})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '{"candle_sources": ["krakn"]}',
            "candle_sources: unknown candle source 'krakn'; did you mean kraken?",
        ),
        ('{"candle_sources": ["Kraken"]}', "'Kraken'; did you mean kraken?"),
        ('{"candle_sources": ["oracle"]}', "'oracle'; known: archive, sandbox, kraken, coinmarketcap"),
        ('{"candle_sources": ["ccxt"]}', "unknown candle source 'ccxt'"),
        ('{"candle_sources": ["ccxt:<exchange>"]}', "unknown candle source 'ccxt:<exchange>'"),
        ('{"candle_sources": ["kraken:pro"]}', "unknown candle source 'kraken:pro'"),
        (
            '{"price_sources": ["kraken"]}',
            "price_sources: unknown price source 'kraken'; known: coinmarketcap",
        ),
        ('{"alert_channels": {"slak": []}}', "alert_channels: unknown channel 'slak'; did you mean slack?"),
        (
            '{"coins": {"XBT": {"coingecko": "x", "coinmarketcap": 9}}}',
            "coins: XBT, a name of XBT, means BTC",
        ),
    ],
)
def test_a_name_that_nobody_knows_is_refused_with_its_place(text, words):
    with pytest.raises(SettingsError) as caught:
        read_checked_settings(text)
    assert str(caught.value).startswith("Variable tradeops_settings: ")
    assert words in str(caught.value)


def test_the_environment_is_held_to_the_same(monkeypatch):
    monkeypatch.setenv("TRADEOPS_CANDLE_SOURCES", '["krakn"]')
    for read in (checked_environment_settings, lambda: read_checked_settings("{}")):
        with pytest.raises(SettingsError, match=r"TRADEOPS_CANDLE_SOURCES: unknown candle source 'krakn'"):
            read()


def test_what_is_known_is_taken():
    names = '["archive", "kraken", "coinmarketcap", "coingecko", "coingecko:pro", "ccxt:binance", "ccxt:a_b"]'
    text = f'{{"candle_sources": {names}, "coins": {{"WIF": {{"coingecko": "w", "coinmarketcap": 1}}}}}}'
    assert len(read_checked_settings(text).candle_sources) == 7
    assert coin_of("WIFUSDT").code == "WIF"


ASK = """
from include.candles import open_source, open_sources
from include.candles.sources import rank_of
from include.probes.platform.candle_sources import make_probes
from include.probes.probe import ProbeContext
from include.services import find_service
from include.settings import Endpoint, Settings
from include.settings_check import read_checked_settings
from include.signals.sources import find_price_source
from local.settings_check import check_environment

name = {name!r}
settings = Settings(candle_sources=(name,), price_sources=(name,))
candles, prices = ('{{"' + key + '": ["' + name + '"]}}' for key in ("candle_sources", "price_sources"))
nowhere = lambda _: Endpoint("http://127.0.0.1:9", "key")

def entered(manager):
    with manager:
        pass

questions = {{
    "candle setting": lambda: read_checked_settings(candles),
    "price setting": lambda: read_checked_settings(prices),
    "make up": lambda: check_environment({{"AIRFLOW_VAR_TRADEOPS_SETTINGS": candles}}),
    "source": lambda: entered(open_source(name, settings, None, nowhere)),
    "sources": lambda: entered(open_sources(settings, None, nowhere)),
    "rank": lambda: rank_of(name),
    "probe": make_probes(ProbeContext("platform", None, settings, nowhere))[0].ask,
    "price": lambda: find_price_source(name),
    "service": lambda: find_service(name),
}}
for asked, question in questions.items():
    try:
        question()
        print(asked, "=> known")
    except Exception as error:
        print(asked, "=>", type(error).__name__, error)
"""


def answers_without(folder: Path, registry: str, name: str) -> dict[str, str]:
    """What everybody says about a vendor in a copy of the product whose registry lacks the vendor's line."""
    for part in ("include", "local", "sandbox", "sql"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / registry
    lines = path.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.strip().startswith((f'"{name}": ', f'"{name}",'))]
    assert len(kept) == len(lines) - 1, "a vendor is one line of its registry"
    path.write_text("".join(kept))
    done = subprocess.run(
        [sys.executable, "-c", ASK.format(name=name)], cwd=folder, capture_output=True, text=True, check=True
    )
    return dict(line.split(" => ", 1) for line in done.stdout.splitlines())


def test_a_source_of_candles_without_its_line_is_unknown_everywhere_with_a_sentence(tmp_path):
    said = answers_without(tmp_path, CANDLES, "coinmarketcap")
    for asked in ("candle setting", "make up", "source", "sources", "rank", "probe"):
        assert "unknown candle source 'coinmarketcap'" in said[asked], asked
        assert "known: archive, sandbox, kraken" in said[asked], asked
    assert said["price"] == said["service"] == "known", "of these it has lines of their own"


def test_a_source_of_prices_without_its_line_is_unknown_everywhere_with_a_sentence(tmp_path):
    said = answers_without(tmp_path, PRICES, "coinmarketcap")
    for asked in ("price setting", "price"):
        assert "unknown price source 'coinmarketcap'; known: coingecko" in said[asked], asked
    assert said["rank"] == "known"


def test_a_vendor_without_its_line_is_unknown_everywhere_with_a_sentence(tmp_path):
    said = answers_without(tmp_path, VENDORS, "coinmarketcap")
    for asked in ("source", "sources", "probe", "service"):
        assert "no service 'coinmarketcap' is declared in include/services; known: airflow" in said[asked], (
            asked
        )
