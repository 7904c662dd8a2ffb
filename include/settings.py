"""One settings object: what an operator may turn, with its unit and its default.

Values come from the environment (`TRADEOPS_DATA_QUALITY_MIN=90`) or, inside Airflow, from the Variable
`tradeops_settings`, a JSON object with the same names in lower case (see `include.settings_reader`).
Secrets and addresses of services are no settings: they are Airflow connections.
"""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from croniter import croniter
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SANDBOX = "sandbox"
ENVIRONMENT_ONLY = frozenset(
    {"signal_schedule", "backup_schedules", "dag_starters"}
)  # read with a DAG's file
CONTACT = re.compile(r"\S.* \S+@\S+\.\S+")
LOCATION = re.compile(r"/|file://(localhost)?/|s3://[^/]")  # how a location begins; include.storage reads it
RECIPIENT = re.compile(r"age1[0-9a-z]{58}\Z")
BACKUP_SCHEDULES = {
    "logs": "0 1 * * *",
    "database": "0 2 * * *",
    "configuration": "0 3 * * 0",
    "full": "0 4 * * 0",
}

Timeframe = Literal["15m", "1h", "4h", "1d", "1w"]
CoinNames = dict[str, str | int | None]  # vendor -> what it calls a coin; None: as others do


class Effect(StrEnum):
    """What a run of a DAG does that cannot be taken back: not everybody should be able to start it."""

    DESTROYS = "destroys"
    RESTORES = "restores"
    SPENDS = "spends"
    SENDS = "sends"
    SILENCES = "silences"


STARTERS: dict[Effect, tuple[str, ...]] = dict.fromkeys(Effect, ("Op",))


@dataclass(frozen=True)
class Endpoint:
    """Where a service answers, and the secret that opens it (an API key, a webhook's token)."""

    base_url: str
    secret: str | None = field(default=None, repr=False)


class ModelPrice(BaseModel):
    """What a language model costs: US dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    prompt: Decimal = Field(ge=0)
    completion: Decimal = Field(ge=0)


FREE = ModelPrice(prompt=Decimal(0), completion=Decimal(0))


class SignalRequest(BaseModel):
    """One signal that is asked for: for whom, of what, on which candles."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user_id: UUID
    symbol: str
    timeframe: Timeframe


