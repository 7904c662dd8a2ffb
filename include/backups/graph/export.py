"""An export of a graph over Bolt: lines as they are read, summed up on their way."""

import hashlib
from array import array
from collections.abc import Iterator
from typing import TYPE_CHECKING

from include.backups.graph.content import BEGINNING, ContentSums, GraphFacts, as_sums, join_lines, write_line
from include.backups.graph.server import PAGE, RESTORED, GraphServer
from include.backups.manifest import BackupError

if TYPE_CHECKING:
    import numpy as np


class GraphExport:
    """The text of a graph, read once; its facts are known at its end.

    A graph database of this kind has no snapshot that a reader could ask for: what is written meanwhile may
    be in the export or not. A relationship to a node that came too late is left out and counted, so that what
    is exported can always be restored. That takes 8 bytes of memory a node; all else is of one size.
    """

    def __init__(self, server: GraphServer, page: int = PAGE) -> None:
        self.sums = ContentSums()
        self.left_out = 0
        self._server, self._page = server, page

    def chunks(self) -> Iterator[bytes]:
        """The text.

        Raises:
            BackupError: the graph cannot be read, or is one that a restore has not finished.
        """
        yield from join_lines(self._lines())

    def facts(self) -> GraphFacts:
        """What was exported."""
        agent, version = self._server.version()
        return GraphFacts(
            database=self._server.login.database,
            server=agent,
            version=version,
            snapshot=False,
            nodes=as_sums(self.sums.nodes),
            relationships=as_sums(self.sums.relationships),
            schema=tuple(self.sums.schema),
        )

    def _lines(self) -> Iterator[bytes]:
        if marks := self._server.markers():
            raise BackupError(
                f"The graph is one that a restore of {marks[0]['mark'].get('backup')} has not finished: "
                "finish it, or restore another backup, with restore_graph."
            )
        if self._server.ask(f"MATCH (n:{RESTORED}) RETURN 1 AS found LIMIT 1"):
            raise BackupError(f"The graph has nodes with the label {RESTORED}, which only restores may give.")
        keys = array("Q")
        known: np.ndarray | None = None
        yield write_line(BEGINNING)
        for line, row in self._server.content(self._page):
            if row[0] == "node":
                keys.append(_hash(row[1]))
            elif row[0] == "relationship":
                if known is None:
                    known = _sorted(keys)
                if not (_is_in(known, row[1]) and _is_in(known, row[3])):
                    self.left_out += 1
                    continue
            self.sums.add(line, row)
            yield line
        yield write_line(["end", *self.sums.totals()])


def _hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")


def _sorted(keys: "array[int]") -> "np.ndarray":
    import numpy as np

    known = np.frombuffer(keys, dtype=np.uint64) if keys else np.empty(0, np.uint64)
    known.sort()  # in its place: there may be many
    return known


def _is_in(known: "np.ndarray", key: str) -> bool:
    import numpy as np

    wanted = np.uint64(_hash(key))
    place = int(np.searchsorted(known, wanted))
    return place < len(known) and bool(known[place] == wanted)
