"""The page on the database's upkeep."""

from uuid import uuid4

from sqlalchemy import text

from include.maintenance import DatabaseFinding, DatabaseReport, Section, store_report
from include.web.pages.maintenance import numeric_columns

NASTY = "<script>alert(1)</script>"


def store(database, run, *findings):
    section = Section("Sizes", ("table", "size"), [["trade_signals", "1 MiB"], [NASTY, None]], "a note")
    return store_report(
        database, DatabaseReport("weekly", f"http://airflow/{run}", list(findings), [section])
    )


def test_without_a_report_the_page_says_what_to_do(client):
    assert "There is no report yet" in client.get("/tradeops/maintenance").text


def test_findings_come_first_and_nothing_is_taken_for_markup(client, database):
    store(
        database,
        "one",
        DatabaseFinding("info", "mentioned", "wait"),
        DatabaseFinding("warning", "urgent", "act"),
    )
    page = client.get("/tradeops/maintenance").text
    assert page.index("urgent") < page.index("mentioned") < page.index("trade_signals")
    assert NASTY not in page and "&lt;script&gt;" in page
    assert "1 warning<" in page


def test_older_reports_and_unknown_ones(client, database):
    old = store(database, "old", DatabaseFinding("info", "an old word", ""))
    with database.begin() as connection:
        connection.execute(text("UPDATE maintenance_reports SET created_at = now() - interval '7 days'"))
    store(database, "new")
    assert "an old word" not in client.get("/tradeops/maintenance").text
    assert "an old word" in client.get(f"/tradeops/maintenance?report={old}").text
    unknown = client.get(f"/tradeops/maintenance?report={uuid4()}")
    assert unknown.status_code == 404 and "No such report" in unknown.text


def test_growth_is_a_picture(client, database):
    assert "<svg" not in client.get("/tradeops/maintenance").text
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO table_sizes "
                "SELECT (now() AT TIME ZONE 'UTC')::date - n, 'x', 1024 * (10 - n), 0 "
                "FROM generate_series(0, 5) AS n"
            )
        )
    page = client.get("/tradeops/maintenance").text
    assert "<path" in page and "from 5.0 KiB to 10.0 KiB" in page


def test_numbers_and_sizes_stand_at_the_right():
    rows = [["trades", "1.5 GiB", "1200", "", "7 days"], ["backups", "16 B", "0", "3.5", "None"]]
    assert numeric_columns(Section("Sizes", ("a", "b", "c", "d", "e"), rows)) == {1, 2, 3}
    assert numeric_columns(Section("Sizes", ("a",), [])) == set()
