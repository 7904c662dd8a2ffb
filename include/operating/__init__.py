"""Looking after the platform: who is on call, and what has to be seen to, by the day, week and month.

`find_on_call` answers from the settings, `read_checklists` ticks what really ran. What to do in an incident:
docs/incidents.md.
"""

from include.operating.checklists import Checklist, TickedLine, read_checklists
from include.operating.on_call import OnCall, find_on_call

__all__ = ["Checklist", "OnCall", "TickedLine", "find_on_call", "read_checklists"]
