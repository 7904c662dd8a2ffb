"""Settings of portfolios and their risk."""

from typing import Literal

from pydantic import Field, field_validator

from include.settings.section import AbsolutePath, SettingsSection


class PortfolioSettings(SettingsSection):
    """Portfolios."""

    portfolio_sources: tuple[Literal["ibkr", "exchange", "file"], ...] = Field(
        (), description="where portfolios are read: ibkr, exchange, file; none: nothing is read"
    )
    portfolio_file: AbsolutePath | None = Field(
        None, description="the .csv or .parquet file that the source `file` reads"
    )
    risk_benchmark: str | None = Field(
        None,
        description="the portfolio against whose returns beta is measured, such as file:index; none: no beta",
    )
    stress_scenarios: dict[str, dict[str, float]] = Field(
        {"all prices -10 %": {"*": -0.1}, "all prices -30 %": {"*": -0.3}},
        description="scenarios by name: instruments, * all others, and the share that prices change by",
    )

    @field_validator("stress_scenarios")
    @classmethod
    def _no_price_falls_by_more_than_all(
        cls, value: dict[str, dict[str, float]]
    ) -> dict[str, dict[str, float]]:
        for name, shocks in value.items():
            if not name or not shocks or any(shock < -1 for shock in shocks.values()):
                raise ValueError(
                    f"the scenario {name!r} must name instruments and changes of -1 (all) or more"
                )
        return value
