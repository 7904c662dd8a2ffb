"""signals: messages from outside as they came, what was read in them, and what became of them."""

from alembic import op

from sql.migrations.adoption import drop_empty

revision = "0040"
down_revision = "0039"

TABLES = """
CREATE TABLE signals (
  id               uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  created_at       timestamptz NOT NULL DEFAULT now(),
  sent_at          timestamptz NOT NULL DEFAULT now(),
  source           text        NOT NULL CHECK (source IN ('telegram', 'api')),
  chat_id          text        NOT NULL,
  message_id       text        NOT NULL,
  edit_number      integer     NOT NULL DEFAULT 0 CHECK (edit_number >= 0),
  message          text        NOT NULL,
  kind             text        CHECK (kind IN ('signal', 'management', 'notice', 'noise')),
  status           text        NOT NULL DEFAULT 'received' CHECK (
    status IN ('received', 'accepted', 'rejected', 'executed', 'expired')
  ),
  reason           text,
  symbol           text,
  direction        text        CHECK (direction IN ('LONG', 'SHORT')),
  order_type       text        CHECK (order_type IN ('market', 'limit', 'stop')),
  entries          jsonb,
  targets          jsonb,
  stop_loss        numeric,
  leverage         numeric,
  amount           numeric,
  parsed           jsonb,
  trade_signal_id  uuid        REFERENCES trade_signals (id) ON DELETE SET NULL,
  UNIQUE (source, chat_id, message_id, edit_number),
  CHECK (status = 'received' OR kind IS NOT NULL),
  CHECK (status NOT IN ('rejected', 'expired') OR reason IS NOT NULL)
);
CREATE INDEX signals_by_time ON signals (created_at DESC);
CREATE INDEX signals_to_judge ON signals (created_at) WHERE status = 'received';
CREATE INDEX signals_accepted ON signals (created_at) WHERE status = 'accepted';
CREATE INDEX signals_by_trade ON signals (trade_signal_id);

CREATE TABLE telegram_offsets (
  bot          text        PRIMARY KEY,
  next_update  bigint      NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE signals IS
  'A message from outside, or an edit or the deletion of one, and what became of it: docs/outside-signals.md';
COMMENT ON COLUMN signals.sent_at IS 'When its author wrote it, by the clock of its source';
COMMENT ON COLUMN signals.chat_id IS
  'Telegram''s id of the chat; of the API, the chat that the caller names, or the caller';
COMMENT ON COLUMN signals.edit_number IS '0: as first written; each edit, and the deletion, is one more';
COMMENT ON COLUMN signals.message IS 'As it came; empty: the message was deleted';
COMMENT ON COLUMN signals.kind IS
  'signal: asks for a trade; management: is about a trade under way; notice: tells of one; noise: nothing of '
  'that. Null until it is read';
COMMENT ON COLUMN signals.status IS
  'received: not read yet; accepted: there is a trade of it; rejected: reason says why; executed: an order '
  'of it was submitted; expired: too old to be acted upon';
COMMENT ON COLUMN signals.symbol IS 'BASE/QUOTE';
COMMENT ON COLUMN signals.order_type IS
  'market: at once; limit: at a price; stop: when the price breaks through one';
COMMENT ON COLUMN signals.entries IS 'Prices as text, in the order of the message; empty: at the market';
COMMENT ON COLUMN signals.targets IS 'Prices as text, in the order of the message';
COMMENT ON COLUMN signals.amount IS
  'As the message says it; `parsed` says of what: the coin, or percent of the account';
COMMENT ON COLUMN signals.parsed IS 'All that was read in the message, prices as text';
COMMENT ON TABLE telegram_offsets IS
  'The first update of each bot that is not stored yet; written with those before it, in one transaction';
COMMENT ON COLUMN telegram_offsets.bot IS 'The bot''s id: the part of its token before the colon';
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them; the messages only if there are none."""
    drop_empty("signals")
    op.execute("DROP TABLE telegram_offsets")
