"""Security: logins, API keys, what was held back and brought back. What nobody records is said to be so."""

from include.database import sql
from include.reports.figures import Figure, FigureColumn, ReportSection, Table, compare, left_out_note
from include.reports.reading import Reading, time_text

MAX_ROWS = 15  # events that are listed
LOGINS_UNKNOWN = (
    "Airflow 3.3 does not record them: its simple auth manager answers 401 and writes no row. The FAB auth "
    "manager counts failures since the last good login (ab_user.fail_login_count), without times, in "
    "Airflow's own database, which no task can read. The api-server's access log has the 401s"
)


def measure(reading: Reading) -> ReportSection:
    """Count what bears on security in a period."""
    rows = reading.by_moments("measure_security")
    begun = reading.unknown(None)
    refused = reading.by_moments("count_refused_calls")
    used = reading.connection.execute(
        sql("reports/count_used_keys"), {"begins": reading.period.begins_at}
    ).scalar_one()
    named = (
        ("keys_made", "API keys made"),
        ("keys_revoked", "API keys revoked"),
        ("silences", "Silences of alerts"),
        ("restores", "Restores of the database"),
        ("freezes", "Freezes of the platform"),
    )
    figures = [
        Figure("failed_logins", "Failed logins to Airflow", "count", None, why=LOGINS_UNKNOWN, good="down"),
        compare(
            "refused_calls",
            "API calls refused at the door (no or wrong key, too many, unknown path)",
            "count",
            [row.refused for row in refused],
            good="down",
            unknown_before=reading.unknown(reading.settings.keep_metrics),
        ),
        *(
            compare(name, label, "count", [getattr(row, name) for row in rows], unknown_before=begun)
            for name, label in named
        ),
        Figure(
            "keys_used", "API keys used since the period began (a key notes its last use only)", "count", used
        ),
    ]
    found = reading.of_moments("list_security_events", limit=MAX_ROWS)
    table = Table(
        "security_events",
        "Keys, silences, freezes, restores",
        (FigureColumn("At (UTC)"), FigureColumn("What"), FigureColumn("Who"), FigureColumn("Details")),
        [[time_text(row.at), row.what, row.who or "", row.detail or ""] for row in found],
        left_out_note(found[0].events - len(found), "events") if found else "Nothing of the kind happened.",
    )
    notes = reading.coverage_notes("Measurements of the API", "keep_metrics", reading.settings.keep_metrics)
    return ReportSection("security", "Security", figures, [table], notes)
