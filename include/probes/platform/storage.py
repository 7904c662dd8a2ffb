"""The store that `probe_storage` names: can an object be written, found and deleted?"""

import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic

from include.probes.probe import Probe, ProbeAnswer, ProbeContext, ServiceDownError
from include.storage import Storage, StorageError

OBJECT_PREFIX = "probes/"  # of the objects that are written to the store
LEFT_BEHIND = timedelta(hours=1)  # an object that is older is of a probe that died


def make_probes(context: ProbeContext) -> list[Probe]:
    """Make the probe."""
    location = context.settings.probe_storage
    if not location:
        return [Probe("storage", context.kind, None, "not configured: `probe_storage` names no store")]
    try:
        store = context.open_storage(location)
    except StorageError as error:
        return [Probe("storage", context.kind, None, f"`probe_storage` cannot be opened: {error}")]
    if store is None:
        why = "not configured: there is no connection `object_store`"
        return [Probe("storage", context.kind, None, why)]
    return [Probe("storage", context.kind, partial(ask_storage, store))]


def ask_storage(store: Storage) -> ProbeAnswer:
    """Write a tiny object, find it in the list, delete it, and what probes that died left.

    Raises:
        ServiceDownError: the store does not do that.
    """
    started, key = monotonic(), f"{OBJECT_PREFIX}{uuid.uuid4()}"
    try:
        store.write(key, [b"tradeops"])
        found = list(store.list(OBJECT_PREFIX))
        store.delete(key)
        latency = (monotonic() - started) * 1000
        for other in found:
            if other.key != key and other.modified < datetime.now(UTC) - LEFT_BEHIND:
                store.delete(other.key)
        free = store.free_bytes()
    except StorageError as error:
        raise ServiceDownError(str(error)) from error
    if key not in {one.key for one in found}:
        raise ServiceDownError("what was written is not in the list")
    room = "" if free is None else f", {free / 1e9:.0f} GB free"
    return ProbeAnswer(f"wrote, listed and deleted an object{room}", latency)
