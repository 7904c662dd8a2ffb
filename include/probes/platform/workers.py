"""The workers that run tasks: with Celery, how many of them answer a ping over the broker?"""

from functools import partial
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from include.probes.probe import Probe, ProbeAnswer, ProbeContext, ServiceDownError
from include.telemetry import redact

if TYPE_CHECKING:
    from celery import Celery

PING_SECONDS = 3.0  # for which answers are gathered


def make_probes(context: ProbeContext) -> list[Probe]:
    """Make the probe. Without Celery, tasks run below the scheduler: that this one does is the answer."""
    url = context.broker_url
    asked = (
        partial(ProbeAnswer, "tasks run below the scheduler, as this look does")
        if url is None
        else partial(ask_broker, url)
    )
    return [Probe("workers", context.kind, asked, own_part=True)]


def ask_broker(url: str) -> ProbeAnswer:
    """Ping all workers by way of the broker. Raises ServiceDownError."""
    from celery import Celery

    with Celery("tradeops-probe", broker=url, set_as_current=False) as app:
        app.conf.update(broker_connection_retry=False, broker_connection_timeout=PING_SECONDS)
        return ping_workers(app, url)


def ping_workers(app: "Celery", url: str, seconds: float = PING_SECONDS) -> ProbeAnswer:
    """Ping the workers of an application; all their answers are waited for. Raises ServiceDownError."""
    started = monotonic()
    try:
        answers = app.control.ping(timeout=seconds)
    except Exception as error:  # celery and kombu let through what their transport raises, of any class
        words = redact(f"{type(error).__name__}: {error}", urlsplit(url).password)[:300]
        raise ServiceDownError(f"the workers cannot be asked: {words}") from error
    if not answers:
        raise ServiceDownError(f"no worker answered a ping within {seconds:g} s")
    return ProbeAnswer(f"{len(answers)} answer a ping", (monotonic() - started) * 1000)
