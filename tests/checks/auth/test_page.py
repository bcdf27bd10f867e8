"""The administrator's page on authentication: complete, and true to the code."""

from __future__ import annotations

import re
from pathlib import Path

import authres
import pytest

from gatepost.checks.auth.family import CODES, Settings
from gatepost.decision.policy import EXCUSES
from gatepost.decision.weights import WEIGHTS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "authentication.md").read_text()
ROWS = {match[1]: match[0] for match in re.finditer(r"^\| `([a-z]+\.[a-z-]+)` \|.*$", PAGE, re.MULTILINE)}


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained(code: str) -> None:
    """Each result code has a row: the meaning that the code itself gives, what to do, and the section of an RFC."""
    _, _, meaning, advice, source, _ = (cell.strip() for cell in ROWS[code].split("|"))
    assert meaning == CODES[code]
    assert advice.endswith(".")
    assert re.fullmatch(r"RFC \d{4}( \d[\d.]*)?(, (RFC \d{4} )?\d[\d.]*|, RFC \d{4})*", source)


def test_no_code_is_invented() -> None:
    """The page explains nothing that does not exist, and names no setting that does not."""
    assert set(ROWS) == set(CODES)
    assert set(re.findall(r"`auth\.([a-z_]+)", PAGE)) <= set(Settings.model_fields)


def test_numbers_and_excuses_are_those_of_the_code() -> None:
    """Weights and excused failures stand on the page as they are."""
    assert f"Weighs {WEIGHTS['dmarc.fail']:g}." in ROWS["dmarc.fail"]
    assert f"Weighs {WEIGHTS['dmarc.quarantine']:g} more." in ROWS["dmarc.quarantine"]
    assert f"with {WEIGHTS['dmarc.permerror']:g} points by default" in PAGE
    for failure in EXCUSES.keys() & CODES.keys():
        assert failure in ROWS
        for code in EXCUSES[failure]:
            assert code in ROWS


def test_the_sample_can_be_read() -> None:
    """The Authentication-Results on the page is one that another program reads."""
    sample = re.search(r"^Authentication-Results:.*?(?=^```)", PAGE, re.MULTILINE | re.DOTALL)
    assert sample is not None
    read = authres.AuthenticationResultsHeader.parse(sample[0].replace("\n", ""))
    assert [result.method for result in read.results] == ["iprev", "spf", "dkim", "dkim", "arc", "dmarc"]
