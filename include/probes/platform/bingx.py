"""BingX, an exchange: its clock, and how far ours is off. Nothing is traded."""

from datetime import UTC, datetime

from include.http.client import Client
from include.probes.outside import outside_probe
from include.probes.probe import Probe, ProbeAnswer, ProbeContext, ServiceDownError
from include.services import find_service

SKEW_LIMIT = 5.0  # seconds; BingX refuses signed orders whose stamp is more than 5 s off by default


def make_probes(context: ProbeContext) -> list[Probe]:
    """Make the probe."""
    return [outside_probe(context, find_service("bingx"), ask_bingx)]


def ask_bingx(client: Client) -> ProbeAnswer:
    """Ask for the exchange's clock and compare it with ours. Raises ServiceError, ServiceDownError."""
    answer = client.get_json("/openApi/swap/v2/server/time")
    try:
        skew = abs(datetime.now(UTC).timestamp() - float(answer["data"]["serverTime"]) / 1000)
    except (KeyError, TypeError, ValueError) as error:
        raise ServiceDownError(f"an answer without the time: {error!r}") from error
    faults = (f"its clock and ours are {skew:.0f} s apart",) if skew > SKEW_LIMIT else ()
    return ProbeAnswer("its clock runs", client.milliseconds, faults, sandbox=client.sandbox)
