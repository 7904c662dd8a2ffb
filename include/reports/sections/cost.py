"""Cost: what the language models cost, against their budget. What machines cost nobody records here."""

from include.reports.figures import FigureColumn, ReportSection, Table, compare, number
from include.reports.reading import Reading

MAX_ROWS = 8  # models by purpose that are listed


def measure(reading: Reading) -> ReportSection:
    """Add up the cost of a period."""
    rows = reading.by_days("measure_cost")
    unknown = reading.unknown(reading.settings.keep_llm_calls)
    now = rows[0]
    budget = now.budget
    figures = [
        compare(
            "model_cost",
            "Language models",
            "USD",
            [row.cost for row in rows],
            good="down",
            unknown_before=unknown,
        ),
        compare(
            "budget_used",
            "Of the budget of the days on which a model was called",
            "%",
            [100 * row.cost / row.budget if row.budget else None for row in rows],
            why="no call of the period had a budget"
            if now.calls
            else "no model was called in the period, so no day's budget was opened",
            good="down",
            unknown_before=unknown,
        ),
        compare(
            "model_cost_uncertain",
            "At most on top, by calls of unknown cost",
            "USD",
            [row.unknown for row in rows],
            good="down",
            unknown_before=unknown,
        ),
        compare(
            "model_calls",
            "Calls of language models",
            "count",
            [row.calls for row in rows],
            unknown_before=unknown,
        ),
        compare(
            "model_calls_failed",
            "… without a usable answer",
            "count",
            [row.failed for row in rows],
            good="down",
            unknown_before=unknown,
        ),
    ]
    found = reading.of_days("list_model_costs", limit=MAX_ROWS)
    table = Table(
        "models",
        "By model and purpose",
        (
            FigureColumn("Model"),
            FigureColumn("Asked as"),
            FigureColumn("Purpose"),
            FigureColumn("Calls", "count"),
            FigureColumn("Tokens in", "count"),
            FigureColumn("Tokens out", "count"),
            FigureColumn("Cost", "USD"),
        ),
        [
            [row.model, row.choice, row.purpose, row.calls, number(row.prompt_tokens),
             number(row.completion_tokens), number(row.cost)]
            for row in found
        ],
        "" if found else "No model was called in the period.",
    )  # fmt: skip
    notes = ["Machines, storage and data sources cost something too; the platform records no prices of them."]
    if now.unpriced:
        notes.append(
            f"{now.unpriced} calls were of a model without a price (llm_prices): their cost is not known."
        )
    if budget is not None:
        notes.append(
            f"The budget of these days together was {budget:,.2f} USD; {now.days_over} of them went over."
        )
    notes += reading.coverage_notes("Calls", "keep_llm_calls", reading.settings.keep_llm_calls)
    return ReportSection("cost", "Cost", figures, [table], notes)
