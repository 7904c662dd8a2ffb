"""Looks of the future: nobody takes them for the newest, and services are asked all the same."""

from include.probes.results import read_last_answers
from tests.support.trades import rows, run

LOOK = (
    "INSERT INTO probe_results (service, kind, status, reason, checked_at, asked_at, check_every, "
    "answer, run_url) "
    "SELECT 'fred', 'government', :status, '', at, at, '1 hour', "
    '\'{"words": "", "newest": null, "expected_by": null, "faults": []}\', \'u\' '
    "FROM (SELECT now() + CAST(:ahead AS interval) AS at) AS moment"
)


def test_the_newest_word_is_one_of_the_past(database):
    run(database, LOOK, status="down", ahead="-2 hours")
    run(database, LOOK, status="healthy", ahead="3 years")
    assert rows(database, "SELECT status, stale FROM probe_status") == [("down", False)]
    run(
        database,
        "UPDATE probe_results SET checked_at = checked_at - interval '5 hours', asked_at = NULL "
        "WHERE status = 'down'",
    )
    assert rows(database, "SELECT status, stale FROM probe_status") == [("down", True)]
    assert read_last_answers(database, ["fred"]) == {}
