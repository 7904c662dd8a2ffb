"""One switch that lets no new work begin: a freeze has a reason, an author and an end.

`find_freeze` reads what holds now, `raise_if_frozen` asks at the place where work is claimed, `begin_freeze`
and `end_freeze` turn the switch, `read_freezes` is the history. Which DAGs obey, each DAG
says: docs/freeze.md.
"""

from include.freeze.freezes import (
    Freeze,
    FreezeError,
    FreezeGroup,
    FrozenError,
    begin_freeze,
    end_freeze,
    find_freeze,
    find_frozen_days,
    note_ended_freezes,
    raise_if_frozen,
    read_freezes,
)

__all__ = [
    "Freeze",
    "FreezeError",
    "FreezeGroup",
    "FrozenError",
    "begin_freeze",
    "end_freeze",
    "find_freeze",
    "find_frozen_days",
    "note_ended_freezes",
    "raise_if_frozen",
    "read_freezes",
]
