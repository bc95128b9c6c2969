"""What tests of a gateway in front of a department share with others."""

from tests.integration.fixtures import mould, seeded, starts_at_once

__all__ = ["mould", "seeded", "starts_at_once"]
