"""The one way to a language model: facts in, a checked answer out, every call on the books.

`ModelPair` asks a model behind any OpenAI-compatible endpoint, and a second one, if there is one, where the
first gives no answer. `LanguageModel` is the client of one of them, which enters each request in `llm_calls`,
within the day's budget. What gives no usable answer is a `ModelError`: `ModelUnavailableError` (the service)
or `UnusableAnswerError` (this question).
"""

from include.llm.client import LanguageModel, ModelAnswer
from include.llm.errors import ModelError, ModelUnavailableError, UnusableAnswerError
from include.llm.ledger import Purpose
from include.llm.pair import ModelPair
from include.llm.prices import cost_of, price_of, worst_case
from include.llm.workers import WorkerPool

__all__ = [
    "LanguageModel",
    "ModelAnswer",
    "ModelError",
    "ModelPair",
    "ModelUnavailableError",
    "Purpose",
    "UnusableAnswerError",
    "WorkerPool",
    "cost_of",
    "price_of",
    "worst_case",
]
