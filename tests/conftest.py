"""What all tests share: the --rewrite switch, and hypothesis without a clock of its own."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# The machine's speed is no property of the code: a busy machine must not fail a property test.
settings.register_profile("gatepost", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("gatepost")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch that writes the wanted outcome of mail cases anew."""
    parser.addoption("--rewrite", action="store_true", help="write outcome and codes of tests/corpus cases anew")
