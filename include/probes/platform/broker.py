"""Celery's broker: does it answer a ping?"""

from functools import partial
from time import monotonic
from urllib.parse import urlsplit

from include.probes.probe import REQUEST_SECONDS, Probe, ProbeAnswer, ProbeContext, ServiceDownError
from include.telemetry import redact


def make_probes(context: ProbeContext) -> list[Probe]:
    """Make the probe; LocalExecutor has no broker."""
    url = context.broker_url
    if url is None:
        return [Probe("broker", context.kind, None, "not in use: the executor needs no broker")]
    if urlsplit(url).scheme not in ("redis", "rediss"):
        return [Probe("broker", context.kind, None, "no probe for this kind of broker, only for redis")]
    return [Probe("broker", context.kind, partial(ask_redis, url), own_part=True)]


def ask_redis(url: str, seconds: float = REQUEST_SECONDS / 2) -> ProbeAnswer:
    """Ping the broker; connecting and answering may each take `seconds`. Raises ServiceDownError."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    started = monotonic()
    try:
        with redis.Redis.from_url(
            url, socket_connect_timeout=seconds, socket_timeout=seconds, retry=Retry(NoBackoff(), 0)
        ) as client:
            answer = client.ping()
            latency = (monotonic() - started) * 1000
    except (redis.RedisError, OSError, ValueError) as error:
        raise ServiceDownError(
            redact(str(error), urlsplit(url).password)[:300] or type(error).__name__
        ) from error
    if answer is not True:
        raise ServiceDownError(f"answered a ping with {answer!r}")
    return ProbeAnswer("answers a ping", latency)
