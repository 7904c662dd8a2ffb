"""The sections of a report in their order. A new subject is a file in `sections/` and a line here."""

from collections.abc import Callable

from include.reports.figures import ReportSection
from include.reports.reading import Reading
from include.reports.sections import business, capacity, cost, errors, health, performance, security

SECTIONS: tuple[Callable[[Reading], ReportSection], ...] = (
    business.measure,
    health.measure,
    errors.measure,
    performance.measure,
    cost.measure,
    capacity.measure,
    security.measure,
)
