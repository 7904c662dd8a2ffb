"""Settings of who may start which DAGs."""

from enum import StrEnum

from pydantic import Field, field_validator

from include.settings.section import SettingsSection


class Effect(StrEnum):
    """What a run of a DAG does that cannot be taken back: not everybody should be able to start it."""

    DESTROYS = "destroys"
    RESTORES = "restores"
    SPENDS = "spends"
    SENDS = "sends"
    SILENCES = "silences"
    FREEZES = "freezes"


STARTERS: dict[Effect, tuple[str, ...]] = dict.fromkeys(Effect, ("Op",))


class StarterSettings(SettingsSection):
    """Who may start what."""

    dag_starters: dict[Effect, tuple[str, ...]] = Field(
        STARTERS, description="FAB roles that may start DAGs of each effect; from the environment only"
    )

    @field_validator("dag_starters")
    @classmethod
    def _every_effect_has_its_starters(
        cls, starters: dict[Effect, tuple[str, ...]]
    ) -> dict[Effect, tuple[str, ...]]:
        return STARTERS | starters
