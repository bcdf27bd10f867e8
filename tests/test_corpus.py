"""Every mail case under tests/corpus, judged by the whole pipeline."""

from __future__ import annotations

import pytest

from support.cases import Case, cases, differences, rewrite


@pytest.mark.parametrize("case", cases(), ids=str)
def test_case(case: Case, request: pytest.FixtureRequest) -> None:
    """The verdict on a stored message is the one its .want file promises."""
    record = case.judge()
    if request.config.getoption("--rewrite"):
        rewrite(case, record)
    readme = case.stem.with_name(case.stem.name + ".readme")
    assert readme.exists(), f"{case}: no .readme says what this case is for"
    assert case.read(".want"), f"{case}: no .want says what must come out"
    assert not list(differences(case.read(".want"), record))


def test_there_are_cases() -> None:
    """The runner finds the cases: an empty run would pass for nothing."""
    assert len(cases()) >= 60
