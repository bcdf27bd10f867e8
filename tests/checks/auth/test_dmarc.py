"""DMARC: the RFC 9989 vectors, the author, alignment, and what stays open when DNS does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.auth.dmarc import DmarcCheck, DmarcResult, Identifier, evaluate
from gatepost.checks.auth.dmarc_record import QUERIES
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import limits
from gatepost.mail.address import author, parse_path
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.header import Header
from gatepost.mail.message import Message
from gatepost.world.dns.fake import FakeDns, NoNetworkDns
from support.suites_auth import SUITES, dmarc_cases, inbound

CASES = dmarc_cases()


def found(*identifiers: Identifier) -> Found:
    """Give the evidence that SPF and DKIM would have left."""
    facts = {"spf": "domain", "dkim": "header.d"}
    return Found(
        tuple(
            Evidence(each.method, f"{each.method}.{status}", status, facts={facts[each.method]: each.domain})
            for each in identifiers
            for status in [Status.PASS if each.sure else Status.TEMPERROR]
        )
    )


def run(value: str | bytes, dns: object, *identifiers: Identifier) -> tuple[Evidence, ...]:
    """Run the check on a message with this From field."""
    value = value.encode() if isinstance(value, str) else value
    return DmarcCheck(dns).run(inbound(), Message((Header(b"From", b" " + value),)), found(*identifiers))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_rfc9989_vectors(case: dict[str, Any]) -> None:
    """Every vector gives its result, its policy, its Organizational Domain and its questions, through the check itself."""
    dns = FakeDns(case["zone"], servfail=case.get("servfail") or ())
    identifiers = [Identifier("spf", domain) for domain in case["spf_pass"]]
    identifiers += [Identifier("dkim", domain) for domain in case["dkim_pass"]]
    evidence, *wishes = run(f"a@{case['header_from_domain']}", dns, *identifiers)
    want = case["expect"]
    assert evidence.status in ([want["result"]] if isinstance(want["result"], str) else want["result"])
    for key, fact in (("policy", "policy.dmarc"), ("org_domain", "organization"), ("policy_domain", "policy-domain")):
        if key in want:
            assert evidence.facts[fact] == want[key]
    for method in ("spf", "dkim"):
        if f"{method}_aligned" in want:
            assert (method in evidence.facts.get("aligned", "")) == want[f"{method}_aligned"]
    asked = [question.name for question in dns.asked if question.name.startswith("_dmarc.")]
    if "author_walk_queries" in want:
        assert asked[: len(want["author_walk_queries"])] == want["author_walk_queries"]
    wish = evidence.facts.get("policy.dmarc")
    failed = evidence.code == "dmarc.fail" and wish != "none"
    assert [each.code for each in wishes] == ([f"dmarc.{wish}"] if failed else [])


def test_the_suite_is_whole() -> None:
    """All vectors are run, or the suite is not there at all."""
    assert len(CASES) == (38 if SUITES.is_dir() else 0)


REJECT = {"_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]}, "example.com": {}}


@pytest.mark.parametrize(
    ("identifiers", "code", "aligned"),
    [
        ([Identifier("spf", "example.com")], "dmarc.pass", "spf"),
        ([Identifier("dkim", "mail.example.com")], "dmarc.pass", "dkim"),
        ([Identifier("spf", "x.example.com"), Identifier("dkim", "example.com")], "dmarc.pass", "dkim,spf"),
        ([Identifier("dkim", "example.org")], "dmarc.fail", None),
        ([Identifier("dkim", "notexample.com")], "dmarc.fail", None),
        ([Identifier("dkim", "com")], "dmarc.fail", None),
        ([Identifier("dkim", "example.com", sure=False)], "dmarc.temperror", None),
        ([Identifier("spf", "m.example.com", sure=False)], "dmarc.temperror", None),
        ([Identifier("spf", "example.org", sure=False)], "dmarc.fail", None),
        ([Identifier("spf", "example.com"), Identifier("dkim", "example.com", sure=False)], "dmarc.pass", "spf"),
        ([], "dmarc.fail", None),
    ],
)
def test_alignment(identifiers: list[Identifier], code: str, aligned: str | None) -> None:
    """Only the author's organization counts, and what SPF or DKIM could not find out is no fail."""
    evidence = run("Ann <ann@example.com>", FakeDns(REJECT), *identifiers)[0]
    assert evidence.code == code
    assert evidence.facts.get("aligned") == aligned
    assert evidence.facts["header.from"] == "example.com"
    assert evidence.facts["policy.dmarc"] == "reject"
    assert (evidence.degraded == "dns") == (code == "dmarc.temperror")


_SIGNED = b" v=1; a=rsa-sha256; d=%b; s=s; h=from; bh=eA==; b=eA=="


