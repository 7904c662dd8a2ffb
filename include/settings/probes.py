"""Settings of the probes."""

import re

from pydantic import Field, field_validator

from include.settings.section import Location, SettingsSection

CONTACT_PATTERN = re.compile(r"\S.* \S+@\S+\.\S+")


class ProbeSettings(SettingsSection):
    """Probes."""

    contact: str = Field(
        "", description="who calls, in the User-Agent of government services: name and email"
    )
    probe_quota_share: float = Field(
        0.04, gt=0, le=1, description="share of a service's quota that looking at it may use"
    )
    probe_storage: Location = Field("", description="store to look at: a folder or `s3://bucket/prefix`")

    @field_validator("contact")
    @classmethod
    def _contact_names_somebody(cls, contact: str) -> str:
        # It becomes a header: a line break would begin another one.
        if contact and not (
            CONTACT_PATTERN.fullmatch(contact) and contact.isascii() and contact.isprintable()
        ):
            raise ValueError("write a name and an email, like `Example Research ops@example.com`")
        return contact
