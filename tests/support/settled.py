"""Settled trades for the tests of the analysis."""

from sqlalchemy import Engine

from tests.support.trades import insert, run


def settled(database: Engine, count: int = 1, **changes: object) -> list[str]:
    """Insert trades that are settled and lack an analysis; answer with their ids."""
    ids = insert(database, *[changes for _ in range(count)])
    run(
        database,
        """
        INSERT INTO trade_results (trade_signal_id, exit_reason, actual_entry_price, net_profit_loss,
          profit_loss_percentage, entry_at, exit_at, time_to_completion_minutes, data_resolution, data_source)
        SELECT id, 'targets', 100, 16.962, 1.6962, generated_at + interval '1 minute',
          generated_at + interval '31 minutes', 31, '1m', 'archive'
        FROM trade_signals
        WHERE id = ANY(CAST(:ids AS uuid[]))
        """,
        ids=ids,
    )
    run(
        database,
        "UPDATE trade_signals SET status = 'completed_success', completed_at = now() "
        "WHERE id = ANY(CAST(:ids AS uuid[]))",
        ids=ids,
    )
    return ids