class Settings(BaseSettings):
    """Every setting of the product. Unknown names are refused, so that a typing error is not silence."""

    model_config = SettingsConfigDict(
        env_prefix="TRADEOPS_", extra="forbid", frozen=True, allow_inf_nan=False
    )

    # the sweep
    claim_limit: int = Field(20_000, gt=0, description="trades one sweep claims at most")
    batch_size: int = Field(2_000, gt=0, description="trades in one mapped batch")
    lease: timedelta = Field(timedelta(minutes=15), description="how long a claim holds without renewal")

    # settling: contract/backtest.md
    fee_rate: float = Field(0.001, ge=0, lt=1, description="share of the traded value, on each side")
    slippage_rate: float = Field(0.001, ge=0, lt=1, description="share of the traded value, on each side")
    trade_size_usd: float = Field(1000.0, gt=0, description="US dollars put into each trade")

    # replays and exports
    replay_workers: int = Field(2, gt=0, le=16, description="tasks that a replay settles with at once")
    export_locations: tuple[str, ...] = Field(
        (), description="folders or s3://bucket/prefix below which exports may go; the first is the default"
    )
    export_file_rows: int = Field(1_000_000, gt=0, description="trades in one file of an export at most")

    # the quality gate
    data_quality_min: float = Field(90.0, ge=0, le=100, description="score below which a trade waits")
    data_quality_patience: timedelta = Field(
        timedelta(hours=24), description="after expiry, how long a trade waits for better data"
    )
    tail_patience: timedelta = Field(
        timedelta(hours=2),
        ge=timedelta(0),
        description="after expiry, how long an open trade waits for the last candles of its window",
    )

    # candles
    candle_sources: tuple[str, ...] = Field(
        (), description="where candles come from, in order of preference; the sandbox only ever alone"
    )
    archive_path: Path | None = Field(None, description="file or folder of candles: CSV, Parquet, Feather")
    coins: dict[str, CoinNames] = Field(
        {}, description="coins besides those of the table, with their names elsewhere: docs/sources.md"
    )

    # the language model, whatever it is asked for
    llm_prices: dict[str, ModelPrice] = Field(
        default_factory=lambda: {"sandbox-analyst": FREE, "sandbox-trader": FREE},
        description="US dollars for a million tokens, by the model's name",
    )
    llm_daily_budget_usd: Decimal | None = Field(
        Decimal(5), ge=0, description="US dollars a day (UTC) for all models; null: no limit"
    )
    llm_answer_tokens: int = Field(3_000, gt=0, description="tokens of one answer at most, thinking included")
    # On by default: nothing of the answer is lost, its schema and all checks hold, and it is paid already.
    llm_unwrap_answers: bool = Field(
        True, description="take the JSON out of a Markdown fence or from behind <think>; false: `invalid`"
    )

    # the analysis
    analysis_model: str = Field("sandbox-analyst", description="model name at the `llm` connection")
    analysis_limit: int = Field(200, ge=0, description="analyses one sweep writes at most; 0: none")
    analysis_concurrency: int = Field(8, gt=0, description="requests to the model under way at once")
    analysis_attempts: int = Field(5, gt=0, description="tries before an analysis is given up, visibly")
    analysis_timeout: timedelta = Field(timedelta(seconds=60), description="one request to the model, hard")

    # signals
    signal_schedule: str | None = Field(
        None, description="cron of `generate_signals`, from the environment only; none: by hand"
    )
    signal_requests: tuple[SignalRequest, ...] = Field(
        (), description="what a scheduled run generates: `user_id`, `symbol`, `timeframe`; one a user and run"
    )
    signal_model: str = Field("sandbox-trader", description="model name at the `llm` connection")
    signal_timeout: timedelta = Field(timedelta(seconds=30), description="one request to the model, hard")
    price_sources: tuple[str, ...] = Field(
        ("coinmarketcap", "coingecko"),
        min_length=1,
        description="where a signal's price is asked for, in order",
    )
    signal_entry_atr: float = Field(1.5, gt=0, description="entry this many ATR from the price at most")
    signal_stop_atr_min: float = Field(0.5, gt=0, description="stop this many ATR from the entry at least")
    signal_stop_atr_max: float = Field(5.0, gt=0, description="stop this many ATR from the entry at most")
    signal_target_atr_max: float = Field(
        15.0, gt=0, description="targets this many ATR from the entry at most"
    )
    signal_risk_reward_min: float = Field(
        1.2, gt=0, description="reward over risk, as we compute it, at least"
    )

    # retention: what is older goes into the archive, then it is deleted; none: kept for good
    archive_location: str | None = Field(None, description="folder or s3://bucket/prefix of the archive")
    keep_errors: timedelta | None = Field(timedelta(days=90), description="rows of atge_error_logs")
    keep_metrics: timedelta | None = Field(timedelta(days=30), description="rows of atge_performance_metrics")
    keep_quality_results: timedelta | None = Field(
        timedelta(days=365), description="rows of data_quality_results"
    )
    keep_llm_calls: timedelta | None = Field(timedelta(days=365), description="rows of llm_calls")
    keep_probe_results: timedelta | None = Field(timedelta(days=30), description="rows of probe_results")
    database_volume: Path | None = Field(
        None, description="folder on the disk of the database, for a forecast of when it is full"
    )
    keep_candles: timedelta | None = Field(None, description="whole months of market_candles")

    # alerts
    alert_rules_path: Path | None = Field(
        None, description="file of alert rules; none: include/alerts/rules.yaml"
    )

    # the probes
    contact: str = Field(
        "", description="who calls, in the User-Agent of government services: name and email"
    )
    probe_quota_share: float = Field(
        0.04, gt=0, le=1, description="share of a service's quota that looking at it may use"
    )
    probe_storage: str = Field("", description="store to look at: a folder or `s3://bucket/prefix`")

    @field_validator("contact")
    @classmethod
    def _contact_names_somebody(cls, contact: str) -> str:
        # It becomes a header: a line break would begin another one.
        if contact and not (CONTACT.fullmatch(contact) and contact.isascii() and contact.isprintable()):
            raise ValueError("write a name and an email, like `Example Research ops@example.com`")
        return contact

    alert_channels: dict[
        str,  # include.alerts.channels knows them; include.settings_check asks it
        tuple[Literal["critical", "warning", "info"], ...],
    ] = Field(
        {"slack": ("critical", "warning", "info")},
        description="channels in force, and what each is told by itself; [] is told of escalations only",
    )
    alert_warning_wait: timedelta = Field(
        timedelta(minutes=10), le=timedelta(minutes=13), description="warnings are gathered for so long"
    )
    alert_digest_hour: int = Field(
        8, ge=0, le=23, description="hour (UTC) of the daily digest and of Monday's list of silences"
    )

    # backups
    backup_location: str | None = Field(
        None, description="where backups go: a folder, or s3://bucket/prefix (connection `object_store`)"
    )
    backup_schedules: dict[str, str] = Field(
        BACKUP_SCHEDULES, description="cron in UTC for each kind; from the environment only"
    )
    backup_method: Literal["stream", "directory", "physical"] = Field(
        "stream", description="how databases are taken: docs/backups.md"
    )
    backup_recipient: str | None = Field(
        None, description="public age key (age1…) that backups are encrypted for; none: in clear"
    )
    backup_checksums: Literal["always", "full", "never"] = Field(
        "full", description="which backups sum up every table besides counting its rows: they cost time"
    )
    backup_size_limit_gb: float = Field(200.0, gt=0, description="GiB that one backup may take at most")
    backup_log_folders: tuple[Path, ...] = Field((), description="log folders to keep; none: Airflow's own")
    backup_keep_last: int = Field(3, ge=1, description="newest backups of each kind that stay in any case")
    backup_keep_daily: int = Field(7, ge=0, description="days of which the newest backup stays")
    backup_keep_weekly: int = Field(5, ge=0, description="weeks of which the newest backup stays")
    backup_keep_monthly: int = Field(12, ge=0, description="months of which the newest backup stays")
    backup_max_age: timedelta = Field(
        timedelta(days=400), description="older ones go, but never the last verified good one"
    )

    restore_approvers: tuple[str, ...] = Field(
        (), description="ids of the users who may approve a restore; none: whoever may start one"
    )
    dag_starters: dict[Effect, tuple[str, ...]] = Field(
        STARTERS, description="FAB roles that may start DAGs of each effect; from the environment only"
    )

    @field_validator("dag_starters")
    @classmethod
    def _every_effect_has_its_starters(
        cls, starters: dict[Effect, tuple[str, ...]]
    ) -> dict[Effect, tuple[str, ...]]:
        return STARTERS | starters

    production_names: tuple[str, ...] = Field(
        ("prod", "live"), description="words in a host or database that ask for confirmation at a restore"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _nothing_stands_for_something_else(cls, value: Any, info: ValidationInfo) -> Any:
        # An empty text would be the current folder to a path, and "in clear" to a key.
        field = cls.model_fields[str(info.field_name)]
        if value == "" and field.default != "":
            raise ValueError("an empty text; leave the setting out, or write its value")
        if isinstance(value, bool) and field.annotation is not bool:
            raise ValueError("this setting is not true or false")  # to pydantic they would be 1 and 0
        return value

    @field_validator("*")
    @classmethod
    def _no_time_is_negative(cls, value: Any) -> Any:
        if isinstance(value, timedelta) and value < timedelta(0):
            raise ValueError("a duration cannot be negative")
        return value

    @field_validator("archive_location", "backup_location", "export_locations", "probe_storage")
    @classmethod
    def _locations_do_not_depend_on_where_a_process_runs(cls, value: Any) -> Any:
        for location in (value,) if isinstance(value, str) else value or ():
            if location and not LOCATION.match(location):
                raise ValueError("write /abs/path, file:///abs/path or s3://bucket/prefix")
        return value

    @field_validator("backup_recipient")
    @classmethod
    def _the_recipient_is_a_public_key(cls, recipient: str | None) -> str | None:
        if recipient is not None and not RECIPIENT.match(recipient):
            raise ValueError(
                "write the public key of a pair that age-keygen made: age1 and 58 more characters"
            )
        return recipient

    @field_validator("signal_schedule")
    @classmethod
    def _the_schedule_is_a_cron(cls, schedule: str | None) -> str | None:
        if schedule is not None and not croniter.is_valid(schedule):
            raise ValueError("write a cron expression such as */15 * * * *")
        return schedule

    @field_validator("backup_schedules")
    @classmethod
    def _schedules_are_of_the_four_kinds(cls, schedules: dict[str, str]) -> dict[str, str]:
        unknown = set(schedules) - set(BACKUP_SCHEDULES)
        if unknown:
            raise ValueError(
                f"there is no backup of the kind {', '.join(sorted(unknown))}; there are "
                + ", ".join(BACKUP_SCHEDULES)
            )
        for kind, schedule in schedules.items():
            if not croniter.is_valid(schedule):
                raise ValueError(f"write a cron expression such as 0 2 * * * for {kind}")
        return BACKUP_SCHEDULES | schedules

    @field_validator("coins")
    @classmethod
    def _coins_are_upper_case(cls, coins: dict[str, CoinNames]) -> dict[str, CoinNames]:
        for name in coins:
            if not re.fullmatch(r"[A-Z0-9]{1,20}", name):
                raise ValueError(f"coins: {name!r} is no name of a coin: capitals and digits, like PEPE")
        return coins

    @field_validator("candle_sources")
    @classmethod
    def _the_sandbox_stands_alone(cls, sources: tuple[str, ...]) -> tuple[str, ...]:
        # Invented prices must never fill the gap that a real source left.
        if SANDBOX in sources and len(sources) > 1:
            raise ValueError("the sandbox market cannot be mixed with real sources; name it alone")
        return sources
