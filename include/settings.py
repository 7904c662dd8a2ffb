"""One settings object: what an operator may turn, with its unit and its default.

Values come from the environment (`TRADEOPS_DATA_QUALITY_MIN=90`) or, inside Airflow, from the Variable
`tradeops_settings`, a JSON object with the same names in lower case (see `include.airflow.platform`).
Secrets and addresses of services are no settings: they are Airflow connections.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SANDBOX = "sandbox"


@dataclass(frozen=True)
class Endpoint:
    """Where a service answers, and the secret that opens it (an API key, a webhook's token)."""

    base_url: str
    secret: str | None = field(default=None, repr=False)


class Settings(BaseSettings):
    """Every setting of the product. Unknown names are refused, so that a typing error is not silence."""

    model_config = SettingsConfigDict(env_prefix="TRADEOPS_", extra="forbid", frozen=True)

    # the sweep
    claim_limit: int = Field(20_000, gt=0, description="trades one sweep claims at most")
    batch_size: int = Field(2_000, gt=0, description="trades in one mapped batch")
    lease: timedelta = Field(timedelta(minutes=15), description="how long a claim holds without renewal")

    # settling: contract/backtest.md
    fee_rate: float = Field(0.001, ge=0, lt=1, description="share of the traded value, on each side")
    slippage_rate: float = Field(0.001, ge=0, lt=1, description="share of the traded value, on each side")
    trade_size_usd: float = Field(1000.0, gt=0, description="US dollars put into each trade")

    # the quality gate
    data_quality_min: float = Field(90.0, ge=0, le=100, description="score below which a trade waits")
    data_quality_patience: timedelta = Field(
        timedelta(hours=24), description="after expiry, how long a trade waits for better data"
    )

    # candles
    candle_sources: tuple[str, ...] = Field(
        (), description="where candles come from, in order of preference; the sandbox only ever alone"
    )
    archive_path: Path | None = Field(None, description="file or folder of candles: CSV, Parquet, Feather")

    # the analysis
    analysis_model: str = Field("sandbox-analyst", description="model name at the `llm` connection")
    analysis_limit: int = Field(200, ge=0, description="analyses one sweep writes at most; 0: none")
    analysis_concurrency: int = Field(8, gt=0, description="requests to the model under way at once")
    analysis_attempts: int = Field(5, gt=0, description="tries before an analysis is given up, visibly")
    analysis_timeout: timedelta = Field(timedelta(seconds=60), description="one request to the model, hard")

    # retention: what is older goes into the archive, then it is deleted; none: kept for good
    archive_location: str | None = Field(None, description="folder or s3://bucket/prefix of the archive")
    keep_errors: timedelta | None = Field(timedelta(days=90), description="rows of atge_error_logs")
    keep_metrics: timedelta | None = Field(timedelta(days=30), description="rows of atge_performance_metrics")
    keep_quality_results: timedelta | None = Field(
        timedelta(days=365), description="rows of data_quality_results"
    )
    keep_probe_results: timedelta | None = Field(timedelta(days=30), description="rows of probe_results")
    database_volume: Path | None = Field(
        None, description="folder on the disk of the database, for a forecast of when it is full"
    )
    keep_candles: timedelta | None = Field(None, description="whole months of market_candles")

    # alerts
    alert_rules_path: Path | None = Field(
        None, description="file of alert rules; none: include/alerts/rules.yaml"
    )

    @field_validator("candle_sources")
    @classmethod
    def _sandbox_stands_alone(cls, sources: tuple[str, ...]) -> tuple[str, ...]:
        # Invented prices must never fill the gap that a real source left.
        if SANDBOX in sources and len(sources) > 1:
            raise ValueError("candle_sources: the sandbox market cannot be mixed with real sources")
        return sources
