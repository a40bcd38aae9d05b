"""A registered person, for the tests of telemetry."""

from tests.api.conftest import registered

__all__ = ["registered"]
