"""Settings of retention: what is older goes into the archive, then it is deleted; none: kept for good."""

from datetime import timedelta

from pydantic import Field

from include.settings.section import AbsolutePath, Location, SettingsSection


class RetentionSettings(SettingsSection):
    """Retention and upkeep."""

    archive_location: Location | None = Field(None, description="folder or s3://bucket/prefix of the archive")
    keep_errors: timedelta | None = Field(timedelta(days=90), description="rows of atge_error_logs")
    keep_metrics: timedelta | None = Field(timedelta(days=30), description="rows of atge_performance_metrics")
    keep_quality_results: timedelta | None = Field(
        timedelta(days=365), description="rows of data_quality_results"
    )
    keep_llm_calls: timedelta | None = Field(timedelta(days=365), description="rows of llm_calls")
    keep_probe_results: timedelta | None = Field(timedelta(days=30), description="rows of probe_results")
    keep_balances: timedelta | None = Field(
        timedelta(days=365),
        ge=timedelta(days=91),
        description="rows of exchange_balances; the guard reads 90 days",
    )
    keep_reconciliations: timedelta | None = Field(
        timedelta(days=90), ge=timedelta(days=8), description="rows of reconciliations"
    )
    keep_differences: timedelta | None = Field(
        timedelta(days=365),
        ge=timedelta(days=8),
        description="rows of reconciliation_differences, after they were resolved",
    )
    keep_messages: timedelta | None = Field(
        timedelta(days=365), ge=timedelta(days=8), description="rows of signals: messages from outside"
    )
    keep_portfolio_positions: timedelta | None = Field(
        timedelta(days=400),
        ge=timedelta(days=8),
        description="rows of portfolio_positions and portfolio_syncs; daily values and forecasts are kept",
    )
    keep_access_prices: timedelta | None = Field(
        timedelta(days=365),
        ge=timedelta(days=8),
        description="rows of token_prices; what they led to is kept for good",
    )
    keep_trade_changes: timedelta | None = Field(None, description="rows of trade_changes, the audit trail")
    keep_reports: timedelta | None = Field(
        None, description="reports after the end of their period, with their files; not archived"
    )
    keep_candles: timedelta | None = Field(None, description="whole months of market_candles")
    database_volume: AbsolutePath | None = Field(
        None, description="folder on the disk of the database, for a forecast of when it is full"
    )
