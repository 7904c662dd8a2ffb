"""What the tests of the client ask."""

import asyncio
from datetime import timedelta
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine

from include.llm import LanguageModel, ModelAnswer
from include.settings import Endpoint, ModelPrice, Settings

PRICED = Settings(
    llm_prices={"sandbox-analyst": ModelPrice(prompt=Decimal(2), completion=Decimal(8))},
    llm_daily_budget_usd=Decimal(1),
)
TRADE = "00000000-0000-0000-0000-00000000000a"
USER = "00000000-0000-0000-0000-00000000000b"


class Verdict(BaseModel):
    model_config = ConfigDict(extra="forbid")

    symbol: str
    verdict: str = Field(min_length=1, max_length=200)


def ask(database: Engine, url: str, settings: Settings = PRICED, **options) -> ModelAnswer[Verdict]:
    """Ask one question, or raise what became of it."""
    (answer,) = ask_many(database, url, settings, 1, **options)
    if isinstance(answer, BaseException):
        raise answer
    return answer


def ask_many(
    database: Engine,
    url: str,
    settings: Settings,
    count: int,
    *,
    timeout: timedelta = timedelta(seconds=10),
    secret: str | None = "key-of-the-tests",  # noqa: S107
    model: str = "sandbox-analyst",
    purpose: str = "post_mortem",
    check=None,
    keep=None,
    at_once: int = 1000,
) -> list[ModelAnswer[Verdict] | BaseException]:
    async def run() -> list[ModelAnswer[Verdict] | BaseException]:
        turns = asyncio.Semaphore(at_once)
        async with LanguageModel(
            Endpoint(url, secret),
            model,
            engine=database,
            settings=settings,
            purpose=purpose,
            timeout=timeout,
        ) as client:

            async def one() -> ModelAnswer[Verdict]:
                async with turns:
                    return await client.ask(
                        "Judge the trade.",
                        {"symbol": "BTC"},
                        Verdict,
                        trade_signal_id=TRADE,
                        user_id=USER,
                        check=check,
                        keep=keep,
                    )

            return await asyncio.gather(*(one() for _ in range(count)), return_exceptions=True)

    return asyncio.run(run())
