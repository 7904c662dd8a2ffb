"""Looking after the database: what is vacuumed and analyzed, how it grows, and a report for people.

`note_table_sizes` keeps the sizes of a day, `vacuum_tables` vacuums and analyzes where it pays,
`inspect_database` makes the report that `store_report` keeps and `read_reports` shows.
"""

from include.maintenance.report import (
    DatabaseFinding,
    DatabaseReport,
    Section,
    inspect_database,
    read_growth,
    read_reports,
    store_report,
)
from include.maintenance.vacuum import VacuumedTable, note_table_sizes, vacuum_tables

__all__ = [
    "DatabaseFinding",
    "DatabaseReport",
    "Section",
    "VacuumedTable",
    "inspect_database",
    "note_table_sizes",
    "read_growth",
    "read_reports",
    "store_report",
    "vacuum_tables",
]
