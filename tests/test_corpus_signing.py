"""The tool that signs mail cases: what it signs must verify, or the signed cases prove nothing."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from support.cases import FOLDER, Case

MESSAGE = """\
Authentication-Results: mx.list.example; spf=pass smtp.mailfrom=a@sender.example
From: Anna  Berg <anna@sender.example>
To: piet@rcpt.example
Subject: folded
\tand  spaced
Date: Sun, 1 Nov 2026 10:58:00 +0000
Message-ID: <1@sender.example>

two  words \t

"""


@pytest.fixture(scope="module")
def sign() -> ModuleType:
    """Load the tool, which is a script beside the cases and no module of the tests."""
    spec = importlib.util.spec_from_file_location("sign", FOLDER / "sign.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def found(sign: ModuleType, tmp_path: Path, check: str, *options: str) -> list[str]:
    """Sign a case that is made for it, and give the codes of one check."""
    stem = tmp_path / "01-signed"
    stem.with_name("01-signed.eml").write_text(MESSAGE)
    sign.main([str(stem), *options])
    return [item.code for item in Case(stem).judge().evidence if item.check == check]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], "dkim.pass"),
        (["--bits", "2048", "--identity", "a@sub.sender.example"], "dkim.pass"),
        (["--kind", "ed25519"], "dkim.pass"),
        (["--length", "--expires", "1793600000"], "dkim.pass"),
        (["--headers", "from:subject:from:absent"], "dkim.pass"),
        (["--algorithm", "rsa-sha1"], "dkim.policy"),
        (["--bits", "512"], "dkim.policy"),
    ],
)
def test_what_is_signed_verifies(sign: ModuleType, tmp_path: Path, options: list[str], code: str) -> None:
    """Each kind of key and tag gives a signature that our verifier, which shares no code with it, finds valid."""
    assert found(sign, tmp_path, "dkim", "--domain", "sender.example", *options) == [code]


def test_arc_sets_verify(sign: ModuleType, tmp_path: Path) -> None:
    """An ARC set made by the tool is an unbroken chain."""
    options = ["--domain", "list.example", "--arc", "--authserv-id", "mx.list.example"]
    assert found(sign, tmp_path, "arc", *options) == ["arc.pass"]


def test_no_private_key_is_kept() -> None:
    """No case folder holds a private key."""
    assert not [path for path in FOLDER.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]
