"""The one way to a language model: facts in, a checked answer out, every call on the books.

`LanguageModel` asks a model behind any OpenAI-compatible endpoint and enters each request in `llm_calls`,
within the day's budget. What gives no usable answer is a `ModelError`: `ModelUnavailableError` (the service)
or `UnusableAnswerError` (this question).
"""

from include.llm.client import LanguageModel, ModelAnswer
from include.llm.errors import ModelError, ModelUnavailableError, UnusableAnswerError
from include.llm.ledger import Purpose
from include.llm.prices import cost_of, price_of, worst_case
from include.llm.workers import WorkerPool

__all__ = [
    "LanguageModel",
    "ModelAnswer",
    "ModelError",
    "ModelUnavailableError",
    "Purpose",
    "UnusableAnswerError",
    "WorkerPool",
    "cost_of",
    "price_of",
    "worst_case",
]
