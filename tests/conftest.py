"""What all tests share: the --rewrite switch, hypothesis without a clock of its own, and a state directory that is nobody's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# The machine's speed is no property of the code: a busy machine must not fail a property test.
settings.register_profile("gatepost", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("gatepost")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch that writes the wanted outcome of mail cases anew."""
    parser.addoption("--rewrite", action="store_true", help="write outcome and codes of tests/corpus cases anew")


@pytest.fixture(autouse=True, scope="session")
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests away from the state of a Gatepost that serves this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STATE_DIRECTORY", str(tmp_path_factory.mktemp("state")))
        yield
