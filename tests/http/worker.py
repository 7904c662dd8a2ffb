"""One process of several that call the same service: `python -m tests.http.worker`.

It says `ready`. Each line of its input is an order in JSON; its answer is a line that says what came of each
call.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from include.database import connect
from include.http import Breaker, Limit, Retry, Service, ServiceError, Timeout
from include.http.client import Client
from include.settings import Endpoint


def carry_out(order: dict[str, Any]) -> list[str]:
    seconds = order.get("timeout", 2)
    service = Service(
        order["service"],
        limits=tuple(Limit(*limit) for limit in order.get("limits", [])),
        timeout=Timeout(connect=seconds, read=seconds, total=seconds),
        retry=Retry(attempts=1, budget=order.get("budget", max(10, seconds))),
        breaker=Breaker(*order.get("breaker", [1000, 60])),
    )
    threads = order.get("threads", 1)
    engine = connect(order["database"], application="worker", pool_size=threads)
    with Client(service, Endpoint(order["url"]), engine) as client:

        def call(_: int) -> str:
            try:
                client.get_json("/")
            except ServiceError as error:
                return f"{error.outcome}: {error}"
            return "ok"

        with ThreadPoolExecutor(threads) as pool:
            answers = list(pool.map(call, range(order["calls"])))
    engine.dispose()
    return answers


if __name__ == "__main__":
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(carry_out(json.loads(line))) + "\n")
        sys.stdout.flush()
