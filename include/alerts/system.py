"""CPU, memory and disks of this machine, as samples for alert rules."""

import platform
from collections.abc import Sequence
from pathlib import Path

import psutil
from sqlalchemy import Engine

from include.database import sql

DISKS = (Path("/"), Path(__file__).parents[2])


def sample_system(engine: Engine, disks: Sequence[Path] = DISKS) -> None:
    """Write down how busy this machine is: `cpu_percent`, `memory_percent`, `disk_percent` by folder.

    CPU time is counted from the machine's sample before, if that is not older than ten minutes: a process
    that lives for a second sees mostly itself. Two folders on one disk are one sample.
    """
    times = psutil.cpu_times()
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)  # are in user, nice
    busy = total - times.idle - getattr(times, "iowait", 0.0)
    samples = [
        {"gauge": "cpu_seconds", "subject": "busy", "value": busy},
        {"gauge": "cpu_seconds", "subject": "total", "value": total},
        {"gauge": "memory_percent", "subject": "", "value": psutil.virtual_memory().percent},
    ]
    devices: set[int] = set()
    for folder in disks:
        device = folder.stat().st_dev
        if device not in devices:
            devices.add(device)
            percent = psutil.disk_usage(str(folder)).percent
            samples.append({"gauge": "disk_percent", "subject": str(folder), "value": percent})
    host = platform.node() or "unknown"
    with engine.begin() as connection:
        connection.execute(sql("alerts/measure_cpu"), {"host": host, "busy": busy, "total": total})
        connection.execute(
            sql("alerts/write_system_sample"), [{"host": host, **sample} for sample in samples]
        )
