"""A round: all probes at once, each within its own time; one that hangs neither delays nor hides others."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic, sleep

from sqlalchemy import Engine

from include.http import (
    BadAnswerError,
    QuotaUnknownError,
    RequestRefusedError,
    ServiceError,
    ServiceUnavailableError,
)
from include.probes.probe import NotInUseError, Probe, ProbeAnswer, ProbeResult, Quota, ServiceDownError
from include.probes.results import read_last_answers, read_quotas, write_results
from include.probes.verdict import as_answer, judge, not_known, still, was_sent
from include.telemetry import redact

logger = logging.getLogger(__name__)

Outcome = ProbeAnswer | Exception
FAILURES = (ServiceDownError, ServiceUnavailableError, BadAnswerError)  # which another asking may not meet
PAUSED_INTERVALS = 3  # intervals without any result: the platform was down, or is new
RETRY_SECONDS = 15.0  # seconds until a part that may be starting is asked again


def run_round(
    engine: Engine,
    probes: Sequence[Probe],
    *,
    every: timedelta,
    quota_share: float,
    run_url: str,
    patience: timedelta = timedelta(0),
    confirm: timedelta = timedelta(0),
) -> list[ProbeResult]:
    """Look at every service, store and log the results, and give them in the order of the probes.

    A service whose quota would suffer is not asked again: its last answer counts, and its age is said.

    Args:
        engine: the platform's database.
        probes: one for each service.
        every: how often such a round is run; far older results are stale.
        quota_share: share of a service's quota that asking may use.
        run_url: where people find this run.
        patience: in the first round after a pause, parts that do not answer may still be starting: they are
            asked again for so long.
        confirm: who fails is asked once more, so long after the first asking: a hiccup is no outage.

    Raises:
        ExceptionGroup: probes that broke by themselves; the results of all are stored before.
        DatabaseError, SQLAlchemyError: the results cannot be stored; they are in the log.
    """
    asked = [probe for probe in probes if probe.ask]
    began = datetime.now(UTC)
    last = read_last_answers(engine, [probe.service for probe in asked])
    resting = {
        probe.service
        for probe in asked
        if probe.service in last and began < last[probe.service][0] + _pause(probe, last, quota_share)
    }
    awake = [probe for probe in asked if probe.service not in resting]
    outcomes = ask_all(awake, confirm)
    if not any(began - at <= PAUSED_INTERVALS * every for at, _ in last.values()):
        outcomes |= _ask_again(awake, outcomes, patience)
    quotas = read_quotas(engine)
    now = datetime.now(UTC)
    results, broken = [], []
    for probe in probes:
        outcome = outcomes.get(probe.service)
        used = quotas.get(probe.limited_by or "", ())
        if probe.ask is None:
            results.append(not_known(probe, probe.why_not, now))
        elif outcome is None:
            asked_at, answer = last[probe.service]
            results.append(judge(probe, answer, used, asked_at, now))
        elif isinstance(outcome, ProbeAnswer):
            results.append(judge(probe, outcome, used, now, now))
        elif isinstance(outcome, NotInUseError):
            results.append(not_known(probe, str(outcome), now))
        elif isinstance(outcome, ServiceDownError):
            results.append(judge(probe, ProbeAnswer("", broken=str(outcome)), used, now, now))
        elif isinstance(outcome, ServiceError):
            results.append(_after_failure(probe, outcome, used, last.get(probe.service), now))
        else:
            outcome.add_note(f"the probe of {probe.service}")
            broken.append(outcome)
            words = redact(f"the probe itself failed, {type(outcome).__name__}: {outcome}")[:500]
            results.append(not_known(probe, words, now))
    logger.info("%s", as_table(results))
    write_results(engine, results, every, run_url)
    if broken:
        raise ExceptionGroup("probes failed by themselves; the results of all are stored", broken)
    return results


def ask_all(probes: Sequence[Probe], confirm: timedelta = timedelta(0)) -> dict[str, Outcome]:
    """Ask all at once; give for each service its answer, or what it failed with, within its time.

    With `confirm`, who fails is asked once more, so long after the first asking and within the same time.
    """
    done: SimpleQueue[tuple[str, Outcome]] = SimpleQueue()
    deadlines = {}
    for probe in probes:
        deadlines[probe.service] = monotonic() + probe.timeout
        # A daemon: whoever hangs must not keep the process from its end, as a pool's threads would.
        Thread(target=_ask, args=(probe, done, confirm), name=f"probe {probe.service}", daemon=True).start()
    outcomes: dict[str, Outcome] = {}
    while waiting := {name: end for name, end in deadlines.items() if name not in outcomes}:
        try:
            name, outcome = done.get(timeout=max(0.0, min(waiting.values()) - monotonic()))
            outcomes.setdefault(name, outcome)
        except Empty:
            for probe in probes:
                if waiting.get(probe.service, float("inf")) <= monotonic():
                    outcomes[probe.service] = ServiceDownError(f"no answer within {probe.timeout:g} s")
    return outcomes


def as_table(results: Sequence[ProbeResult]) -> str:
    """The results as lines of a table, for the task's log."""
    rows = [("service", "status", "latency", "freshness", "quota", "reason")]
    for result in results:
        quota = f"{result.quota_used}/{result.quota_limit}" if result.quota_limit else ""
        latency = "" if result.latency_ms is None else f"{result.latency_ms:.0f} ms"
        reason = result.reason + (" [sandbox]" if result.sandbox else "")
        rows.append(
            (result.service, result.status or "unknown", latency, result.freshness or "", quota, reason)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(["Looked at:", *("  ".join([*map(str.ljust, row[:5], widths), row[5]]) for row in rows)])


def summarise(results: Sequence[ProbeResult]) -> dict[str, list[str]]:
    """Names of services by status, for XCom; `unknown` are those that were not asked."""
    return {
        status or "unknown": [result.service for result in results if result.status == status]
        for status in ("healthy", "degraded", "down", None)
    }


def _ask_again(
    probes: Sequence[Probe], outcomes: dict[str, Outcome], patience: timedelta
) -> dict[str, Outcome]:
    """Ask those again that did not answer, until they do or patience ends; give their new outcomes."""
    end = monotonic() + patience.total_seconds()
    again: dict[str, Outcome] = {}
    while monotonic() + RETRY_SECONDS < end:
        latest = {**outcomes, **again}
        failing = [probe for probe in probes if isinstance(latest.get(probe.service), FAILURES)]
        if not failing:
            break
        names = ", ".join(probe.service for probe in failing)
        logger.info("the platform may still be starting, asked again in %g s: %s", RETRY_SECONDS, names)
        sleep(RETRY_SECONDS)
        again |= ask_all(failing)
    return again


def _ask(probe: Probe, done: "SimpleQueue[tuple[str, Outcome]]", confirm: timedelta) -> None:
    began = monotonic()
    outcome = _outcome(probe)
    if confirm and isinstance(outcome, FAILURES):
        sleep(max(0.0, began + confirm.total_seconds() - monotonic()))
        outcome = _outcome(probe)
    done.put((probe.service, outcome))


def _outcome(probe: Probe) -> Outcome:
    assert probe.ask is not None  # noqa: S101 - the round asks no others
    try:
        return probe.ask()
    except Exception as error:  # what it is, the round decides
        return error


def _pause(probe: Probe, last: dict[str, tuple[datetime, ProbeAnswer]], share: float) -> timedelta:
    """How long the last answer counts: a failure only as long as the quota demands."""
    spacing = probe.spacing(share)
    return spacing if last[probe.service][1].broken else max(spacing, probe.pause)


def _after_failure(
    probe: Probe,
    error: ServiceError,
    used: tuple[Quota, ...],
    last: tuple[datetime, ProbeAnswer] | None,
    now: datetime,
) -> ProbeResult:
    answer = as_answer(error)
    if was_sent(error):
        return judge(probe, answer, used, now, now)
    if isinstance(error, QuotaUnknownError | RequestRefusedError):  # our own database, our own configuration
        return not_known(probe, f"not asked: {error.message}", now)
    if last and not answer.broken:  # a pause that it asked for: what it said before still holds
        return judge(probe, still(last[1], answer), used, last[0], now)
    return judge(probe, answer, used, None, now)
