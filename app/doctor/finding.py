"""Result of a check."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check: its subject, and a remedy if it failed."""

    subject: str
    remedy: str | None = None
