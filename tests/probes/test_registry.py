"""A probe is a file and a line in the table; without its line nobody knows it."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from include.probes import PROBES, ProbeContext, make_probes, read_status, run_round
from include.settings import Settings
from tests.probes.conftest import CONTACT, NO_PAUSE, RUN

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", PROBES)
def test_every_line_is_a_file_that_makes_probes(kind):
    files = {
        path.stem
        for path in (ROOT / "include" / "probes" / kind).glob("*.py")
        if "def make_probes(" in path.read_text()
    }
    assert files == set(PROBES[kind])


@pytest.mark.parametrize("kind", PROBES)
def test_each_probe_is_made_by_its_line_and_is_of_its_family(database, connections, kind):
    context = ProbeContext(kind, database, Settings(), connections)
    for name in PROBES[kind]:
        made = make_probes(context, [name])
        assert made
        assert {probe.kind for probe in made} == {kind}


def test_without_its_line_a_service_is_unknown_and_its_last_row_says_so(database, connections):
    context = ProbeContext("government", database, Settings(contact=CONTACT), connections)

    def status_of_census(names):
        probes = make_probes(context, names)
        run_round(database, probes, every=timedelta(hours=1), quota_share=NO_PAUSE, run_url=RUN)
        (found,) = [one for one in read_status(database) if one.service == "census"]
        return found

    assert status_of_census(["sec", "census"]).status == "healthy"
    left = status_of_census(["sec"])
    assert (left.status, left.stale) == (None, False)
    assert left.reason == "no longer looked at"


def test_the_docs_name_every_line_of_the_table_and_no_other():
    section = re.search(r"## Which services\n(.*?)\n## ", (ROOT / "docs" / "probes.md").read_text(), re.S)[1]
    documented = [row.split("|")[1].strip(" `") for row in section.splitlines() if row.startswith("| ")][1:]
    listed = [name for names in PROBES.values() for name in names]
    assert sorted(documented) == sorted(listed)
