"""What is sampled of the machine itself."""

import psutil
import pytest
from sqlalchemy import text

from include.alerts.system import sample_system
from tests.alerts.passes import ask


def test_machines_are_sampled(database, tmp_path):
    sample_system(database, [tmp_path, tmp_path.parent])  # one disk
    first = ask(database, "SELECT gauge, subject, value FROM system_samples ORDER BY gauge, subject")
    assert [row.gauge for row in first] == ["cpu_seconds", "cpu_seconds", "disk_percent", "memory_percent"]
    assert first[2].subject == str(tmp_path)
    assert first[2].value == pytest.approx(psutil.disk_usage(str(tmp_path)).percent, abs=2)
    assert 0 < first[3].value <= 100
    with database.begin() as connection:  # a minute ago: half of 60 s of CPU time were used since
        connection.execute(
            text(
                "UPDATE system_samples SET at = at - interval '1 minute', "
                "value = value - CASE subject WHEN 'total' THEN 60 WHEN 'busy' THEN 30 ELSE 0 END"
            )
        )
    sample_system(database, [tmp_path])
    percent = ask(database, "SELECT value FROM system_samples WHERE gauge = 'cpu_percent'")
    assert [row.value for row in percent] == [pytest.approx(50, abs=5)]


def test_a_restarted_machine_gives_no_cpu_percent(database, tmp_path):
    sample_system(database, [tmp_path])
    with database.begin() as connection:
        connection.execute(
            text("UPDATE system_samples SET at = at - interval '1 minute', value = value + 1000000")
        )
    sample_system(database, [tmp_path])
    assert ask(database, "SELECT FROM system_samples WHERE gauge = 'cpu_percent'") == []
