"""The totals behind /metrics: what was counted by the rows is added to them now and then."""

from sqlalchemy import Connection

from include.database import sql

FOLDED = 50_000  # rows of metric_changes at a time: a tenth of a second


def fold_changes(connection: Connection) -> int:
    """Add what was counted to the totals, in the connection's transaction; give the number of rows taken.

    Nobody waits for it, and whoever reads the view metric_values sees the same before and after. It keeps the
    table of changes short, and those of the sums by the hour and by status: each scrape does it, and each
    evaluation of the alert rules, where nobody scrapes. What is kept by user (`trade_counts`,
    `trade_versions`) is merged by the sweep: to look at every user costs a scrape too much.
    """
    taken: int = connection.execute(sql("telemetry/fold_changes"), {"most": FOLDED}).scalar_one()
    connection.execute(sql("telemetry/merge_kept_sums"))
    return taken
