"""Which alerts explain others, as data: what follows from something that is wrong is not sent beside it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter

from include.alerts.matching import matches, read_matchers

FILE = Path(__file__).with_name("inhibitions.yaml")

Matchers = Annotated[dict[str, str], BeforeValidator(read_matchers)]


class Inhibition(BaseModel):
    """While an alert matches `because`, those that match `holds_back` are not sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    because: Matchers
    holds_back: Matchers
    equal: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inhibitor:
    """Something that is wrong at this moment."""

    labels: Mapping[str, str]
    summary: str


@cache
def read_inhibitions(path: Path = FILE) -> tuple[Inhibition, ...]:
    """Read and check the file; raises ValueError with the place of what is wrong."""
    return TypeAdapter(tuple[Inhibition, ...]).validate_python(yaml.safe_load(path.read_text()))


def find_inhibitor(
    inhibitions: Iterable[Inhibition], inhibitors: Iterable[Inhibitor], labels: Mapping[str, str]
) -> str | None:
    """Say what explains an alert with these labels; None: nothing does. Nothing explains itself."""
    known = list(inhibitors)
    for rule in inhibitions:
        if not matches(rule.holds_back, labels):
            continue
        for one in known:
            if one.labels == labels or matches(rule.holds_back, one.labels):
                continue
            if matches(rule.because, one.labels) and all(
                one.labels.get(name) == labels.get(name) for name in rule.equal
            ):
                return f"{rule.name}: {one.summary}"
    return None
