"""A real Prometheus that scrapes a server of a test, and the expressions that the project ships for it."""

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import promql_parser
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yaml"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
PROMETHEUS, PROMTOOL, AMTOOL = (shutil.which(name) for name in ("prometheus", "promtool", "amtool"))
NODE = re.compile(r"node_.+")
# Nothing is known of these before there are orders and messages from outside; 0 would be invented.
NOT_YET = {
    "exchange_balance_usdt",
    "exchange_balance_updated_timestamp_seconds",
    "signal_last_received_timestamp_seconds",
}


def alerts() -> list[dict[str, Any]]:
    """Every alert that is shipped."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[tuple[str, dict[str, Any]]]:
    """Every panel that is shipped, with the title of its dashboard."""
    boards = [json.loads(path.read_text()) for path in DASHBOARDS]
    return [(board["title"], panel) for board in boards for panel in board["panels"]]


def filled(expression: str, interval: str = "5m") -> str:
    """Fill in what Grafana fills in: the interval, and `all` for every variable."""
    return re.sub(r"\$[a-z]+", ".*", expression.replace("$__rate_interval", interval))


def selected(expression: str) -> set[str]:
    """Name the metrics that an expression selects."""
    found = set()
    for name in re.findall(r"[a-z_]{4,}", promql_parser.parse(expression).prettify()):
        if re.match(r"(tradeops|db|bingx|order|orders|signal|signals|exchange|node)_", name):
            found.add(name)
    return found


def without_data(exposition: str, *beginnings: str) -> set[str]:
    """Metrics of rules and panels, of those that begin so, of which an exposition has no sample."""
    asked = [alert["expr"] for alert in alerts()]
    asked += [filled(target["expr"]) for _, panel in panels() for target in panel["targets"]]
    names = {name for one in asked for name in selected(one) if name.startswith(beginnings)}
    assert names, beginnings
    return {name for name in names if not re.search(rf"^{name}(\{{| )", exposition, re.MULTILINE)}


def value_of(rule: str) -> str:
    """What a rule watches: its expression without what says when that is too much, or absent."""
    watched = re.sub(r"\s(<|>|>=|<=|==)\s*[0-9][0-9.]*( \* [0-9]+)?(?=\s|\)|$)", "", rule)
    return re.sub(r"^absent\((.*)\)$", r"\1", watched)


class Prometheus:
    """A running one."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=10)

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The samples that an expression gives now; a refused one raises."""
        answer = self._http.post("/api/v1/query", data={"query": expression}).json()
        assert answer["status"] == "success", (expression, answer)
        result = answer["data"]["result"]
        return result if answer["data"]["resultType"] == "vector" else [{"metric": {}, "value": result}]

    def wait_for(self, expression: str, seconds: float = 30) -> list[dict[str, Any]]:
        """Ask until there is an answer."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := self.ask(expression):
                return found
            time.sleep(0.2)
        raise AssertionError(
            f"no answer to {expression}; targets: {self._http.get('/api/v1/targets').text[:2000]}"
        )

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


@contextmanager
def scraping(folder: Path, target: str, secret: str) -> Iterator[Prometheus]:
    """Run Prometheus on the configuration that is shipped, but for its addresses, its secret and its pace."""
    assert PROMETHEUS
    (folder / "scrape_secret").write_text(secret)
    configuration = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    del configuration["alerting"]
    configuration["global"] = {"scrape_interval": "500ms", "evaluation_interval": "1s"}
    configuration["rule_files"] = [str(RULES)]
    (job,) = (job for job in configuration["scrape_configs"] if job["job_name"] == "tradeops")
    job["authorization"]["credentials_file"] = "scrape_secret"
    job["static_configs"] = [{"targets": [target]}]
    configuration["scrape_configs"] = [job]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = (folder / "prometheus.log").open("w")
    process = subprocess.Popen(
        [
            PROMETHEUS,
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        cwd=folder,
        stdout=log,
        stderr=log,
    )
    client = Prometheus(f"http://127.0.0.1:{port}")
    try:
        end = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/-/ready").raise_for_status()
                break
            except httpx.HTTPError:
                assert process.poll() is None and time.monotonic() < end, (
                    folder / "prometheus.log"
                ).read_text()
                time.sleep(0.1)
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait()
        log.close()


def unanswered(prometheus: Prometheus) -> list[str]:
    """Expressions of rules and panels without data, but for those of machines and of what is not yet."""
    expressions = [(alert["alert"], value_of(alert["expr"])) for alert in alerts()]
    for board, panel in panels():
        expressions += [
            (f"{board}: {panel['title']}", filled(target["expr"], "10s")) for target in panel["targets"]
        ]
    silent = []
    for name, expression in expressions:
        of = selected(expression)
        if of & NOT_YET or any(NODE.fullmatch(one) for one in of):
            continue
        if not prometheus.ask(expression):
            silent.append(f"{name}: {expression}")
    return silent
