"""market_candles: one row a candle, however many trades share it."""

from alembic import op
from sqlalchemy import text

from sql.migrations.adoption import drop_empty

revision = "0002"
down_revision = "0001"

TABLE = """
CREATE TABLE market_candles (
  symbol      text        NOT NULL,
  resolution  text        NOT NULL,
  timestamp   timestamptz NOT NULL,
  open        numeric     NOT NULL,
  high        numeric     NOT NULL,
  low         numeric     NOT NULL,
  close       numeric     NOT NULL,
  volume      numeric,
  source      text        NOT NULL,
  fetched_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT market_candles_pkey PRIMARY KEY (symbol, resolution, timestamp),
  CONSTRAINT market_candles_resolution_check CHECK (
    resolution IN ('1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d', '1w')
  )
) PARTITION BY RANGE (timestamp);

COMMENT ON TABLE market_candles IS
  'Candles from outside, one row a symbol, resolution and open time; a partition a month (UTC), made by '
  'ensure_candle_partitions. A candle that breaks the rules of OHLC may be stored: the gate judges it.';
COMMENT ON COLUMN market_candles.timestamp IS 'Open time';
COMMENT ON COLUMN market_candles.volume IS 'In the base currency; null where the source knows none';
COMMENT ON COLUMN market_candles.source IS 'archive, sandbox, kraken, ccxt:binance, ...';
"""


def upgrade() -> None:
    """Make the store; the first platform's copies per trade stay, under another name."""
    kind = op.get_bind().execute(
        text("SELECT relkind::text FROM pg_class WHERE oid = to_regclass('trade_historical_prices')")
    )
    match kind.scalar():
        case "r" | "p":
            op.execute("ALTER TABLE trade_historical_prices RENAME TO trade_historical_prices_legacy")
            op.execute(
                "COMMENT ON TABLE trade_historical_prices_legacy IS 'Candles as the first platform copied "
                "them for each trade. Nothing reads them; the view trade_historical_prices took the name.'"
            )
        case "v":
            op.execute("DROP VIEW trade_historical_prices")
    op.execute(TABLE)


def downgrade() -> None:
    """Drop the store, if it is empty, and give the first platform's table its name back."""
    drop_empty("market_candles")
    op.execute("ALTER TABLE IF EXISTS trade_historical_prices_legacy RENAME TO trade_historical_prices")
