"""Archive, then delete: what is kept for how long, and how old rows leave the database without regret.

`retention_rules` says what is kept, `count_due` what would go, `clean_table` archives rows to Parquet, reads
them back to verify them, and deletes them; `load_archived_rows` brings them back.
"""

from include.retention.archive import Cleaned, CleaningLimits, RetentionError
from include.retention.clean import Due, clean_table, count_due
from include.retention.load_back import load_archived_rows
from include.retention.rules import Rule, retention_rules

__all__ = [
    "Cleaned",
    "CleaningLimits",
    "Due",
    "RetentionError",
    "Rule",
    "clean_table",
    "count_due",
    "load_archived_rows",
    "retention_rules",
]
