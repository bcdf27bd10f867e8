"""Reading Authentication-Results: RFC 8601's examples, real servers' values, and whatever else arrives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.mail import limits
from gatepost.mail.authres import Result, Results, read_results

SUITE = Path(__file__).resolve().parents[2] / ".." / "shared" / "suites" / "authres" / "lieser-arh.json"
CASES: list[dict[str, Any]] = json.loads(SUITE.read_text()) if SUITE.exists() else []

# What a strict reader throws away is read here, but for brackets that do not match.
UNREADABLE = ("(another)))", "((good (comment")


def value_of(header: str) -> bytes:
    """Give the value of a header line."""
    return header.partition(":")[2].removesuffix("\r\n").encode()


def looked_up(found: Results, path: str) -> object:
    """Follow a path of the suite, `resinfo[0]?.properties.smtp.mailfrom`."""
    if not path.startswith("resinfo"):
        return str(found.version) if path == "authres_version" else getattr(found, path)
    if path == "resinfo.length":
        return str(len(found.results))
    result = found.results[int(path[8])]
    name = path.partition("?.")[2].replace('["', ".").replace('"]', "")
    if name.startswith("properties."):
        return result.properties[name.removeprefix("properties.")]
    return {"method": result.method, "result": result.word, "reason": result.reason, "method_version": "1"}[name]


@pytest.mark.parametrize("case", [case for case in CASES if not case["throws"]], ids=lambda case: case["title"])
def test_what_the_suite_reads(case: dict[str, Any]) -> None:
    """Every value that the suite reads, by the letter or with indulgence, is read to the same result."""
    found = read_results(value_of(case["header"]))
    assert found is not None
    assert {path: looked_up(found, path) for path in case["expect"]} == case["expect"]


@pytest.mark.parametrize("case", [case for case in CASES if case["throws"]], ids=lambda case: case["title"])
def test_what_the_suite_refuses(case: dict[str, Any]) -> None:
    """Of what a strict reader refuses, open brackets are refused and the rest is read."""
    refused = any(mark in case["header"] for mark in UNREADABLE)
    assert (read_results(value_of(case["header"])) is None) == refused


def test_the_suite_is_whole() -> None:
    """The suite is run to its last case, or it is not there at all."""
    assert len(CASES) == (58 if SUITE.exists() else 0)


def test_sealed_results() -> None:
    """The instance of an ARC-Authentication-Results field stands before the authserv-id (RFC 8617 4.1.1)."""
    value = b" i=2; MX.list.example. 1; dmarc=pass (p=NONE) header.from=a.example; spf=fail"
    found = read_results(value, sealed=True)
    assert found == Results(
        "mx.list.example",
        1,
        (Result("dmarc", "pass", properties={"header.from": "a.example"}), Result("spf", "fail")),
        2,
    )


@pytest.mark.parametrize(
    ("value", "sealed"),
    [
        (b" i=1; gw.example; dmarc=pass", False),
        (b" (c) i = 1 ; gw.example; dmarc=pass", False),
        (b" i=1", False),
        (b" gw.example; dmarc=pass", True),
        (b" i=x; gw.example; dmarc=pass", True),
        (b"", True),
    ],
)
def test_only_sealed_results_have_an_instance(value: bytes, *, sealed: bool) -> None:
    """An instance in Authentication-Results, or none in ARC-Authentication-Results, makes the field unreadable."""
    assert read_results(value, sealed=sealed) is None


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        (
            b"spf=pass smtp.mailfrom=a@x.example smtp.helo=h.example",
            {"smtp.mailfrom": "a@x.example", "smtp.helo": "h.example"},
        ),
        (b'spf=pass smtp.mailfrom="a b"@x.example', {"smtp.mailfrom": "a b@x.example"}),
        (b'spf=pass smtp.mailfrom="a; dmarc=pass header.from=b"', {"smtp.mailfrom": "a; dmarc=pass header.from=b"}),
        (b"spf=pass (x) smtp . mailfrom = (y) x.example", {"smtp.mailfrom": "x.example"}),
        (b"spf=pass header.d=a header.d=b smtp.helo=c", {"smtp.helo": "c"}),
        (b"spf=pass header.d=a header.d=a", {"header.d": "a"}),
        (b"spf=pass junk header.d=a", {}),
        (b"spf=pass action=none header.d=a", {"header.d": "a"}),
        (b'spf=pass header.d="a"b" header.i=c', None),
        (b"spf=pass header.b=ab/c+d==", {"header.b": "ab/c+d=="}),
    ],
)
def test_properties(text: bytes, properties: dict[str, str] | None) -> None:
    """Properties are read as far as they can be read in one way."""
    found = read_results(b"mx.example; " + text)
    assert (found.results[0].properties if found else None) == properties


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" ",
        b";",
        b"(x",
        b"a; spf=pass (",
        b"a; spf=pass )",
        b'"a; none',
        b"a b c; none",
        b"a" * (limits.AUTH_RESULTS_BYTES + 1),
    ],
)
def test_what_cannot_be_read(value: bytes) -> None:
    """A value without an author, with open brackets or quotes, or out of bounds says nothing."""
    assert read_results(value) is None


def test_many_results_are_bounded() -> None:
    """Results past the bound are not read."""
    found = read_results(b"a" + b"; spf=pass" * 1_000)
    assert found is not None
    assert len(found.results) == limits.AUTH_RESULTS


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=300), st.text('a.=;()"\\ /1i@\r\n\t', max_size=300).map(str.encode)))
def test_nothing_raises(value: bytes) -> None:
    """Whatever stands there, it is read or it is not."""
    found = read_results(value)
    assert found is None or all(result.method and result.word for result in found.results)


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=60))
def test_a_quoted_value_cannot_add_a_result(text: str) -> None:
    """What stands in quotes is one value, whatever it holds."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    found = read_results(f'a; spf=fail smtp.mailfrom="{quoted}"; dkim=fail'.encode())
    assert found is not None
    assert [(result.method, result.word) for result in found.results] == [("spf", "fail"), ("dkim", "fail")]
    assert found.results[0].properties == {"smtp.mailfrom": text}


def test_it_is_linear() -> None:
    """The longest value takes no time, whatever it is made of."""
    for piece in (b'"', b"(", b"\\", b"a.", b"a=b ", b'"a" ', b"(()"):
        read_results(b"a; spf=pass " + piece * (limits.AUTH_RESULTS_BYTES // len(piece) - 20))
