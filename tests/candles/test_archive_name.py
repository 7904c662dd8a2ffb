"""What the name of a file says."""

from pathlib import Path

import pytest

from include.candles.sources.archive_name import BadFileError, check_name, name_parts


@pytest.mark.parametrize(
    ("name", "symbol", "resolution"),
    [
        ("XBTUSD_1.csv", "XBTUSD", "1m"),
        ("XBTUSD_1440.csv", "XBTUSD", "1d"),
        ("SOLUSDT_15_2024-07-01_2024-07-31.csv", "SOLUSDT", "15m"),  # Bybit
        ("BTCUSDT-1m-2021-11.csv", "BTCUSDT", "1m"),
        ("BTCUSDT-1h-2021-11-27.csv", "BTCUSDT", "1h"),
        ("btc-perp-20211231-20220201_1m.csv", "BTC-PERP", "1m"),
        ("Coinbase_BTCUSD_d.csv", "BTCUSD", "1d"),
        ("Binance_ETHUSDT_minute.csv", "ETHUSDT", "1m"),
        ("BTC_USDT-5m.feather", "BTC_USDT", "5m"),
        ("BTC-60min.parquet", "BTC", "1h"),
        ("W_USDT-1h.feather", "W_USDT", "1h"),
        ("btcusd_1-min_data.csv", "BTCUSD", "1m"),
        ("ETHUSD_hourly_data_2024.csv", "ETHUSD", "1h"),
        ("BTC-USD.csv", "BTC-USD", None),
        ("data.csv", "DATA", None),
        ("candles.parquet", "CANDLES", None),
        ("2021-11.csv", "", None),
        ("1m.csv", "", "1m"),
        # only the case tells a month from a minute, and MetaTrader writes the unit first
        ("SOLUSDT-1M.csv", "SOLUSDT", "1M"),
        ("SOLUSDT-1mo-2024-07.csv", "SOLUSDT", "1 month"),
        ("SOLUSDT_monthly.csv", "SOLUSDT", "1 month"),
        ("SOLUSD_MN1.csv", "SOLUSD", "1 month"),
        ("SOLUSDT_15M.csv", "SOLUSDT", "15m"),
        ("SOLUSDT-4H.csv", "SOLUSDT", "4h"),
        ("SOLUSD_M15_202101040000_202112312345.csv", "SOLUSD", "15m"),
        ("SOLUSD_H4.csv", "SOLUSD", "4h"),
        ("SOLUSDT_10m.csv", "SOLUSDT", "10m"),
        ("SOLUSD_21600.csv", "SOLUSD", "15d"),
        # TradingView, with the exchange before the market
        ("KRAKEN_SOLUSD, 240.csv", "SOLUSD", "4h"),
        ("COINBASE_SOLUSD, 1D_4f3a2.csv", "SOLUSD", "1d"),
        ("BYBIT_SOLUSDT.P, 5 (1).csv", "SOLUSDT.P", "5m"),
        ("BINANCE_SOLUSDT, 1M.csv", "SOLUSDT", "1M"),
        ("KuCoin-SOL-USDT-1h-2024-07-01.csv", "SOL-USDT", "1h"),
        ("SOLUSDT_huobi_1min.csv", "SOLUSDT", "1m"),
        ("HTX_USDT-1h.feather", "HTX_USDT", "1h"),
        ("krakenUSD_1-min_data_2014-01-07_to_2020-12-31.csv", "KRAKENUSD", "1m"),
        ("Solana_01.07.2024-31.07.2024_historical_data_coinmarketcap.csv", "SOLANA", None),
        ("SOL-USD_2024-07-01_2024-07-31_1h (2).csv", "SOL-USD", "1h"),
        ("1MBABYDOGE_USDT-5m.csv", "1MBABYDOGE_USDT", "5m"),
    ],
)
def test_names_of_files(name, symbol, resolution):
    assert name_parts(Path(name)) == (symbol, resolution)


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        (["ETH_USDT_USDT-8h-funding_rate.feather"], "funding rates"),
        (["ETH_USDT_USDT-4h-mark.feather"], "mark prices"),
        (["ETHUSDT-fundingRate-2024-07.csv"], "funding rates"),
        (["um", "markPriceKlines", "ETHUSDT-1h.csv"], "mark prices"),
        (["um", "indexPriceKlines", "ETHUSDT-1h.csv"], "index prices"),
        (["premiumIndexKlines", "ETHUSDT", "ETHUSDT-1m.csv"], "premium indexes"),
        (["ETHUSD_Candlestick_1_Hour_BID.csv"], "bid or ask prices"),
    ],
)
def test_prices_at_which_nobody_traded_are_told_by_their_name(parts, what):
    with pytest.raises(BadFileError, match=f"{what} by its name .*: nobody traded at them"):
        check_name(parts)


@pytest.mark.parametrize("name", ["MARK_USDT-1h.csv", "BID_USDT-1h.csv", "FUND-USD.csv", "ETH_USDT-1h.csv"])
def test_a_coin_may_be_called_like_them(name):
    check_name(["klines", name])
