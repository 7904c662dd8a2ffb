"""Which services are looked at: a line each, and a file each in the folder of its family.

A file has `make_probes(context)`, which gives its probes: one, or one for each thing of its kind that is
configured. What has no line here nobody asks; the next round closes what was known of it.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module

from include.probes.probe import Kind, Probe, ProbeContext

PROBES: Mapping[Kind, Sequence[str]] = {
    "government": (
        "sec",
        "fred",
        "bls",
        "census",
    ),
    "platform": (
        "postgres",
        "airflow",
        "workers",
        "broker",
        "storage",
        "llm",
        "candle_sources",
        "bingx",
        "ibkr",
        "solana",
    ),
}


def make_probes(context: ProbeContext, names: Sequence[str] | None = None) -> list[Probe]:
    """Make the probes of the context's family, or those of `names` only, in the order of the table."""
    probes: list[Probe] = []
    for name in PROBES[context.kind] if names is None else names:
        probes += import_module(f"include.probes.{context.kind}.{name}").make_probes(context)
    return probes
