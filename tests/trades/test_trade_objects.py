"""What programs are shown of a trade is what the tables hold: a column forgotten in a model is found."""

import pytest
from sqlalchemy import text

from include.candles.prices import ShownCandle
from include.trades.statistics import ShownPerformance
from include.trades.trade_objects import ShownIndicators, ShownResult, ShownSignal, ShownSnapshot

# Keys of rows that are parts of a trade.
KEYS = {"id", "trade_signal_id"}
SHOWN = {
    "trade_signals": (ShownSignal, set()),
    "trade_results": (ShownResult, KEYS),
    "trade_technical_indicators": (ShownIndicators, KEYS),
    "trade_market_snapshot": (ShownSnapshot, KEYS),
    "atge_performance_cache": (ShownPerformance, set()),
    "market_candles": (ShownCandle, {"symbol", "resolution"}),
}
COLUMNS = text(
    "SELECT attname FROM pg_attribute "
    "WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped"
)


@pytest.mark.parametrize("table", SHOWN)
def test_a_model_has_every_column_of_its_table(database, table):
    model, left_out = SHOWN[table]
    with database.connect() as connection:
        columns = set(connection.execute(COLUMNS, {"table": table}).scalars())
    assert set(model.model_fields) == columns - left_out
