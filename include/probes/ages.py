"""How old each kind of data is, against what is promised: the one list of all kinds.

What is promised stands where the thing is made: the schedule of its DAG, as Airflow has it in force. A kind
that nobody promised says why. `sql/queries/probes/read_ages.sql` has the newest of each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from croniter import croniter
from sqlalchemy import Connection

from include.database import sql
from include.probes.probe import Kind
from include.settings import Settings

AgeState = Literal["late", "missing", "in time", "not promised"]

MINUTES = timedelta(minutes=5)  # that what comes each minute may be behind
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class DagSchedule:
    """When Airflow runs a DAG: in UTC as cron (None: not by the clock) and in words, and if it is paused."""

    cron: str | None
    words: str = ""
    paused: bool = False


@dataclass(frozen=True)
class DataKind:
    """A kind of data.

    Attributes:
        name: as in the statement.
        title: what people call it.
        dag: the DAG that makes it, whose schedule is the promise.
        page: where the desk shows it, below its root; None: nowhere.
        grace: how long after its time the DAG may need to have made it.
        unpromised: why its age is not promised, whatever the schedule; None: it is.
    """

    name: str
    title: str
    dag: str | None
    page: str | None
    grace: timedelta = HOUR
    unpromised: str | None = None


KINDS = (
    # A candle of an hour is there an hour after it has opened.
    DataKind("candles", "Candles", "collect_candles", "freshness", HOUR + timedelta(minutes=15)),
    DataKind("fetches", "Questions to candle sources", "collect_candles", "freshness", timedelta(minutes=30)),
    DataKind(
        "snapshots",
        "Market snapshots",
        "generate_signals",
        None,
        unpromised="taken for a signal",
    ),
    DataKind("signals", "Signals", "generate_signals", "trades"),
    DataKind("settled", "Settled trades", "settle_trades", "trades", unpromised="settled when due"),
    DataKind("analyses", "Analyses", "settle_trades", "costs", unpromised="written of settled trades"),
    DataKind("statistics", "Statistics of users", "settle_trades", "performance", timedelta(minutes=30)),
    DataKind("kpis", "Daily statistics and KPIs", "roll_up_stats", "kpis"),
    DataKind("probes", "Probes", None, "probes", MINUTES),
    DataKind("backups", "Backups", None, "backups", timedelta(hours=4)),
    DataKind("drills", "Restore drills", "drill_restore", "backups", timedelta(hours=4)),
    DataKind("audits", "Audits of data quality", "audit_data_quality", "data-docs"),
    DataKind("reports", "Reports", None, "reports", timedelta(hours=4)),
    DataKind("upkeep", "Reports on upkeep", "maintain_database", "maintenance", timedelta(hours=4)),
    DataKind("archive", "Archived rows", "clean_up", None, unpromised="rows go when they are old enough"),
    DataKind("rules", "Evaluations of alert rules", "evaluate_alerts", "alerts", MINUTES),
    DataKind("feedback", "Feedback", None, "monitoring", unpromised="people give it when they like"),
    DataKind("replays", "Replays", "replay_trades", None, unpromised="made when somebody asks"),
)
# Kinds of which each label has a DAG of its own.
DAGS_BY_LABEL = {"probes": "probe_{}", "backups": "back_up_{}", "reports": "report_{}"}


@dataclass(frozen=True)
class NewestOfKind:
    """The newest of a kind (UTC); None: there is none. `expected`: there is work of this kind."""

    kind: DataKind
    label: str
    newest: datetime | None
    expected: bool
    at: datetime  # when it was read


@dataclass(frozen=True)
class DataAge:
    """How old the newest of a kind is, and what was promised.

    Attributes:
        due: when the newest should have been made at the latest; None: at no time.
        promise: the schedule in words, or why there is none.
        dag: the DAG that makes it.
        paused: Airflow starts no run of that DAG.
    """

    kind: DataKind
    label: str
    newest: datetime | None
    age: timedelta | None
    due: datetime | None
    promise: str
    state: AgeState
    dag: str | None
    paused: bool

    @property
    def is_lacking(self) -> bool:
        """Whether it is older than promised, or not there."""
        return self.state in ("late", "missing")


def read_newest(connection: Connection) -> list[NewestOfKind]:
    """Read the newest of each kind."""
    kinds = {kind.name: kind for kind in KINDS}
    rows = connection.execute(sql("probes/read_ages"))
    return [NewestOfKind(kinds[row.kind], row.label, row.newest, row.expected, row.at) for row in rows]


def compare_ages(
    found: Sequence[NewestOfKind], schedules: Mapping[str, DagSchedule], settings: Settings
) -> list[DataAge]:
    """Compare the newest of each kind with what is promised: what is late first, then what is missing."""
    ages = [_compare(one, schedules, _excuse(one, settings)) for one in _complete(found, settings)]
    order: tuple[AgeState, ...] = ("late", "missing", "in time", "not promised")
    titles = [kind.name for kind in KINDS]
    return sorted(ages, key=lambda one: (order.index(one.state), titles.index(one.kind.name), one.label))


def _complete(found: Sequence[NewestOfKind], settings: Settings) -> list[NewestOfKind]:
    """Add what there should be and is not at all, so that each kind, and each source in use, has a line."""
    there, at = {(one.kind.name, one.label) for one in found}, found[0].at
    labels = {"candles": settings.candle_sources, "probes": get_args(Kind)}
    works = {one.kind.name: one.expected for one in found}
    works |= {"candles": works["fetches"], "probes": True}
    absent = [
        NewestOfKind(kind, label, None, works.get(kind.name, False), at)
        for kind in KINDS
        for label in labels.get(kind.name, () if kind.name in works else ("",))
        if (kind.name, label) not in there
    ]
    return [*found, *absent]


def _excuse(one: NewestOfKind, settings: Settings) -> str | None:
    """Why nothing new is expected of a kind now, whatever its DAG's schedule; None: something is."""
    if one.kind.unpromised:
        return one.kind.unpromised
    if one.kind.name == "candles" and one.label == "archive":
        return "an archive grows when somebody adds to it"
    if one.kind.name == "candles" and one.label not in settings.candle_sources:
        return "the setting candle_sources does not name it"
    if one.kind.name == "signals" and not settings.signal_requests:
        return "the setting signal_requests asks for none"
    if not one.expected:
        return "nothing is to be done of this kind now"
    return None


def _compare(one: NewestOfKind, schedules: Mapping[str, DagSchedule], excuse: str | None) -> DataAge:
    by_label = DAGS_BY_LABEL.get(one.kind.name)
    dag = by_label.format(one.label) if by_label and one.label else one.kind.dag
    schedule = schedules.get(dag) if dag else None
    age = None if one.newest is None else one.at - one.newest
    due: datetime | None = None
    state: AgeState = "not promised"
    if excuse is not None:
        promise = excuse
    elif schedule is None:
        promise = f"Airflow does not know the DAG {dag}" if dag else "nobody makes it by the clock"
    elif schedule.cron is None or not croniter.is_valid(schedule.cron):
        promise = f"the DAG {dag} has no schedule"
    else:
        due = croniter(schedule.cron, one.at - one.kind.grace).get_prev(datetime)
        promise = schedule.words or schedule.cron
        state = "missing" if one.newest is None else "late" if one.newest < due else "in time"
    paused = schedule is not None and schedule.paused
    return DataAge(one.kind, one.label, one.newest, age, due, promise, state, dag, paused)
