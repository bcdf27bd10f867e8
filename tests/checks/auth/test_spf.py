"""SPF: the RFC 7208 suite through our DNS door, and what the check makes of it."""

from __future__ import annotations

import time
from ipaddress import ip_address

import authres
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.auth.spf import CODES, SpfCheck, check_host
from gatepost.effects.headers import authentication_results
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import limits
from gatepost.mail.address import parse_path
from gatepost.mail.envelope import Client, Direction, Envelope
from gatepost.mail.message import Message
from gatepost.world.clock import FakeClock
from gatepost.world.dns.fake import FakeDns, NoNetworkDns
from support.suites_auth import SPF_EXCEPTIONS, SUITES, SpfCase, inbound, spf_cases

CASES = [case for suite in ("rfc7208", "rfc4408", "pyspf-extra") for case in spf_cases(suite)]
ZONE = {
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]},
    "mx.example.org": {"TXT": ["v=spf1 a -all"], "A": ["192.0.2.7"]},
    "ptr.example": {"TXT": ["v=spf1 ptr ip4:192.0.2.1 -all"]},
    "broken.example": {"TXT": ["v=spf1 ip4:192.0.2.300 -all"]},
    "include.example": {"TXT": ["v=spf1 include:slow.example -all"]},
    "bücher.example".encode("idna").decode(): {"TXT": ["v=spf1 +all"]},
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_suites(case: SpfCase) -> None:
    """Every case of the openspf.org suites and of pyspf gives a result, and an explanation, that it accepts.

    Where RFC 4408 left an answer open, its suite lists several; the one that RFC 7208 kept is among them.
    """
    result = check_host(ip_address(case.ip), case.sender, case.helo, case.dns, FakeClock())
    if case.name in SPF_EXCEPTIONS:
        words, reason = SPF_EXCEPTIONS[case.name]
        assert result.status in words
        assert result.status not in case.results, f"no exception any more: {reason}"
        return
    assert result.status in case.results
    if case.explanation != "DEFAULT":
        assert result.explanation == case.explanation


# Through the check an address counts only when it is one: here a space stands in its local part without quotes.
NO_ADDRESS = "Semantics of exp and other modifiers: dorky-sentinel"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_suites_end_to_end(case: SpfCase) -> None:
    """From the envelope to Authentication-Results every case says the same."""
    envelope = inbound(case.ip, helo=case.helo, sender=parse_path(f"<{case.sender}>".encode()))
    (evidence,) = SpfCheck(case.dns, FakeClock()).run(envelope, Message(()), Found())
    words = ("none",) if case.name == NO_ADDRESS else SPF_EXCEPTIONS.get(case.name, (case.results, ""))[0]
    assert evidence.status in words
    line = authentication_results("mx.example.org", [evidence])
    read = authres.AuthenticationResultsHeader.parse_value(line)
    assert [(result.method, result.result) for result in read.results] == [("spf", str(evidence.status))]


def test_old_cases_agree_with_the_new_ones() -> None:
    """A case that both RFCs' suites have is judged once: what is answered there is acceptable here too."""
    new = {case.name: case for case in spf_cases()}
    for case in spf_cases("rfc4408"):
        assert set(new[case.name].results) & set(case.results), case.name


def test_the_suites_are_whole() -> None:
    """The suites are run to their last case, or they are not there at all."""
    assert len(CASES) == (203 + 191 + 16 if SUITES.is_dir() else 0)
    assert set(SPF_EXCEPTIONS) <= {case.name for case in CASES} or not SUITES.is_dir()


def run(sender: bytes, ip: str | None = "192.0.2.7", helo: str = "mx.example.org", dns: object = None) -> Evidence:
    """Run the check on an envelope and give its one finding."""
    envelope = Envelope(client=Client(ip=ip_address(ip) if ip else None, helo=helo), sender=parse_path(sender))
    resolver = dns or FakeDns(ZONE, timeout=["slow.example"])
    (evidence,) = SpfCheck(resolver, FakeClock()).run(envelope, Message(()), Found())
    return evidence


@pytest.mark.parametrize(
    ("sender", "ip", "code"),
    [
        (b"<ann@example.com>", "192.0.2.7", "spf.pass"),
        (b"<ann@EXAMPLE.com>", "192.0.2.7", "spf.pass"),
        (b"<ann@example.com>", "::ffff:192.0.2.7", "spf.pass"),
        (b"<ann@example.com>", "198.51.100.1", "spf.fail"),
        (b"<ann@example.com>", "2001:db8::1", "spf.fail"),
        (b"<ann@nothing.example>", "192.0.2.7", "spf.none"),
        (b"<ann@broken.example>", "192.0.2.7", "spf.permerror"),
        (b"<ann@slow.example>", "192.0.2.7", "spf.temperror"),
        (b"<ann@include.example>", "192.0.2.7", "spf.temperror"),
        ("<ann@bücher.example>".encode(), "192.0.2.7", "spf.pass"),
        (b"<any@example.com(a.attack.com>", "192.0.2.7", "spf.none"),
        (b"<ann>", "192.0.2.7", "spf.none"),
    ],
)
def test_mail_from(sender: bytes, ip: str, code: str) -> None:
    """The MAIL FROM domain is judged, in one form, and hostile paths count for nobody."""
    evidence = run(sender, ip)
    assert evidence.code == code
    assert evidence.status == code.removeprefix("spf.")
    assert "smtp.mailfrom" in evidence.facts