@pytest.mark.parametrize(
    ("lost", "sender", "signer", "code"),
    [
        ("spf.error", b"ann@example.com", b"", "dmarc.temperror"),
        ("spf.timeout", b"ann@m.example.com", b"", "dmarc.temperror"),
        ("spf.error", b"eve@attack.example", b"example.com", "dmarc.fail"),
        ("spf.error", b"<>", b"", "dmarc.temperror"),
        ("dkim.error", b"ann@example.com", b"m.example.com", "dmarc.temperror"),
        ("dkim.timeout", b"ann@example.com", b"example.com", "dmarc.temperror"),
        ("dkim.error", b"ann@example.com", b"attack.example", "dmarc.fail"),
        ("dkim.error", b"ann@example.com", b"", "dmarc.fail"),
    ],
)
def test_a_check_that_failed_leaves_open_what_it_would_have_found(
    lost: str, sender: bytes, signer: bytes, code: str
) -> None:
    """A fault of ours is no failure of the author's, and opens nothing for a domain of which the message does not speak."""
    check = lost.partition(".")[0]
    others = found(Identifier("dkim" if check == "spf" else "spf", "other.example"))
    before = others.plus([Evidence(check, lost, Status.TEMPERROR, degraded=check)])
    fields = [Header(b"DKIM-Signature", _SIGNED % signer)] if signer else []
    message = Message((*fields, Header(b"From", b" Ann <ann@example.com>")))
    envelope = inbound(sender=parse_path(sender), helo="mx.example.com")
    evidence = DmarcCheck(FakeDns(REJECT)).run(envelope, message, before)[0]
    assert (evidence.code, evidence.degraded) == (code, "")
    passed = found(Identifier("dkim" if check == "spf" else "spf", "example.com")).plus(before.of(check))
    assert DmarcCheck(FakeDns(REJECT)).run(envelope, message, passed)[0].code == "dmarc.pass"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Ann",
        "a@example.com, b@attack.example",
        "<@example.com:b@attack.example>",
        "G: a@example.com;",
        "a@x.example\x00",
    ],
)
def test_no_one_author(value: str) -> None:
    """Without one plain author domain nothing is asked and nothing passes."""
    dns = FakeDns(REJECT)
    evidence = run(value, dns, Identifier("dkim", "example.com"), Identifier("spf", "attack.example"))
    assert [each.code for each in evidence] == ["dmarc.permerror"]
    assert dns.asked == []


def test_two_from_fields() -> None:
    """A message with two From fields has no author to judge."""
    headers = (Header(b"From", b" a@attack.example"), Header(b"From", b" a@example.com"))
    evidence = DmarcCheck(FakeDns(REJECT)).run(inbound(), Message(headers), found(Identifier("dkim", "attack.example")))
    assert [each.code for each in evidence] == ["dmarc.permerror"]


def test_several_mailboxes_of_one_domain_are_judged() -> None:
    """Two authors of one domain have one domain (RFC 9989)."""
    assert (
        run("a@example.com, b@example.com", FakeDns(REJECT), Identifier("spf", "example.com"))[0].code == "dmarc.pass"
    )


def test_without_dns() -> None:
    """No network means temperror, never fail."""
    (evidence,) = run("a@example.com", NoNetworkDns(), Identifier("spf", "example.com"))
    assert (evidence.code, evidence.degraded) == ("dmarc.temperror", "dns")


def test_an_unknown_existence_takes_the_milder_policy() -> None:
    """When DNS does not say whether the author's domain exists, np and sp are not guessed between."""
    zone = {"_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject; sp=none; np=reject"]}}
    dns = FakeDns(zone, servfail=["sub.example.com"])
    evidence = run("a@sub.example.com", dns)
    assert [each.code for each in evidence] == ["dmarc.fail"]
    assert evidence[0].facts["policy.dmarc"] == "none"


@pytest.mark.parametrize(
    ("zone", "author_domain", "signer", "want"),
    [
        (
            {"bank.example": ["v=DMARC1; p=reject; psd=y"], "example": ["v=DMARC1; p=none"]},
            "bank.example",
            "evil.example",
            ("dmarc.fail", "reject", "bank.example"),
        ),
        (
            {"bank.example": ["v=DMARC1; p=reject; psd=y"], "example": ["v=DMARC1; p=none"]},
            "bank.example",
            "evil.bank.example",
            ("dmarc.fail", "reject", "bank.example"),
        ),
        (
            {"bank.example": ["v=DMARC1; p=reject; psd=y"]},
            "bank.example",
            "bank.example",
            ("dmarc.pass", "reject", "bank.example"),
        ),
        (
            {"gov.example": ["v=DMARC1; p=reject; psd=y"], "example": ["v=DMARC1; p=reject"]},
            "x.example",
            "gov.example",
            ("dmarc.fail", "reject", "example"),
        ),
        (
            {"a.example.com": ["v=DMARC1; p=none; p=none", "v=DMARC1; p=none"], "example.com": ["v=DMARC1; p=reject"]},
            "a.example.com",
            "example.org",
            ("dmarc.fail", "reject", "example.com"),
        ),
        (
            {"example.com": ["v=DMARC1x; p=none", "v=spf1", "v=DMARC1; p=reject"]},
            "example.com",
            "example.org",
            ("dmarc.fail", "reject", "example.com"),
        ),
    ],
)
def test_where_an_organization_begins(
    zone: dict[str, list[str]], author_domain: str, signer: str, want: tuple[str, str, str]
) -> None:
    """A walk stops at psd=y, at its start too, and records are told apart by their version alone (RFC 9989 4.10 step 2)."""
    dns = FakeDns({f"_dmarc.{name}": {"TXT": values} for name, values in zone.items()})
    evidence = run(f"a@{author_domain}", dns, Identifier("dkim", signer))[0]
    assert (evidence.code, evidence.facts["policy.dmarc"], evidence.facts["organization"]) == want


