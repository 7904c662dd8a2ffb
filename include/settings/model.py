"""Settings of the language model: what it costs, whatever it is asked for, and of the analysis by it."""

from datetime import timedelta
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from include.settings.section import SettingsSection


class ModelPrice(BaseModel):
    """What a language model costs: US dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    prompt: Decimal = Field(ge=0)
    completion: Decimal = Field(ge=0)


FREE = ModelPrice(prompt=Decimal(0), completion=Decimal(0))


class ModelSettings(SettingsSection):
    """The language model."""

    llm_prices: dict[str, ModelPrice] = Field(
        default_factory=lambda: {"sandbox-analyst": FREE, "sandbox-trader": FREE, "sandbox-second": FREE},
        description="US dollars for a million tokens, by the model's name",
    )
    llm_daily_budget_usd: Decimal | None = Field(
        Decimal(5),
        ge=0,
        description="US dollars a day (UTC) for all models but the second; null: no limit",
    )
    # One for all purposes: whoever has no answer from the model of the purpose asks this one.
    llm_second_model: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="model name at the connection `llm_second`, asked where the first gives no answer",
    )
    llm_second_daily_budget_usd: Decimal | None = Field(
        Decimal(5), ge=0, description="US dollars a day (UTC) for the second model; null: no limit"
    )
    llm_answer_length: int = Field(3_000, gt=0, description="tokens of one answer at most, thinking included")
    # On by default: nothing of the answer is lost, its schema and all checks hold, and it is paid already.
    llm_unwrap_answers: bool = Field(
        True, description="take the JSON out of a Markdown fence or from behind <think>; false: `invalid`"
    )


class AnalysisSettings(SettingsSection):
    """The analysis."""

    analysis_model: str = Field("sandbox-analyst", description="model name at the `llm` connection")
    analysis_limit: int = Field(200, ge=0, description="analyses one sweep writes at most; 0: none")
    analysis_concurrency: int = Field(8, gt=0, description="requests to the model under way at once")
    analysis_attempts: int = Field(5, gt=0, description="tries before an analysis is given up, visibly")
    analysis_timeout: timedelta = Field(timedelta(seconds=60), description="one request to the model, hard")
