"""claims: who works on which trade, under a lease."""

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = """
CREATE TABLE settlement_claims (
  trade_signal_id     uuid        PRIMARY KEY REFERENCES trade_signals (id) ON DELETE CASCADE,
  claim_id            text        NOT NULL,
  batch               integer     NOT NULL,
  claimed_at          timestamptz NOT NULL,
  lease_expires_at    timestamptz NOT NULL,
  attempts            integer     NOT NULL,
  next_attempt_at     timestamptz,
  resolution          text,
  data_quality_score  numeric,
  data_source         text,
  gate                text        CHECK (gate IN ('passed', 'waiting', 'refused')),
  reason              text
);
CREATE INDEX settlement_claims_by_batch ON settlement_claims (claim_id, batch);

CREATE TABLE analysis_claims (
  trade_signal_id   uuid        PRIMARY KEY REFERENCES trade_signals (id) ON DELETE CASCADE,
  claim_id          text        NOT NULL,
  lease_expires_at  timestamptz NOT NULL,
  attempts          integer     NOT NULL,
  next_attempt_at   timestamptz,
  last_error        text
);
CREATE INDEX analysis_claims_by_claim ON analysis_claims (claim_id);

CREATE TABLE performance_refreshes (
  user_id    uuid        PRIMARY KEY,
  marked_at  timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE settlement_claims IS
  'Trades that a sweep works on. A lease that lapsed makes its trade due again; settling deletes the row.';
COMMENT ON COLUMN settlement_claims.claim_id IS 'The sweep that holds the trade: its run id';
COMMENT ON COLUMN settlement_claims.batch IS 'Key that the tasks of the sweep hand to each other';
COMMENT ON COLUMN settlement_claims.attempts IS 'How many times the trade was claimed';
COMMENT ON COLUMN settlement_claims.next_attempt_at IS 'Not due before; null: once the lease lapses';
COMMENT ON COLUMN settlement_claims.gate IS 'Verdict of the quality gate; null: not judged yet';
COMMENT ON COLUMN settlement_claims.reason IS 'Why the trade waits or was refused, in words';
COMMENT ON TABLE analysis_claims IS
  'Settled trades whose analysis is being written, waits for its next try, or was given up';
COMMENT ON COLUMN analysis_claims.last_error IS 'Why the last try failed, in words';
COMMENT ON TABLE performance_refreshes IS 'Users whose statistics are older than their trades';
"""


def upgrade() -> None:
    """Make the work tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them, rows and all: claims are work under way, which the next sweep takes up again."""
    op.execute("DROP TABLE performance_refreshes, analysis_claims, settlement_claims")
