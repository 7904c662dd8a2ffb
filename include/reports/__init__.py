"""Reports on a day, a week or a month: figured once, drawn, stored, and then sent.

`build_report` figures one and keeps it as a row of `reports`, `draw_report` and `store_report` put pictures,
JSON and HTML into the storage, `send_report` sends it by one channel, once. Each is asked for in its module,
for pictures and mail need imports that others should not wait for.
"""

from include.reports.periods import Kind, Period, ReportPeriodError, find_period, last_period

__all__ = ["Kind", "Period", "ReportPeriodError", "find_period", "last_period"]