def test_the_null_path_is_judged_by_helo() -> None:
    """A bounce is judged by its HELO name (RFC 7208 2.4)."""
    evidence = run(b"<>")
    assert evidence.code == "spf.pass"
    assert evidence.facts["smtp.helo"] == evidence.facts["domain"] == "mx.example.org"
    assert "smtp.mailfrom" not in evidence.facts
    assert run(b"<>", helo="[192.0.2.7]").code == "spf.none"
    assert run(b"<>", helo="").code == "spf.none"


@pytest.mark.parametrize("helo", ["", "[192.0.2.7]", "JUMPIN' JUPITER", "\ud800", "é\x00%{h}", "-" * 5_000])
def test_any_helo_is_text_for_a_macro(helo: str) -> None:
    """Under MAIL FROM the HELO name only fills %{h}: whatever it is, the rest of the record is judged."""
    dns = FakeDns({"example.com": {"TXT": ["v=spf1 exists:%{h}.x.example ip4:192.0.2.7 -all"]}})
    assert run(b"<ann@example.com>", helo=helo, dns=dns).code == "spf.pass"


def test_a_quoted_at_does_not_move_the_domain() -> None:
    """The domain is what stands behind the last @, for pyspf too, which would take the first."""
    dns = FakeDns({**ZONE, "attack.example": {"TXT": ["v=spf1 +all"]}})
    evidence = run(b'<"x@attack.example"@example.com>', "198.51.100.1", dns=dns)
    assert evidence.code == "spf.fail"
    assert evidence.facts["domain"] == "example.com"
    assert {question.name for question in dns.asked} == {"example.com"}


def test_a_strangers_explanation_is_not_shown() -> None:
    """What a domain writes into exp= stays out of our sentences."""
    zone = {"x.example": {"TXT": ["v=spf1 -all exp=e.x.example"]}, "e.x.example": {"TXT": ["Call 555-0100 now"]}}
    evidence = run(b"<ann@x.example>", dns=FakeDns(zone))
    assert evidence.detail == "SPF: x.example says that 192.0.2.7 may not send for it."


def test_no_client_no_spf() -> None:
    """Mail from no network client has nothing to check."""
    assert run(b"<ann@example.com>", ip=None).code == "spf.none"


def test_trouble_is_temporary_and_marked() -> None:
    """Without DNS the result is temperror, and the evidence names the dependency."""
    evidence = run(b"<ann@example.com>", dns=NoNetworkDns())
    assert (evidence.status, evidence.degraded) == (Status.TEMPERROR, "dns")
    assert run(b"<ann@example.com>").degraded == ""


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("v=spf1 ip4:192.0.2.300 -all", "syntax error: ip4:192.0.2.300"),
        ("v=spf1 redirect=a.example redirect=a.example", "a second redirect modifier: redirect=a.example"),
        ("v=spf1 include:broken.example -all", "syntax error: ip4:192.0.2.300"),
        ("v=spf1 include:nothing.example -all", "no SPF record to include: include:nothing.example"),
        ("v=spf1 redirect=nothing.example", "no SPF record to go on with: redirect=nothing.example"),
        ("v=spf1 include:x.example -all", "more than 10 terms ask DNS: include:x.example"),
        ("v=spf1 a:a.example a:b.example a:c.example -all", "more than 2 terms find nothing in DNS: a:c.example"),
        ("v=spf1 include:slow.example -all", "DNS: timeout for slow.example: include:slow.example"),
    ],
)
def test_the_reason_names_the_term(record: str, reason: str) -> None:
    """What is wrong with a record is said with its term, in the facts and in Authentication-Results."""
    dns = FakeDns({**ZONE, "x.example": {"TXT": [record]}}, timeout=["slow.example"])
    evidence = run(b"<ann@x.example>", dns=dns)
    assert evidence.facts["reason"] == reason
    assert reason in evidence.detail
    (line,) = authres.AuthenticationResultsHeader.parse_value(authentication_results("mx", [evidence])).results
    assert line.reason == reason


