"""Probes: is each service that the platform stands on there, fresh and complete, and how full is its quota?

`PROBES` lists them, `make_probes` makes those of a family, `run_round` asks them all at once and stores what
came of it in `probe_results`; `read_status` reads the newest look at each service.
"""

from include.probes.probe import Probe, ProbeAnswer, ProbeContext, ProbeResult, ServiceDownError
from include.probes.registry import PROBES, make_probes
from include.probes.results import ServiceStatus, read_status
from include.probes.round import run_round, summarise
from include.probes.verdict import window_text

__all__ = [
    "PROBES",
    "Probe",
    "ProbeAnswer",
    "ProbeContext",
    "ProbeResult",
    "ServiceDownError",
    "ServiceStatus",
    "make_probes",
    "read_status",
    "run_round",
    "summarise",
    "window_text",
]
