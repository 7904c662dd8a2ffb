"""The client: one call with its quota, breaker, retries, time limits and measurement."""

import logging
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx
import stamina
from sqlalchemy import Engine

from include.database import storable
from include.http.admission import Admission, Places, hold, note_answer, note_failure
from include.http.answer import parse_date, read_answer
from include.http.deadline import CallStoppedError, can_be_stopped, limited_to, obey_deadline, wait_for
from include.http.errors import (
    BadAnswerError,
    RateLimitedError,
    RequestRefusedError,
    ServiceError,
    ServiceUnavailableError,
)
from include.http.service import Service
from include.http.trust import trust_of
from include.settings import Endpoint
from include.telemetry import RedactingFilter, Writer, metric_record, redact

Parameters = Mapping[str, str | int | float | bool]

# gzip alone: what else httpx would offer depends on what else is installed
HEADERS = {"User-Agent": "tradeops", "Accept": "application/json", "Accept-Encoding": "gzip"}
LONGEST_MESSAGE = 500  # characters of an error
MEASURED_EVERY = 2.0  # seconds: measurements are written together
TRIAL_GRACE = 5.0  # seconds after its deadline in which a trial call may still report

# httpx logs whole URLs at INFO, httpcore headers at DEBUG. A filter on a logger does not see the records of
# the loggers below it, hence each by its name.
_REDACTING = RedactingFilter()
for _name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks"):
    logging.getLogger(_name).addFilter(_REDACTING)


@dataclass
class _Call:
    """One call under way."""

    request: httpx.Request
    deadline: float  # by time.monotonic()
    as_text: bool = False  # the answer is text, whatever it calls itself
    question: bool = False  # a GET, which may use a place that was taken together with others
    attempts: int = 0  # requests sent
    milliseconds: float = 0.0  # from the last request to the end of its answer
    status: int | None = None


class _Latest(threading.local):
    """What is to say about the latest request of a thread."""

    milliseconds: float | None = None
    sandbox: bool = False
    clock: datetime | None = None


