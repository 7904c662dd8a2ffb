"""What the product says about itself: so far, keeping secrets and personal data out of it.

`redact` cleans a text or a mapping, `RedactingFilter` does so for a standard logger, `redact_event` for
structlog.
"""

from include.telemetry.redaction import MASK, RedactingFilter, redact, redact_event

__all__ = ["MASK", "RedactingFilter", "redact", "redact_event"]
