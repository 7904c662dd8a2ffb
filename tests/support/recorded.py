"""Answers of the real services, kept outside the project, to hold the imitations against."""

import json
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parents[3] / "shared" / "data"


def load_recorded(name: str) -> Any:
    """A recorded answer; the test is skipped where the recordings are absent."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no recorded answers here: {path} is absent")
    return json.loads(path.read_text())


def assert_same_shape(ours: Any, theirs: Any, where: str = "answer") -> None:
    """Everything in `ours` is in `theirs`, with the same JSON type; of lists, the first rows count."""
    assert _kind(ours) == _kind(theirs), f"{where}: {ours!r} is not like {theirs!r}"
    if isinstance(ours, dict):
        assert set(ours) <= set(theirs), (
            f"{where}: {sorted(set(ours) - set(theirs))} are not in the recording"
        )
        for name in ours:
            assert_same_shape(ours[name], theirs[name], f"{where}.{name}")
    elif isinstance(ours, list) and ours and theirs:
        if isinstance(ours[0], (dict, list)):
            assert_same_shape(ours[0], theirs[0], f"{where}[0]")
        elif len({_kind(item) for item in theirs}) > 1:  # a row: its columns count
            assert [_kind(item) for item in ours] == [_kind(item) for item in theirs], where
        else:
            assert _kind(ours[0]) == _kind(theirs[0]), where


def _kind(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "number"
    return type(value).__name__
