"""Exchanges by way of ccxt: it knows their addresses, limits and errors. https://docs.ccxt.com"""

import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy import Engine

from include.http import (
    Limit,
    RateLimitedError,
    RequestRefusedError,
    Service,
    ServiceUnavailableError,
    VendorFault,
)
from include.settings import Endpoint

if TYPE_CHECKING:
    from include.http.client import Client

ANY_EXCHANGE = Service("ccxt")  # time limits and retries; name, quota and errors are the exchange's


def declare_exchange(exchange: Any, service: Service = ANY_EXCHANGE) -> Service:
    """Declare one of ccxt's exchanges, with time limits and retries of `service`: its name and its quota."""
    return replace(
        service,
        name=f"ccxt:{exchange.id}",
        limits=(Limit(1, exchange.rateLimit / 1000),),
        connection=f"market_ccxt_{exchange.id}",
    )


def find_error(exchange: Any, payload: object) -> Exception | None:
    """Let ccxt look for an error in the body of an answer: each exchange has its own way to tell one."""
    import ccxt

    if not isinstance(payload, dict | list):
        return None
    try:
        # A failing status is include.http's business.
        exchange.handle_errors(200, "OK", "", "GET", {}, json.dumps(payload), payload, {}, None)
    except ccxt.BaseError as error:
        found: Exception = error
        return found
    return None


def as_fault(error: Exception) -> VendorFault:
    """Say by ccxt's kinds of errors what kind of failure an error is."""
    import ccxt

    if isinstance(error, ccxt.RateLimitExceeded | ccxt.DDoSProtection):
        return VendorFault(RateLimitedError, str(error))
    transient = isinstance(error, ccxt.OperationFailed)
    return VendorFault(ServiceUnavailableError if transient else RequestRefusedError, str(error))


class _LatestAnswer(threading.local):
    """What is to say about the latest answer to a thread."""

    client: "Client | None" = None  # that brought it
    error: Exception | None = None  # what ccxt made of it
    clock: datetime | None = None  # when the exchange made it, by its own clock


class ExchangeCalls:
    """Carries the requests of ccxt's objects through include.http: `exchange.fetch = calls.fetch`.

    They get its time limits, retries, quota, breaker and measurements, like those of other services.
    """

    def __init__(
        self,
        exchange: Any,
        service: Service,
        endpoint: Endpoint | None,
        engine: Engine,
        *,
        only_questions: bool,
    ) -> None:
        """Nothing is asked yet.

        Args:
            exchange: ccxt's object, which reads errors in bodies.
            service: how the exchange is asked; its address is what ccxt asks for.
            endpoint: where it answers instead (a mirror, the sandbox); None: there.
            engine: the platform's database, for include.http.
            only_questions: nothing that is sent changes anything, so that a POST may be sent twice.
        """
        self._exchange = exchange
        self._service = replace(service, find_fault=self._find_fault)
        self._endpoint = endpoint
        self._engine = engine
        self._only_questions = only_questions
        self._clients: dict[tuple[str, str], Client] = {}
        self._opening = threading.Lock()
        self.latest = _LatestAnswer()

    def close(self) -> None:
        """Close the connections and write the measurements."""
        for client in self._clients.values():
            client.close()

    def fetch(
        self, url: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: str | None = None
    ) -> Any:
        """Send a request of ccxt and return the parsed JSON: what its own method `fetch` does otherwise.

        Raises ccxt's error where it finds one in an answer that refuses, and ServiceError.
        """
        parts = urlsplit(url)
        headers = {**self._exchange.headers, **(headers or {})}
        client = self.latest.client = self._client(f"{parts.scheme}://{parts.netloc}", headers)
        self.latest.error = None
        params = dict(parse_qsl(parts.query, keep_blank_values=True))
        try:
            if method == "GET":
                return client.get_json(parts.path, params)
            if method == "DELETE" and not body:
                return client.delete_json(parts.path, params)
            return client.post_json(
                parts.path, json.loads(body or "null"), params, idempotent=self._only_questions
            )
        except RequestRefusedError:
            if self.latest.error is not None:
                raise self.latest.error from None
            raise
        finally:
            self.latest.clock = client.clock

    def _client(self, origin: str, headers: dict[str, str]) -> "Client":
        """The client of one of the exchange's addresses, with the headers that ccxt wants sent."""
        from include.http.client import Client  # takes a while

        key = (origin, json.dumps(headers, sort_keys=True))
        with self._opening:
            if key not in self._clients:
                service = replace(self._service, base_url=origin, headers=headers)
                self._clients[key] = Client(service, self._endpoint, self._engine)
            return self._clients[key]

    def _find_fault(self, payload: object) -> VendorFault | None:
        self.latest.error = error = find_error(self._exchange, payload)
        return None if error is None else as_fault(error)
