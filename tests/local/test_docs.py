"""docs/operating.md says what is true of the settings and of the commands."""

import re
from datetime import timedelta

from include.settings import SECTIONS, Settings
from local.ports import PREFERRED, variable
from local.state import CHECKOUT

OPERATING = (CHECKOUT / "docs" / "operating.md").read_text()


def in_words(value):
    if isinstance(value, timedelta):
        minutes, seconds = divmod(int(value.total_seconds()), 60)
        if not minutes:
            return f"{seconds} s"
        hours, days = minutes // 60, minutes // 1440
        return f"{minutes} min" if minutes < 120 else f"{hours} h" if hours < 48 else f"{days} days"
    if value in (None, (), {}):
        return "none"
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, dict):
        return ", ".join(
            f"{name} {of.prompt}/{of.completion}"
            if hasattr(of, "prompt")
            else f"{name} `{of}`"
            if isinstance(of, str)
            else f"{name}: {in_words(of)}"
            for name, of in value.items()
        )
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:_}" if isinstance(value, int) else str(value)


def test_the_tables_of_settings_are_those_of_the_code():
    expected = []
    for section in SECTIONS:
        expected += [f"### {section.__doc__.rstrip('.')}", "| setting | default | what it is |"]
        expected += [
            f"| `{name}` | {in_words(field.get_default(call_default_factory=True))} | {field.description} |"
            for name, field in section.model_fields.items()
        ]
    assert {name for section in SECTIONS for name in section.model_fields} == set(Settings.model_fields)
    section = OPERATING.split("## Settings", 1)[1].split("\n## ", 1)[0]
    found = [line for line in section.splitlines() if line.startswith(("| `", "### ", "| setting"))]
    assert found == expected, "write this into docs/operating.md:\n" + "\n".join(expected)


def test_every_command_is_described():
    commands = re.findall(r"^([a-z]+):.*## ", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert "demo" in commands
    for command in commands:
        assert f"`make {command}" in OPERATING, f"make {command} is missing from docs/operating.md"


def test_the_ports_are_those_of_the_code():
    for component, port in PREFERRED.items():
        assert f"| `{variable(component)}` | {port} |" in OPERATING
