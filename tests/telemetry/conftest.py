"""A registered person, for tests of what is seen of a request."""

from tests.api.conftest import registered

__all__ = ["registered"]