def test_questions_are_bounded() -> None:
    """However many domains signed and however deep they are, the questions have an end."""
    dns = FakeDns(REJECT)
    deep = ".".join("abcdefghijklmnop")
    names = [Identifier("dkim", f"{deep}{number}.example.com") for number in range(40)]
    evaluate(f"{deep}.example.com", names, dns)
    assert len(dns.asked) <= (limits.DMARC_IDENTIFIERS + 1) * QUERIES + 1


def test_identical_domains_count_beyond_the_bound() -> None:
    """The author's own domain is found among any number of others."""
    names = [Identifier("dkim", f"s{number}.example.com") for number in range(40)]
    result = evaluate("example.com", [*names, Identifier("dkim", "example.com")], FakeDns(REJECT))
    assert result.status is Status.PASS


def test_other_directions_are_not_judged() -> None:
    """Our own users' mail has not been authenticated that way."""
    message = Message((Header(b"From", b" a@example.com"),))
    assert DmarcCheck(FakeDns(REJECT)).run(Envelope(direction=Direction.OUTBOUND), message, Found()) == ()


PIECES = st.sampled_from(
    [
        "a@example.com",
        "b@attack.example",
        "<",
        ">",
        '"',
        "(",
        ")",
        ",",
        ":",
        ";",
        "@",
        " ",
        "=?utf-8?q?=3Ca=40example.com=3E?=",
    ]
)
NAMES = st.lists(st.sampled_from(["example", "com", "co", "uk", "a", "b", "attack"]), min_size=1, max_size=5).map(
    ".".join
)
RECORDS = st.sampled_from(
    [
        "v=DMARC1; p=reject",
        "v=DMARC1; p=none; psd=y",
        "v=DMARC1; p=quarantine; psd=n",
        "v=DMARC1; adkim=s; p=none",
        "v=spf1",
    ]
)
ZONES = st.dictionaries(NAMES.map("_dmarc.{}".format), RECORDS.map(lambda text: {"TXT": [text]}), max_size=6)


@given(st.lists(PIECES, max_size=10).map("".join))
@settings(max_examples=200)
def test_no_from_field_passes_for_somebody_else(value: str) -> None:
    """Whatever a From field says, who authenticated as attack.example never passes for another domain."""
    evidence = run(value, FakeDns(REJECT), Identifier("spf", "attack.example"), Identifier("dkim", "attack.example"))
    if any(each.code == "dmarc.pass" for each in evidence):
        raise AssertionError("attack.example has no record, so nothing can pass")
    writer = author((Header(b"From", b" " + value.encode()),))
    assert evidence[0].facts.get("header.from") == (writer.mailbox.domain if writer.mailbox else None)


def _evaluate(domain: str, other: str, zone: dict[str, Any]) -> DmarcResult:
    return evaluate(domain, [Identifier("dkim", other)], FakeDns(zone))


@given(NAMES, NAMES, ZONES)
@settings(max_examples=200)
def test_a_pass_needs_a_common_name(domain: str, other: str, zone: dict[str, Any]) -> None:
    """In any zone, domains that share no suffix are never aligned; the same domain always is where there is a record."""
    result = _evaluate(domain, other, zone)
    if result.status is Status.PASS:
        assert domain.rsplit(".", maxsplit=1)[-1] == other.rsplit(".", maxsplit=1)[-1]
    same = _evaluate(domain, domain, zone)
    assert same.status in (Status.PASS, Status.NONE)


@given(NAMES, NAMES, ZONES, st.sets(NAMES.map("_dmarc.{}".format), max_size=3))
@settings(max_examples=200)
def test_trouble_never_turns_into_a_verdict_of_its_own(
    domain: str, other: str, zone: dict[str, Any], failing: set[str]
) -> None:
    """What is pass or fail while some names do not answer is the same once they answer that there is nothing."""
    partial = evaluate(domain, [Identifier("dkim", other)], FakeDns(zone, servfail=failing))
    if partial.status in (Status.PASS, Status.FAIL):
        whole = _evaluate(domain, other, {name: types for name, types in zone.items() if name not in failing})
        assert whole.status is partial.status