@pytest.mark.parametrize("record", ["v=spf1 " + "a" * 400, "v=spf1 a:é" + " a" * 500, 'v=spf1 x);";\r\n'])
def test_a_reason_is_bounded_and_clean(record: str) -> None:
    """A stranger's term stays one short word of our header, whatever stands in it."""
    evidence = run(b"<ann@x.example>", dns=FakeDns({"x.example": {"TXT": [record]}}))
    assert evidence.code == "spf.permerror"
    assert len(evidence.facts["reason"]) <= limits.DETAIL_CHARACTERS
    (line,) = authres.AuthenticationResultsHeader.parse_value(authentication_results("mx", [evidence])).results
    assert len(line.reason) <= 120


def test_other_results_have_no_reason() -> None:
    """A result that judges the client needs no reason, and has none."""
    assert "reason" not in run(b"<ann@example.com>").facts
    assert "reason" not in run(b"<ann@nothing.example>").facts


def test_trouble_with_reverse_names_is_no_match() -> None:
    """A DNS error while looking at the client's name means no match, not temperror (RFC 7208 5.5)."""
    dns = FakeDns(ZONE, servfail=["1.2.0.192.in-addr.arpa"])
    assert run(b"<ann@ptr.example>", "192.0.2.1", dns=dns).code == "spf.pass"


def test_other_directions_are_not_judged() -> None:
    """Outbound and internal mail has no SPF."""
    for direction in (Direction.OUTBOUND, Direction.INTERNAL):
        envelope = Envelope(client=Client(ip=ip_address("192.0.2.7")), direction=direction)
        assert SpfCheck(FakeDns(), FakeClock()).run(envelope, Message(()), Found()) == ()


def test_lookups_are_bounded() -> None:
    """A record that sends the checker round in circles is a permanent error after ten look-ups."""
    zone = {f"n{number}.example": {"TXT": [f"v=spf1 include:n{number + 1}.example -all"]} for number in range(30)}
    dns = FakeDns(zone)
    assert run(b"<ann@n0.example>", dns=dns).code == "spf.permerror"
    assert len(dns.asked) <= 12


@pytest.mark.parametrize(
    "term",
    [
        "a:x." + "a" * 30_000 + "!",
        "exists:%%" + ".a" * 15_000,
        "exists:" + "%%." * 10_000 + "a",
        " ".join(["?ip4:198.51.100.1"] * 1_700),
        " ".join(f"a{number}=x" for number in range(4_000)),
        "exp=long.example -all",
        "exists:" + "%{s}" * 100,
        " ".join(["?exists:" + "%{Sr.-+,/_=}" * 40 + ".%{p}"] * 15),
        " ".join(["?exists:" + "%{d" + "9" * 400] * 15),
        " ".join(["a:x" + "/1" * 240] * 15),
        " ".join(["?exists:" + "%{sr1}." * 50 + "x"] * 18),
    ],
)
def test_records_cannot_make_it_slow(term: str) -> None:
    """A record may be as long as DNS allows: it costs no more than a common one (pyspf alone: up to half a minute)."""
    dns = FakeDns({"example.com": {"TXT": [f"v=spf1 {term}"]}, "long.example": {"TXT": ["%%." * 10_000]}})
    started = time.perf_counter()
    run(b"<" + b"a.b-" * 900 + b"c@example.com>", dns=dns)
    assert time.perf_counter() - started < 1.0


TERMS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "all",
                "-all",
                "a",
                "mx",
                "ptr",
                "ip4:192.0.2.7",
                "ip6:::1",
                "a:x.example//64",
                "a/33",
                "include:x.example",
                "exists:%{ir}.%{v}._spf.%{d2}",
                "exists:%{l1r-}.%{h}.x.example",
                "redirect=x.example",
                "exp=x.example",
                "exists:%{p}.%{S}.x.example",
                "include:%{",
                "a:%%%_%-",
                "é",
                "ip4:1.2.3.4/",
                "?mx:x.example/0",
                "op=x",
                "a:" + "x" * 300,
                "a:..",
                "exists:%{d0}",
                "exists:%{i999r+-/,_=}.x",
                "redirect=",
            ]
        ),
        st.text(max_size=12),
    ),
    max_size=8,
).map(" ".join)


@given(TERMS, TERMS, st.binary(max_size=30), st.text(max_size=20), st.sampled_from(["192.0.2.7", "2001:db8::1"]))
@settings(max_examples=300)
def test_no_record_raises(one: str, two: str, local: bytes, helo: str, ip: str) -> None:
    """Whatever a domain publishes and a sender says, SPF gives one of its words."""
    dns = FakeDns(
        {
            "example.com": {"TXT": [f"v=spf1 {one}"], "A": ["192.0.2.7"], "MX": [(10, "x.example")]},
            "x.example": {"TXT": [f"v=spf1 {two}"], "A": ["192.0.2.8"], "AAAA": ["2001:db8::1"]},
            "7.2.0.192.in-addr.arpa": {"PTR": ["x.example", "example.com"]},
        }
    )
    evidence = run(b"<" + local + b"@example.com>", ip, helo, dns)
    assert evidence.code in CODES
    assert len(dns.asked) <= 130
