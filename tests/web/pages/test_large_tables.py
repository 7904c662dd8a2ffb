"""The pages on a million trades: none of their statements goes through a large table."""

from sqlalchemy import text

from tests.support.plans import explain, read_whole, rows_read, statements_of

USER = "00000000-0000-0000-0000-000000000007"
FEW, SOME = 200, 1_200  # rows of the sample, which has 4,000 trades in all, 11 a day and 40 a user
# What a page reads at most. On performance it is the names that the newest thousand trades bear; on freshness
# the newest 300 trades of each symbol, which are more than the sample has: tests/sql/test_plans.py.
PAGES: dict[str, float] = {
    "overview": FEW,
    "trades": FEW,
    f"trades?user={USER}": FEW,
    "performance": SOME,
    "performance?symbol=COIN3": SOME,
    f"performance?user={USER}": SOME,
    "monitoring?range=30d": FEW,
    "kpis": FEW,
    "freshness": float("inf"),
    "freshness?resolution=1m&window=24h": float("inf"),
    "freshness?symbol=COIN3": float("inf"),
    "backups": FEW,
    "costs": FEW,
    "alerts": FEW,
    "probes": FEW,
    "data-docs": FEW,
    "maintenance": FEW,
    "exports": FEW,
    "reports": FEW,
    "operating": FEW,
}


def test_no_page_goes_through_a_large_table(large, client):
    """Each is looked up by an index, planned as for a million rows, and the rows read are counted."""
    with large.begin() as connection:
        connection.execute(text("DELETE FROM trade_signals WHERE generated_at > now()"))
        trade = connection.execute(
            text("SELECT id FROM trade_signals WHERE status = 'expired' LIMIT 1")
        ).scalar()
    found = {}
    for page, most in {**PAGES, f"trades/{trade}": FEW}.items():
        sent = statements_of(large, client, f"/tradeops/{page}")
        assert sent, page
        large.dispose()  # a session counts its scans until it tells them, a second later: a new one has none
        with large.connect() as connection:
            read = sum(rows_read(explain(connection, *one)) for one in sent)
            whole = read_whole(connection)
        if whole or read > most:
            found[page] = (whole, read)
    assert found == {}


def test_what_is_read_is_noticed(large):
    """Whole tables, also by a function that is one node of a plan, and rows."""
    body = "'SELECT count(*) FROM trade_results WHERE fees_paid > 1'"
    function = f"CREATE FUNCTION pg_temp.look() RETURNS bigint LANGUAGE sql SET work_mem = '8MB' AS {body}"
    large.dispose()
    with large.connect() as connection:
        connection.execute(text(function))
        assert read_whole(connection) == []
        assert rows_read(explain(connection, "SELECT pg_temp.look()", None)) == 0
        assert read_whole(connection) == ["trade_results"]
        plan = explain(connection, "SELECT count(*) FROM trade_signals WHERE ai_model IS NULL", None)
    assert rows_read(plan) > 4_000
