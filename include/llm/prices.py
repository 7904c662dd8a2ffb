"""What a call costs, by the price table of the settings; and what it can cost at most, known before it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from include.settings import ModelPrice, Settings

TOKENS_PER_PRICE = 1_000_000
# What a provider wraps around the messages and the schema (role names, separators): generous.
WRAPPING_TOKENS = 200


def price_of(model: str, settings: Settings) -> ModelPrice | None:
    """Look up the price of the model that is asked for; None when the table does not name it."""
    return settings.llm_prices.get(model)


def cost_of(price: ModelPrice, prompt_tokens: int, completion_tokens: int) -> Decimal:
    """Work out US dollars from tokens and prices per million of them."""
    return (prompt_tokens * price.prompt + completion_tokens * price.completion) / TOKENS_PER_PRICE


def worst_case(price: ModelPrice, prompt_bytes: int, answer_tokens: int) -> Decimal:
    """Give the most that a call can cost, in US dollars.

    The tokenizers in use work on bytes or fall back to them, so a prompt has no more tokens than bytes
    (UTF-8); the answer is bounded by the request.
    """
    return cost_of(price, prompt_bytes + WRAPPING_TOKENS, answer_tokens)
