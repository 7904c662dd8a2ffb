"""Token access: prices, requirements, holders and their balances, checks, and grants."""

from alembic import op

from sql.migrations.adoption import drop_empty

revision = "0043"
down_revision = "0042"

TABLES = """
CREATE TABLE token_prices (
  source      text        NOT NULL CHECK (source <> ''),
  taken_at    timestamptz NOT NULL,
  price       numeric     CHECK (price > 0 AND price < 'Infinity'),
  refused     text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (taken_at, source),
  CHECK (price IS NOT NULL OR refused IS NOT NULL)
);
COMMENT ON TABLE token_prices IS
  'What each source said of the price, a row a look and source: docs/access.md';
COMMENT ON COLUMN token_prices.taken_at IS
  'The look, which its sources share: the time of the run that asked';
COMMENT ON COLUMN token_prices.price IS 'US dollars for one token; null: it said none';
COMMENT ON COLUMN token_prices.refused IS 'Why it does not count; null: it does';

CREATE TABLE token_requirements (
  valid_from     timestamptz PRIMARY KEY,
  requirement    numeric     CHECK (
    requirement > 0 AND requirement < 'Infinity' AND requirement = trunc(requirement)
  ),
  average_price  numeric     CHECK (average_price > 0 AND average_price < 'Infinity'),
  outcome        text        NOT NULL DEFAULT 'kept' CHECK (
    outcome IN ('first', 'raised', 'lowered', 'kept', 'frozen')
  ),
  reason         text        NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  CHECK (requirement IS NOT NULL OR outcome = 'frozen')
);
CREATE INDEX token_requirements_changed ON token_requirements (valid_from)
  WHERE outcome IN ('first', 'raised', 'lowered');
COMMENT ON TABLE token_requirements IS
  'How many tokens are required, a row a decision, also where nothing changed';
COMMENT ON COLUMN token_requirements.requirement IS 'In tokens; null: none was known yet';
COMMENT ON COLUMN token_requirements.average_price IS
  'US dollars, of the window that ends then; null: no price';
COMMENT ON COLUMN token_requirements.outcome IS
  'frozen: a price was missing or doubtful, and the requirement stayed as it was';

CREATE TABLE token_holders (
  user_id     uuid        NOT NULL,
  wallet      text        NOT NULL CHECK (wallet ~ '^[1-9A-HJ-NP-Za-km-z]{32,44}\\Z'),
  added_at    timestamptz NOT NULL DEFAULT now(),
  removed_at  timestamptz,
  proof       text,
  PRIMARY KEY (wallet, added_at),
  CHECK (removed_at >= added_at)
);
CREATE UNIQUE INDEX token_holders_once ON token_holders (wallet) WHERE removed_at IS NULL;
CREATE INDEX token_holders_by_user ON token_holders (user_id);
COMMENT ON TABLE token_holders IS
  'Whose wallet it is; several may be of one user, none is of two. A wallet given up gets removed_at';
COMMENT ON COLUMN token_holders.wallet IS 'The owner of token accounts on Solana, in base58';
COMMENT ON COLUMN token_holders.proof IS
  'What proved that the wallet is the user''s, such as a signature. The platform checks it, we keep it';

CREATE TABLE token_balances (
  wallet      text        NOT NULL,
  checked_at  timestamptz NOT NULL,
  amount      numeric     CHECK (amount >= 0 AND amount = trunc(amount) AND amount < 'Infinity'),
  decimals    smallint    CHECK (decimals BETWEEN 0 AND 255),
  slot        bigint      CHECK (slot >= 0),
  reason      text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (wallet, checked_at),
  CHECK ((amount IS NULL) = (reason IS NOT NULL)),
  CHECK (amount IS NULL OR (decimals IS NOT NULL AND slot IS NOT NULL))
);
COMMENT ON TABLE token_balances IS
  'Balances where they changed: a check that found the same as before writes no row';
COMMENT ON COLUMN token_balances.checked_at IS 'The check that read it: access_checks';
COMMENT ON COLUMN token_balances.amount IS
  'Of all token accounts of the wallet, in the smallest unit; null: it could not be read, reason says why';
COMMENT ON COLUMN token_balances.slot IS 'Of Solana, at which it was so';

CREATE TABLE access_checks (
  checked_at     timestamptz PRIMARY KEY,
  run_id         text        NOT NULL,
  claim          uuid        NOT NULL,
  claimed_until  timestamptz NOT NULL,
  read_to        text        NOT NULL DEFAULT '',
  wallets        integer     NOT NULL DEFAULT 0,
  unreadable     integer     NOT NULL DEFAULT 0,
  slot           bigint      NOT NULL DEFAULT 0,
  started_at     timestamptz NOT NULL DEFAULT now(),
  finished_at    timestamptz
);
COMMENT ON TABLE access_checks IS
  'Runs that read all balances; one that did not finish has no finished_at';
COMMENT ON COLUMN access_checks.claim IS
  'Under which rows are written: whoever takes the check over has another';
COMMENT ON COLUMN access_checks.read_to IS 'The last wallet that was read, in their order';
COMMENT ON COLUMN access_checks.slot IS
  'The highest slot so far; no later check accepts an earlier one';

CREATE TABLE access_grants (
  user_id        uuid        NOT NULL,
  state          text        NOT NULL CHECK (state IN ('full', 'grace', 'none', 'unknown')),
  since          timestamptz NOT NULL,
  grace_ends_at  timestamptz,
  held_since     timestamptz,
  reason         text        NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, since),
  CHECK ((state = 'grace') = (grace_ends_at IS NOT NULL)),
  CHECK (grace_ends_at > since),
  CHECK (state <> 'none' OR held_since IS NULL)
);
CREATE INDEX access_grants_by_time ON access_grants (since);
CREATE INDEX access_grants_in_grace ON access_grants (grace_ends_at) WHERE state = 'grace';
CREATE TABLE access_counts (
  judged_at        timestamptz PRIMARY KEY,
  full_holders     integer     NOT NULL,
  grace_holders    integer     NOT NULL,
  none_holders     integer     NOT NULL,
  unknown_holders  integer     NOT NULL
);
COMMENT ON TABLE access_counts IS 'How many holders were in each state, a row a judgement of all of them';

COMMENT ON TABLE access_grants IS
  'Who has access: a row a change, the newest of a user counts. Rows are kept';
COMMENT ON COLUMN access_grants.state IS
  'full; grace: what sufficed before a raise still does; none; unknown: nobody can say, nothing is denied';
COMMENT ON COLUMN access_grants.held_since IS
  'Since when access was not lost, also while it is unknown; null: there is none to lose';
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them, if they are empty."""
    drop_empty(
        "access_grants",
        "access_counts",
        "access_checks",
        "token_balances",
        "token_holders",
        "token_requirements",
        "token_prices",
    )
