"""Settings of who looks after the platform."""

from datetime import date

from pydantic import Field, field_validator

from include.settings.section import SettingsSection


class OperatingSettings(SettingsSection):
    """People on call."""

    on_call: tuple[str, ...] = Field(
        (), description="who is on call, one after the other, a week each from Monday 0:00 UTC"
    )
    on_call_since: date = Field(date(2026, 1, 5), description="a Monday: the first one's week begins")
    contacts: dict[str, str] = Field(
        {}, description="how people and outside parties are reached, by name; shown on the page Operating"
    )

    @field_validator("on_call_since")
    @classmethod
    def _a_week_begins_on_monday(cls, day: date) -> date:
        if day.weekday() != 0:
            raise ValueError(f"{day} is no Monday")
        return day

    @field_validator("on_call", "contacts")
    @classmethod
    def _nobody_is_nameless(
        cls, named: "tuple[str, ...] | dict[str, str]"
    ) -> "tuple[str, ...] | dict[str, str]":
        if any(not name.strip() for name in named):
            raise ValueError("a name is empty")
        return named
