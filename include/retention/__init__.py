"""Archive, then delete: what is kept for how long, and how old rows leave the database without regret.

`retention_rules` says what is kept, `count_due` what would go, `clean` archives rows to Parquet, proves the
archive by reading it back, and deletes them; `load_back` brings them back.
"""

from include.retention.archive import Cleaned, RetentionError
from include.retention.clean import Due, clean, count_due
from include.retention.load_back import load_back
from include.retention.rules import Rule, retention_rules

__all__ = [
    "Cleaned",
    "Due",
    "RetentionError",
    "Rule",
    "clean",
    "count_due",
    "load_back",
    "retention_rules",
]
