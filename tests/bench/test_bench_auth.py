"""The benchmark runs, and its ratios keep within sight of what they were."""

from __future__ import annotations

from bench.bench_auth import BUDGET_MS, PEER, measure


def test_authentication_is_cheaper_than_the_bare_libraries() -> None:
    """One signature costs less than with dkimpy alone (measured: 0.3), SPF at most twice pyspf alone (measured: 1.4)."""
    found = measure(rounds=5, count=20)
    assert set(BUDGET_MS) <= set(found)
    assert {name for name in PEER if name.startswith(("dkim", "arc"))} == {"dkim", "dkim ed25519", "arc, 2 sets"}
    assert found["dkim"] < 0.7 * found["dkimpy"]
    assert found["arc, 2 sets"] < 0.8 * found["dkimpy arc, 2 sets"]
    assert found["spf"] < 3 * found["pyspf"]
