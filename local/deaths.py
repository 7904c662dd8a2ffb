"""What died of the stack since the last `make up`: the supervisor writes it, `make status` reads it.

`deaths.json`: of each component when it died, its last words and whether it was given up; and the notices
that nobody has been told yet, since the database was away.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from include.telemetry import redact
from local.state import State, read_json, write_json

MOST_DEATHS = 3  # within this time a component that dies is no accident any more
WITHIN = timedelta(minutes=10)
LONGEST_WORDS = 500  # characters


@dataclass
class Deaths:
    """Of one component: the times (UTC) of its deaths, the newest last, and what it said before the last."""

    times: list[str] = field(default_factory=list)
    last_words: str = ""
    given_up: bool = False

    def add(self, at: datetime, words: str) -> None:
        """Enter a death; the third in ten minutes ends the restarts."""
        self.times.append(at.isoformat())
        self.last_words = redact(words)[:LONGEST_WORDS]
        self.given_up = self.recent(at) >= MOST_DEATHS

    def recent(self, at: datetime) -> int:
        """How many lie within ten minutes before this time; later ones are of a clock that was ahead."""
        return sum(at - WITHIN < datetime.fromisoformat(each) <= at for each in self.times)


@dataclass
class Ledger:
    """All components' deaths, by name, and the notices that are still to be written."""

    deaths: dict[str, Deaths] = field(default_factory=dict)
    untold: list[dict[str, str]] = field(default_factory=list)

    def add(self, name: str, words: str, at: datetime) -> Deaths:
        """Enter a death with its notice; give what is known of the component."""
        known = self.deaths.setdefault(name, Deaths())
        known.add(at, words)
        what = (
            "was stopped after its third death in ten minutes" if known.given_up else "died and is restarted"
        )
        self.untold.append(
            {
                "key": f"local stack: {name} {at.isoformat()}",
                "severity": "critical" if known.given_up else "warning",
                "title": f"Local stack: {name} {what}",
                "reason": f"{'make up starts it again. ' if known.given_up else ''}"
                f"Its last words: {known.last_words}",
                "since": at.isoformat(),
            }
        )
        return known


def read_ledger(state: State) -> Ledger:
    """Read the ledger; an empty one where nothing has died.

    Raises:
        StackError: the file is damaged.
    """
    path = state.deaths_file
    if not path.exists():
        return Ledger()
    read: dict[str, Any] = read_json(path)
    deaths = {name: Deaths(**known) for name, known in read["deaths"].items()}
    return Ledger(deaths, list(read["untold"]))


def write_ledger(state: State, ledger: Ledger) -> None:
    """Write it whole or not at all."""
    write_json(state.deaths_file, asdict(ledger))


def begin_anew(state: State) -> None:
    """Forget the deaths: somebody starts the stack. What nobody was told is still to be told."""
    if state.deaths_file.exists():
        write_ledger(state, Ledger(untold=read_ledger(state).untold))


def given_up_lines(ledger: Ledger, names: Sequence[str]) -> list[str]:
    """Say of each component that was given up when, and its last words."""
    return [
        f"{name} was stopped after {MOST_DEATHS} deaths in ten minutes, the last at "
        f"{datetime.fromisoformat(known.times[-1]):%H:%M:%S} UTC. Last words: {known.last_words}"
        for name in names
        if (known := ledger.deaths.get(name)) and known.given_up
    ]
