"""Registrable domains: the Public Suffix List's own cases, and what else arrives."""

from __future__ import annotations

import pytest

from gatepost.mail.domain import normal_domain
from gatepost.mail.suffix import private_suffix, registrable, under_known_suffix
from support.suites_auth import SUITES, psl_cases

CASES = psl_cases()


@pytest.mark.parametrize(("name", "want"), CASES)
def test_the_lists_own_cases(name: str, want: str) -> None:
    """Every case that the list's keepers publish gives its registrable domain, or none."""
    assert private_suffix(name) == normal_domain(want)
    assert registrable(name) == (normal_domain(want) or normal_domain(name.strip(".")))


def test_the_suite_is_whole() -> None:
    """All cases are run, or the suite is not there at all."""
    assert len(CASES) == (78 if SUITES.is_dir() else 0)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a b", "\x00", "é" * 300, "192.0.2.1", "[::1]", "a..b", "\ud800.example"]
)
def test_what_is_no_domain(name: str) -> None:
    """Nothing raises, and what has no registrable domain stays what it is."""
    assert isinstance(registrable(name), str)
    assert isinstance(private_suffix(name), str)


def test_a_final_dot_and_capitals_do_not_matter() -> None:
    """One name has one registrable domain, however it is written."""
    assert {registrable(name) for name in ("a.Example.CO.uk", "example.co.uk.", " b.example.co.uk ")} == {
        "example.co.uk"
    }
    assert registrable("x.bücher.example") == registrable("xn--bcher-kva.example") == "xn--bcher-kva.example"


def test_known_suffixes() -> None:
    """A word with a dot is not yet a domain."""
    assert under_known_suffix("example.com")
    assert not under_known_suffix("report.docx")
