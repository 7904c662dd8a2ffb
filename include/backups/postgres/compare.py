"""Comparing a restored database with what the manifest says of it: by meaning, and naming what differs."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from include.backups.postgres.facts import DatabaseFacts, TableFacts
from include.backups.postgres.schema import compare_objects
from include.backups.postgres.server import administer
from include.backups.postgres.snapshot import measure_database, read_hashed
from include.humanize import some_text

MAX_DIFFERENCES_NAMED = 5  # differences that a message names


def compare_database(url: str, facts: DatabaseFacts) -> list[str]:
    """Compare a restored database with what the manifest says of it; give the differences in words.

    Encoding and sorting, schema, schema revisions, extensions, and of every table the rows and, where the
    manifest has it, the checksum. An extension may come in another version. Sequences may be ahead: they know
    no snapshot. An older manifest says nothing of encoding, sorting and schema.
    """
    checksums = any(table.checksum is not None for table in facts.tables.values())
    found = measure_database(url, checksums=checksums)
    with administer(url) as connection:
        roots = {row.name: row.root for row in read_hashed(connection)}
    different = list(_compare_shapes(facts.shape, found.shape))
    if found.revisions != facts.revisions:
        different.append(f"revisions: {found.revisions} instead of {facts.revisions}")
    gone = sorted(facts.extensions.keys() - found.extensions.keys())
    different += [f"extension {name}: not restored" for name in gone]
    if facts.objects:
        same = _major(facts) == _major(found)
        different += compare_objects(facts.objects, found.objects, same_version=same)
    different += _compare_tables(_by_root(facts.tables, roots), _by_root(found.tables, roots))
    for name, last in facts.sequences.items():
        if name not in found.sequences or (last or 0) > (found.sequences[name] or 0):
            different.append(f"sequence {name}: {found.sequences.get(name)} instead of {last}")
    return different


def in_short(differences: list[str]) -> str:
    """The first few differences, and how many more there are."""
    return some_text(differences, MAX_DIFFERENCES_NAMED, "; ")


def _major(facts: DatabaseFacts) -> str:
    return facts.server_version.split(".")[0]


def _compare_shapes(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for what in sorted(then.keys() | now.keys()) if then else ():
        if then.get(what) != now.get(what):
            yield f"{what}: {now.get(what)} instead of {then.get(what)}"


def _compare_tables(then: Mapping[str, TableFacts], now: Mapping[str, TableFacts]) -> Iterator[str]:
    for name in sorted(then.keys() | now.keys()):
        if name not in then:
            yield f"{name}: not in the backup"
        elif name not in now:
            yield f"{name}: not restored"
        elif then[name].rows != now[name].rows:
            yield f"{name}: {now[name].rows} rows instead of {then[name].rows}"
        elif then[name].checksum is not None and then[name].checksum != now[name].checksum:
            yield f"{name}: as many rows, but other values"


def _by_root(tables: Mapping[str, TableFacts], roots: Mapping[str, str]) -> dict[str, TableFacts]:
    """Partitions by hash as one table: a restore may put a row into another one of them."""
    together: dict[str, list[TableFacts]] = defaultdict(list)
    for name, facts in tables.items():
        together[roots.get(name, name)].append(facts)
    return {name: _sum(parts) for name, parts in together.items()}


def _sum(parts: list[TableFacts]) -> TableFacts:
    sums = [int(part.checksum) for part in parts if part.checksum is not None]
    return TableFacts(
        rows=sum(part.rows for part in parts),
        checksum=str(sum(sums)) if len(sums) == len(parts) else None,
    )
