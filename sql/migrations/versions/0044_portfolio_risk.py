"""portfolio_*: what is held and what it is worth; risk_*: forecasts of loss, their outcomes and verdicts."""

from alembic import op

from sql.migrations.adoption import drop_empty

revision = "0044"
down_revision = "0043"

PORTFOLIOS = """
CREATE TABLE portfolio_syncs (
  id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source        text        NOT NULL CHECK (source IN ('ibkr', 'exchange', 'file')),
  portfolio_id  text,
  outcome       text        NOT NULL CHECK (outcome IN ('complete', 'failed')),
  reason        text,
  taken_at      timestamptz,
  currency      text,
  value         numeric     CHECK (value > '-Infinity' AND value < 'Infinity'),
  positions     integer,
  took          interval,
  finished_at   timestamptz NOT NULL DEFAULT now(),
  UNIQUE (portfolio_id, taken_at),
  CHECK ((outcome = 'failed') = (reason IS NOT NULL)),
  CHECK (
    outcome = 'failed'
    OR num_nulls(portfolio_id, taken_at, currency, value, positions) = 0
  )
);
CREATE INDEX portfolio_syncs_newest ON portfolio_syncs (finished_at);
COMMENT ON TABLE portfolio_syncs IS
  'Looks at portfolios: complete with a snapshot, which may hold nothing, or failed with the reason';
COMMENT ON COLUMN portfolio_syncs.portfolio_id IS
  'ibkr:<account>, exchange:<exchange> or file:<name>; null: it failed before any was known';
COMMENT ON COLUMN portfolio_syncs.taken_at IS 'What the snapshot holds was so then';
COMMENT ON COLUMN portfolio_syncs.currency IS 'In which the portfolio is valued';
COMMENT ON COLUMN portfolio_syncs.value IS 'Of all positions, in that currency';

CREATE TABLE portfolio_positions (
  portfolio_id  text        NOT NULL,
  taken_at      timestamptz NOT NULL,
  source        text        NOT NULL CHECK (source IN ('ibkr', 'exchange', 'file')),
  instrument    text        NOT NULL,
  name          text        NOT NULL DEFAULT '',
  kind          text        NOT NULL DEFAULT 'asset' CHECK (kind IN ('asset', 'cash')),
  currency      text        NOT NULL,
  rate          numeric     NOT NULL DEFAULT 1 CHECK (rate > 0 AND rate < 'Infinity'),
  quantity      numeric     NOT NULL CHECK (quantity > '-Infinity' AND quantity < 'Infinity'),
  price         numeric     NOT NULL CHECK (price > '-Infinity' AND price < 'Infinity'),
  value         numeric     NOT NULL CHECK (value > '-Infinity' AND value < 'Infinity'),
  multiplier    numeric     NOT NULL DEFAULT 1 CHECK (multiplier > 0 AND multiplier < 'Infinity'),
  PRIMARY KEY (portfolio_id, taken_at, instrument),
  FOREIGN KEY (portfolio_id, taken_at) REFERENCES portfolio_syncs (portfolio_id, taken_at)
);
CREATE INDEX portfolio_positions_by_time ON portfolio_positions (taken_at);
COMMENT ON TABLE portfolio_positions IS 'What was held: all rows of a portfolio and a time are one snapshot';
COMMENT ON COLUMN portfolio_positions.instrument IS 'IBKR''s conid, a market, a code: as its source names it';
COMMENT ON COLUMN portfolio_positions.rate IS 'What one of its currency was worth in that of the portfolio';
COMMENT ON COLUMN portfolio_positions.value IS
  'In its currency: quantity * price * multiplier; of a swap what it has won since its entry';

CREATE TABLE portfolio_values (
  portfolio_id  text             NOT NULL,
  day           date             NOT NULL,
  currency      text             NOT NULL,
  value         numeric          NOT NULL CHECK (value > '-Infinity' AND value < 'Infinity'),
  profit        numeric          CHECK (profit > '-Infinity' AND profit < 'Infinity'),
  daily_return  double precision CHECK (daily_return > '-Infinity' AND daily_return < 'Infinity'),
  reason        text,
  basis         text             NOT NULL CHECK (basis IN ('performance', 'positions')),
  made_at       timestamptz      NOT NULL DEFAULT now(),
  PRIMARY KEY (portfolio_id, day),
  CHECK ((daily_return IS NULL) = (reason IS NOT NULL))
);
COMMENT ON TABLE portfolio_values IS 'What a portfolio was worth at a day''s end (UTC); written once';
COMMENT ON COLUMN portfolio_values.profit IS 'Of what was held, without money paid in or out';
COMMENT ON COLUMN portfolio_values.reason IS 'Why the return is not known';
COMMENT ON COLUMN portfolio_values.basis IS
  'performance: as IBKR reports it, time-weighted; positions: those of the day before at today''s prices';
"""