class Client:
    """Calls one outside service by its declared rules. A context manager; threads may share it.

    Each request waits for its place in the quota, which all processes share, and is not sent at all while
    the service's breaker is open. What may pass is tried again, with jitter, or when Retry-After says. Every
    call that reached out leaves a row in `atge_performance_metrics`, written at the latest by `close`.

    Args:
        service: how it is asked; include/services declares them.
        endpoint: where the service answers and the key that opens it. None, or no base_url: the declared
            address.
        engine: the platform's database, which keeps quotas, breakers and measurements. Nothing is called
            without it.

    Raises:
        RequestRefusedError: no address, no key or contact where one is needed, or a key that cannot be sent.
    """

    def __init__(self, service: Service, endpoint: Endpoint | None, engine: Engine) -> None:
        self.service = service
        self._engine = engine
        self._secret = endpoint.secret if endpoint else None
        _REDACTING.learn(self._secret)
        self._base_url = _base_url(self.service, endpoint)
        _check_contact(self.service)
        headers, self._key_params, self._key_fields = _credentials(self.service, self._secret)
        self._latest = _Latest()
        self._places = Places()
        self._measurements = Writer(engine, gather=MEASURED_EVERY)
        timeout = self.service.timeout
        self._http = obey_deadline(
            httpx.Client(
                headers={**HEADERS, **self.service.headers, **headers},
                timeout=httpx.Timeout(timeout.read, connect=timeout.connect, pool=timeout.connect),
                follow_redirects=False,
                verify=trust_of(self.service.name, self._base_url, endpoint),
            )
        )

    @property
    def milliseconds(self) -> float | None:
        """What the latest request of this thread took, without waiting for the quota; None before it."""
        return self._latest.milliseconds

    @property
    def sandbox(self) -> bool:
        """Whether the latest answer to this thread came from the sandbox: a header says so."""
        return self._latest.sandbox

    @property
    def clock(self) -> datetime | None:
        """When the service made its latest answer to this thread, by its clock; None: it does not say."""
        return self._latest.clock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and write the measurements."""
        self._http.close()
        self._measurements.close()

    def get_json(self, path: str, params: Parameters | None = None) -> Any:
        """GET `path` below the service's address and return the parsed JSON.

        Raises:
            ServiceError: of any kind, see include/http/errors.py.
        """
        return self._call("GET", path, self._request("GET", path, params), idempotent=True)

    def delete_json(self, path: str, params: Parameters | None = None) -> Any:
        """DELETE `path` below the service's address and return the parsed JSON; twice does no harm.

        Raises:
            ServiceError: of any kind, see include/http/errors.py.
        """
        return self._call("DELETE", path, self._request("DELETE", path, params), idempotent=True)

    def post_json(
        self, path: str, json: Any, params: Parameters | None = None, *, idempotent: bool = False
    ) -> Any:
        """POST `json` to `path` and return the parsed JSON of the answer.

        A POST is tried again only where the service cannot have carried it out (no connection, 429), unless
        `idempotent` says that doing it twice does no harm.

        Raises:
            ServiceError: of any kind, see include/http/errors.py.
        """
        return self._call("POST", path, self._request("POST", path, params, json=json), idempotent=idempotent)

    def post_text(
        self, path: str, body: bytes, headers: Mapping[str, str], *, idempotent: bool = False
    ) -> str:
        """POST `body` as it is, for services that sign it or answer in plain text; return the answer's text.

        Raises:
            ServiceError: as `post_json`; a successful answer may be anything, also nothing.
        """
        request = self._request("POST", path, None, content=body, headers=headers)
        return str(self._call("POST", path, request, idempotent=idempotent, as_text=True))

    def _call(
        self, method: str, path: str, request: httpx.Request, *, idempotent: bool, as_text: bool = False
    ) -> Any:
        retry = self.service.retry
        call = _Call(request, time.monotonic() + retry.budget, as_text, question=method == "GET")

        def pause(error: Exception) -> float | bool:
            """Seconds until the next attempt; False when there should be none."""
            if (
                not isinstance(error, ServiceError)
                or not error.transient
                or (error.may_have_run and not idempotent)
            ):
                return False
            wait = error.retry_after
            if wait is None:
                wait = attempt.next_wait + random.uniform(0, retry.jitter)
            if time.monotonic() + wait >= call.deadline:
                return False
            if can_be_stopped():
                wait_for(wait)  # stamina's own waiting cannot be stopped
                return 0.0
            return wait

        outcome = "failed"
        try:
            for attempt in stamina.retry_context(
                on=pause,
                attempts=retry.attempts,
                timeout=None,  # `pause` keeps the deadline, also against a long Retry-After
                wait_initial=retry.wait_initial,
                wait_max=retry.wait_max,
            ):
                with attempt:
                    answer = self._attempt(call)
            outcome = "ok"
            return answer
        except ServiceError as error:
            outcome = error.outcome
            raise
        except CallStoppedError:
            call.attempts = 0  # it says nothing of the service
            raise
        finally:
            if call.attempts:  # what was never sent took no time, and would look like a fast service
                self._measure(call, method, path, outcome)

    def _measure(self, call: _Call, method: str, path: str, outcome: str) -> None:
        about = {
            "method": method,
            "path": redact(path, self._secret),
            "status": call.status,
            "outcome": outcome,
            "attempts": call.attempts,
        }
        name = f"http.{self.service.name}"
        self._measurements.add(metric_record("api_response", name, call.milliseconds, "ms", metadata=about))

    def _request(self, method: str, path: str, params: Parameters | None, **body: Any) -> httpx.Request:
        if not path.startswith("/") or path.startswith("//") or "?" in path or "#" in path:
            # An absolute address would carry the key to another host.
            raise ValueError(f"path {path!r}: begin with one slash, below the service's address; no query")
        query = {**(params or {}), **self._key_params}
        if method == "POST" and self._key_fields:
            body["json"] = {**body["json"], **self._key_fields}
        try:
            return self._http.build_request(method, self._base_url + path, params=query or None, **body)
        except httpx.InvalidURL as error:
            message = redact(f"no valid address: {error}", self._secret)
        raise RequestRefusedError(self.service.name, message)

    def _attempt(self, call: _Call) -> Any:
        left = call.deadline - time.monotonic()
        admission = self._places.admit(
            self._engine,
            self.service,
            question=call.question,
            patience=left - self.service.timeout.read,  # a place without time for the answer is no use
            lease=left + TRIAL_GRACE,
        )
        wait_for(admission.wait)
        try:
            answer = self._exchange(call)
        except ServiceError as error:
            # It quotes the answer, and is stored: by the breaker, and by whoever called.
            message = redact(storable(error.message), self._secret)
            failure = error.with_message(message[:LONGEST_MESSAGE])
            self._places.forget()  # the next call asks whether it may still be made
        else:
            note_answer(self._engine, self.service, admission)
            return answer
        # Raised out here, the failure has no __context__: the original may quote the key.
        self._note_failure(failure, admission)
        raise failure

    def _note_failure(self, failure: ServiceError, admission: Admission) -> None:
        if failure.retry_after is not None:
            hold(self._engine, self.service, failure.retry_after)
        if isinstance(failure, RequestRefusedError | RateLimitedError):
            note_answer(self._engine, self.service, admission)  # it works, and says no
        elif note_failure(self._engine, self.service, admission, failure.message):
            failure.transient = (
                False  # the breaker has just opened: another attempt would only hide the cause
            )

    def _exchange(self, call: _Call) -> Any:
        """Send the request once and read the answer. The message of its errors is not redacted yet."""
        name = self.service.name
        call.attempts += 1
        call.status = None
        started = time.monotonic()
        try:
            with limited_to(min(self.service.timeout.total, call.deadline - started)):
                response = self._http.send(call.request, stream=True)
                call.status = response.status_code
                self._latest.sandbox = "x-sandbox" in response.headers
                self._latest.clock = parse_date(response.headers.get("date", ""))
                try:
                    body = self._read(response)
                finally:
                    response.close()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            message = f"no connection to {call.request.url.host}: {str(error) or type(error).__name__}"
            raise ServiceUnavailableError(name, message, transient=True) from None
        except httpx.TimeoutException:
            message = f"no complete answer within {time.monotonic() - started:.1f} s"
            raise ServiceUnavailableError(
                name, message, call.status, transient=True, may_have_run=True
            ) from None
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol) as error:
            raise RequestRefusedError(name, f"the request cannot be sent: {error}") from None
        except httpx.DecodingError as error:
            message = f"answered {call.status} with a body that cannot be unpacked: {error}"
            raise BadAnswerError(name, message, call.status, transient=True, may_have_run=True) from None
        except httpx.TransportError as error:
            what = "no valid HTTP" if isinstance(error, httpx.RemoteProtocolError) else "connection broken"
            message = f"{what}: {str(error) or type(error).__name__}"
            kind = (
                ServiceUnavailableError if call.status is None else BadAnswerError
            )  # BadAnswerError: it broke within the answer
            raise kind(name, message, call.status, transient=True, may_have_run=True) from None
        finally:
            call.milliseconds = self._latest.milliseconds = (time.monotonic() - started) * 1000
        return read_answer(self.service, call.status, response.headers, body, as_text=call.as_text)

    def _read(self, response: httpx.Response) -> bytes:
        limit = self.service.max_bytes
        announced = response.headers.get("content-length", "")
        body = bytearray()
        if not (announced.isdecimal() and len(announced) < 20 and int(announced) > limit):
            for piece in response.iter_bytes():
                body += piece
                if len(body) > limit:
                    break
            else:
                return bytes(body)
        message = f"answered {response.status_code} with more than the {limit} bytes it may send"
        raise BadAnswerError(self.service.name, message, response.status_code, may_have_run=True)


def _base_url(service: Service, endpoint: Endpoint | None) -> str:
    address = (endpoint.base_url if endpoint else "") or service.base_url
    if not address:
        raise RequestRefusedError(
            service.name, f"no address; store one in the connection {service.connection_id!r}"
        )
    if not address.startswith(("http://", "https://")):
        message = f"its address, in the connection {service.connection_id!r}, begins with neither http:// nor https://"
        raise RequestRefusedError(service.name, message)
    return address.rstrip("/")


def _check_contact(service: Service) -> None:
    if service.wants_contact and "@" not in service.headers.get("User-Agent", ""):
        message = "it refuses callers that name nobody to write to: set `contact` to a name and an email"
        raise RequestRefusedError(service.name, message)


def _credentials(
    service: Service, secret: str | None
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """The headers, the query parameters and the fields of a POST's JSON that carry the key."""
    auth = service.auth
    if auth is None:
        return {}, {}, {}
    if not secret:
        if auth.required:
            message = f"no key; store one as password of the connection {service.connection_id!r}"
            raise RequestRefusedError(service.name, message)
        return {}, {}, {}
    if not (secret.isascii() and secret.isprintable() and " " not in secret):
        # The libraries below would quote it in their complaint.
        message = "its key holds a space, a line break or a letter outside ASCII"
        raise RequestRefusedError(
            service.name, f"{message}: see the password of the connection {service.connection_id!r}"
        )
    if auth.place == "query":
        return {}, {auth.name: secret}, {}
    if auth.place == "json":
        return {}, {}, {auth.name: secret}
    return {auth.name: f"Bearer {secret}" if auth.place == "bearer" else secret}, {}, {}
