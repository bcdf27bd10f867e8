"""DNS from a map: what it answers, what it refuses, what a zone file may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepost.world.dns.door import NoData, NoSuchName, Question, Records, RecordType, TempFailure
from gatepost.world.dns.fake import FakeDns, NoNetworkDns, ZoneError

ZONE = {
    "Example.com.": {
        "A": ["192.0.2.1"],
        "AAAA": ["2001:DB8::1"],
        "MX": ["10 MX.example.com.", [20, "mx2.example.com"]],
        "TXT": ["plain", ["two ", "strings"], b"\xff"],
    },
    "alias.example.com": {"CNAME": ["example.com"]},
    "loop.example.com": {"CNAME": ["loop.example.com"]},
    "dangling.example.com": {"CNAME": ["nowhere.example.com"]},
    "deep.under.example.org": {"A": ["192.0.2.2"]},
    "empty.example.com": {},
    "1.2.0.192.in-addr.arpa": {"PTR": ["Host.Example.com."]},
}


def ask(dns: FakeDns, name: str, kind: str = "A") -> object:
    """Ask one question."""
    return dns.ask(Question(name, RecordType(kind)))


@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        ("EXAMPLE.com", "A", ("192.0.2.1",)),
        ("example.com.", "AAAA", ("2001:db8::1",)),
        ("example.com", "MX", ((10, "mx.example.com"), (20, "mx2.example.com"))),
        ("example.com", "TXT", (b"plain", b"two strings", b"\xff")),
        ("alias.example.com", "A", ("192.0.2.1",)),
        ("1.2.0.192.in-addr.arpa", "PTR", ("host.example.com",)),
    ],
)
def test_records(name: str, kind: str, values: tuple[object, ...]) -> None:
    """Values come in the door's form, whatever the case and dots of the zone."""
    answer = ask(FakeDns(ZONE), name, kind)
    assert isinstance(answer, Records)
    assert answer.values == values


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("nowhere.example.com", NoSuchName),
        ("dangling.example.com", NoSuchName),
        ("example.org", NoData),
        ("under.example.org", NoData),
        ("empty.example.com", NoData),
        ("loop.example.com", TempFailure),
        ("a" * 64 + ".example.com", NoSuchName),
        ("a." * 130 + "com", NoSuchName),
        ("a..example.com", NoSuchName),
        ("", NoSuchName),
        ("bücher.example", NoSuchName),
    ],
)
def test_what_is_not_there(name: str, want: type) -> None:
    """An absent name, a name without data and an endless alias are three different things."""
    assert isinstance(ask(FakeDns(ZONE), name), want)


def test_failure_is_data() -> None:
    """Names listed as failing fail for every type, also behind an alias; questions are counted."""
    dns = FakeDns(ZONE, servfail=["Example.COM."], timeout=["slow.example"])
    assert ask(dns, "example.com") == TempFailure("SERVFAIL for example.com")
    assert ask(dns, "alias.example.com", "TXT") == TempFailure("SERVFAIL for example.com")
    assert ask(dns, "slow.example", "MX") == TempFailure("timeout for slow.example")
    assert [question.name for question in dns.asked] == ["example.com", "alias.example.com", "slow.example"]


def test_a_zone_file_is_read(tmp_path: Path) -> None:
    """The form of `--dns-zone`: names, types, lists or single values, and what fails."""
    path = tmp_path / "zone.yml"
    path.write_text(
        "example.com:\n  TXT: v=spf1 -all\n  MX: [10, mx.example.com]\n  NS: [ns.example.com]\n"
        "_dmarc.example.com:\n  TXT: [[v=DMARC1; , p=reject]]\n"
        "bare.example:\n"
        "servfail: [bad.example]\ntimeout: slow.example\n"
    )
    dns = FakeDns.from_yaml(path)
    assert ask(dns, "example.com", "TXT") == Records((b"v=spf1 -all",))
    assert ask(dns, "example.com", "MX") == Records(((10, "mx.example.com"),))
    assert ask(dns, "_dmarc.example.com", "TXT") == Records((b"v=DMARC1;p=reject",))
    assert ask(dns, "bare.example") == NoData()
    assert isinstance(ask(dns, "bad.example"), TempFailure)
    assert isinstance(ask(dns, "slow.example"), TempFailure)


def test_an_empty_zone_file_is_an_empty_zone(tmp_path: Path) -> None:
    """No names at all is a zone too."""
    path = tmp_path / "zone.yml"
    path.write_text("")
    assert ask(FakeDns.from_yaml(path), "example.com") == NoSuchName()


@pytest.mark.parametrize(
    "text",
    [
        "[a, b]",
        "a: [",
        "example.com: text",
        "example.com: {TXTT: [x]}",
        "example.com: {A: [not-an-address]}",
        "example.com: {A: ['2001:db8::1']}",
        "example.com: {MX: [mx.example.com]}",
        "example.com: {TXT: [null]}",
        "a..b: {A: [192.0.2.1]}",
        "servfail: {a: b}",
        "a: *b",
        "\x00",
        "[" * 3000,
    ],
)
def test_a_bad_zone_file_is_one_line(tmp_path: Path, text: str) -> None:
    """What cannot be read as a zone is reported in one line that names the file."""
    path = tmp_path / "zone.yml"
    path.write_text(text)
    with pytest.raises(ZoneError) as error:
        FakeDns.from_yaml(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_missing_zone_file_is_one_line(tmp_path: Path) -> None:
    """A file that is not there is a ZoneError too."""
    with pytest.raises(ZoneError, match="No such file"):
        FakeDns.from_yaml(tmp_path / "none.yml")


def test_no_network() -> None:
    """Without a network every question is a temporary failure."""
    assert isinstance(NoNetworkDns().ask(Question("example.com", RecordType.A)), TempFailure)