RISK = """
CREATE TABLE risk_forecasts (
  portfolio_id  text             NOT NULL,
  day           date             NOT NULL,
  method        text             NOT NULL,
  confidence    numeric          NOT NULL CHECK (confidence > 0.5 AND confidence < 1),
  horizon       integer          NOT NULL DEFAULT 1 CHECK (horizon > 0),
  made_at       timestamptz      NOT NULL,
  var           double precision CHECK (var > '-Infinity' AND var < 'Infinity'),
  es            double precision CHECK (es >= var AND es < 'Infinity'),
  observations  integer          CHECK (observations >= 0),
  missing       integer          CHECK (missing > 0),
  note          text,
  stored_at     timestamptz      NOT NULL DEFAULT now(),
  PRIMARY KEY (portfolio_id, day, method, confidence, horizon),
  CHECK (made_at < (day::timestamp AT TIME ZONE 'UTC')),
  CHECK ((var IS NULL) = (missing IS NOT NULL)),
  CHECK ((var IS NULL) = (es IS NULL))
);
CREATE INDEX risk_forecasts_by_day ON risk_forecasts (day);
COMMENT ON TABLE risk_forecasts IS
  'Losses that were forecast for a day, as shares of the value, positive; unchanged once the day has begun';
COMMENT ON COLUMN risk_forecasts.made_at IS 'What was known then went in; before the day';
COMMENT ON COLUMN risk_forecasts.stored_at IS
  'By the clock of the database. After the day''s begin: a replay, from what was known before';
COMMENT ON COLUMN risk_forecasts.missing IS 'Insufficient data: so many returns more are needed';

CREATE TABLE risk_outcomes (
  portfolio_id  text             NOT NULL,
  day           date             NOT NULL,
  method        text             NOT NULL,
  confidence    numeric          NOT NULL,
  horizon       integer          NOT NULL,
  profit        numeric,
  loss          double precision NOT NULL,
  exception     boolean          NOT NULL,
  stored_at     timestamptz      NOT NULL DEFAULT now(),
  PRIMARY KEY (portfolio_id, day, method, confidence, horizon),
  FOREIGN KEY (portfolio_id, day, method, confidence, horizon) REFERENCES risk_forecasts
);
COMMENT ON TABLE risk_outcomes IS 'What a day for which a loss was forecast brought';
COMMENT ON COLUMN risk_outcomes.loss IS 'Share of the value; positive: lost';
COMMENT ON COLUMN risk_outcomes.exception IS 'More was lost than the VaR';

CREATE TABLE risk_validations (
  portfolio_id  text             NOT NULL,
  day           date             NOT NULL,
  method        text             NOT NULL,
  confidence    numeric          NOT NULL,
  test          text             NOT NULL CHECK (
    test IN ('kupiec', 'independence', 'conditional_coverage', 'traffic_light', 'acerbi_szekely')
  ),
  observations  integer          NOT NULL,
  exceptions    integer          NOT NULL,
  statistic     double precision,
  p_value       double precision,
  verdict       text             NOT NULL CHECK (
    verdict IN ('passed', 'failed', 'green', 'yellow', 'red', 'insufficient data')
  ),
  missing       integer          CHECK (missing > 0),
  stored_at     timestamptz      NOT NULL DEFAULT now(),
  PRIMARY KEY (portfolio_id, day, method, confidence, test),
  CHECK ((verdict = 'insufficient data') = (missing IS NOT NULL))
);
CREATE INDEX risk_validations_by_day ON risk_validations (day);
COMMENT ON TABLE risk_validations IS 'Back-tests of the forecasts, over the last 250 outcomes up to a day';
COMMENT ON COLUMN risk_validations.statistic IS 'Of traffic_light: what the multiplier of 3 grows by';
COMMENT ON COLUMN risk_validations.p_value IS
  'Of a result at least as bad if the forecasts are right; of traffic_light: of so many exceptions';

CREATE TABLE risk_measures (
  portfolio_id  text             NOT NULL,
  day           date             NOT NULL,
  measure       text             NOT NULL,
  value         double precision CHECK (value > '-Infinity' AND value < 'Infinity'),
  money         numeric          CHECK (money > '-Infinity' AND money < 'Infinity'),
  note          text,
  stored_at     timestamptz      NOT NULL DEFAULT now(),
  PRIMARY KEY (portfolio_id, day, measure),
  CHECK (num_nonnulls(value, money, note) > 0)
);
COMMENT ON TABLE risk_measures IS 'drawdown, volatility, beta and `stress: <scenario>` at a day''s end';
COMMENT ON COLUMN risk_measures.money IS 'In the currency of the portfolio; negative: lost';
COMMENT ON COLUMN risk_measures.note IS 'Of which benchmark; or why it is not known';

CREATE TABLE risk_assessments (
  id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  day           date        NOT NULL,
  outcome       text        NOT NULL CHECK (outcome IN ('complete', 'failed')),
  reason        text,
  portfolios    integer     NOT NULL DEFAULT 0,
  forecasts     integer     NOT NULL DEFAULT 0,
  insufficient  integer     NOT NULL DEFAULT 0,
  outcomes      integer     NOT NULL DEFAULT 0,
  took          interval    NOT NULL,
  finished_at   timestamptz NOT NULL DEFAULT now(),
  CHECK ((outcome = 'failed') = (reason IS NOT NULL))
);
CREATE INDEX risk_assessments_newest ON risk_assessments (finished_at);
COMMENT ON TABLE risk_assessments IS 'Calculations of risk, a row a day that was worked out, or failed';
COMMENT ON COLUMN risk_assessments.insufficient IS 'Forecasts that could not be made for want of returns';
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(PORTFOLIOS)
    op.execute(RISK)


def downgrade() -> None:
    """Drop them, if they are empty; what refers to another goes first."""
    drop_empty("risk_assessments", "risk_measures", "risk_validations", "risk_outcomes", "risk_forecasts")
    drop_empty("portfolio_values", "portfolio_positions", "portfolio_syncs")
