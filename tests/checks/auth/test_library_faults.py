"""What dkimpy, pyspf and authres get wrong, one test for each fault.

Each test shows the fault in the bare library first, so that it fails when a release mends it and what covers it here can
go; then it shows that the fault does not reach our results.
"""

from __future__ import annotations

import email.utils
import logging
import time
from ipaddress import ip_address

import authres
import dkim
import pytest
import spf
from dkim.canonicalization import Relaxed

from gatepost.checks.auth.arc import verify_chain
from gatepost.checks.auth.dkim import DkimCheck, Rules
from gatepost.checks.auth.dmarc import Identifier, evaluate
from gatepost.checks.auth.signed import SignedMessage, relaxed_body
from gatepost.checks.auth.spf import check_host
from gatepost.effects.headers import authentication_results, claims
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail.address import author
from gatepost.mail.authres import read_results
from gatepost.mail.header import Header
from gatepost.mail.message import from_bytes
from gatepost.world.clock import FakeClock
from gatepost.world.dns.fake import FakeDns, NoNetworkDns
from support.plain_spf import plain_spf
from support.signing import MESSAGE, rsa_key, seal, sign
from support.suites_auth import arc_cases, inbound


def bare(data: bytes, record: str | None = None, **options: object) -> object:
    """Give what dkimpy makes of a message's first signature: True, False, or the exception that it raised."""
    text = (record or rsa_key().record()).encode()
    try:
        return dkim.DKIM(data, **options).verify(dnsfunc=lambda *_, **__: text)
    except (dkim.DKIMException, IndexError) as error:
        return error


def ours(data: bytes, record: str | None = None) -> str:
    """Give our result for a message's first signature."""
    dns = FakeDns({"s._domainkey.example.com": {"TXT": [record or rsa_key().record()]}})
    return str(DkimCheck(dns, FakeClock(time.time()), Rules()).run(inbound(), from_bytes(data), Found())[0].status)


# --- dkimpy 1.1.8 ---------------------------------------------------------------------------------------------------


def test_dkimpy_index_error_on_a_first_line_with_a_space() -> None:
    """dkimpy: `IndexError` when the first header line starts with a space."""
    assert isinstance(bare(b" odd\r\n" + sign(MESSAGE)), IndexError)
    assert ours(b" odd\r\n" + sign(MESSAGE)) == "none"


def test_dkimpy_refuses_a_message_with_space_before_a_colon() -> None:
    """dkimpy: one `Date :` makes it refuse the whole message."""
    spaced = sign(MESSAGE, canonicalize=(b"relaxed", b"simple")).replace(b"Date: ", b"Date : ")
    assert isinstance(bare(spaced), dkim.MessageFormatError)
    assert ours(spaced) == "pass"


def test_dkimpy_ignores_the_flag_for_strict_keys() -> None:
    """dkimpy: ignores `t=s` in the key, which forbids a subdomain in i=."""
    signed, record = sign(MESSAGE, identity=b"ann@sub.example.com"), rsa_key().record(t="s")
    assert bare(signed, record) is True
    assert ours(signed, record) == "permerror"


def test_dkimpy_ignores_the_keys_hash_list() -> None:
    """dkimpy: ignores `h=` in the key, which limits the hashes it may be used with."""
    assert bare(sign(MESSAGE), rsa_key().record(h="sha1")) is True
    assert ours(sign(MESSAGE), rsa_key().record(h="sha1")) == "permerror"


def test_dkimpy_refuses_a_list_of_query_methods() -> None:
    """dkimpy: refuses `q=` with more than one method; ours gets as far as the arithmetic (the tag itself is signed)."""
    listed = sign(MESSAGE).replace(b"q=dns/txt", b"q=other:dns/txt")
    assert isinstance(bare(listed), dkim.ValidationError)
    assert ours(listed) == "fail"


def test_dkimpy_refuses_a_list_of_services() -> None:
    """dkimpy: refuses a key whose `s=` has more than one service."""
    record = rsa_key().record(s="other:email")
    assert bare(sign(MESSAGE), record) is not True
    assert ours(sign(MESSAGE), record) == "pass"


def test_dkimpy_reads_no_quoted_printable_identity() -> None:
    """dkimpy: does not decode quoted-printable in `i=`, and refuses a local part that is written so."""
    quoted = sign(MESSAGE, identity=b"a=40b@example.com")
    assert ours(quoted) == "pass"
    encoded = sign(MESSAGE, identity=b"ann@example.com").replace(b"i=ann@example.com", b"i=ann=40example.com")
    assert isinstance(bare(encoded), dkim.ValidationError)
    assert ours(encoded) == "fail"  # read as ann@example.com; the bytes that were signed are others


def test_dkimpy_accepts_rsa_sha1() -> None:
    """dkimpy: accepts rsa-sha1, which RFC 8301 forbids verifiers to accept."""
    signed = sign(MESSAGE, algorithm=b"rsa-sha1")
    assert bare(signed) is True
    assert ours(signed) == "policy"


def test_dkimpy_accepts_text_below_the_signed_length() -> None:
    """dkimpy: a signature with `l=` passes with anything appended."""
    extended = sign(MESSAGE, length=True) + b"Buy now!\r\n"
    assert bare(extended) is True
    assert ours(extended) == "policy"


def test_dkimpy_accepts_a_short_key_when_asked_and_fails_it_otherwise() -> None:
    """dkimpy: a key below the minimum is an exception, not a result; ours is `policy`."""
    signed, record = sign(MESSAGE, rsa_key(1024)), rsa_key(1024).record()
    assert isinstance(bare(signed, record, minkey=2048), dkim.DKIMException)
    dns = FakeDns({"s._domainkey.example.com": {"TXT": [record]}})
    check = DkimCheck(dns, FakeClock(time.time()), Rules(min_rsa_bits=2048))
    assert check.run(inbound(), from_bytes(signed), Found())[0].code == "dkim.policy"


def test_dkimpy_says_false_for_everything() -> None:
    """dkimpy: `dkim.verify()` answers False alike for none, fail and permerror."""
    broken = sign(MESSAGE).replace(b"v=1", b"v=9")
    cases = {MESSAGE: "none", sign(MESSAGE).replace(b"noon", b"one"): "fail", broken: "permerror"}
    for data, word in cases.items():
        assert dkim.verify(data, dnsfunc=lambda *_, **__: rsa_key().record().encode()) is False
        assert ours(data) == word


def test_dkimpy_is_quadratic_in_white_space() -> None:
    """dkimpy: canonicalising a body takes time quadratic in a run of white space."""

    def seconds(work: object, size: int) -> float:
        begin = time.thread_time()
        work(b" " * size + b"x\r\n")
        return time.thread_time() - begin

    assert seconds(Relaxed.canonicalize_body, 16_000) > 8 * seconds(Relaxed.canonicalize_body, 4_000)
    assert seconds(relaxed_body, 4_000_000) < 1.0


def test_dkimpy_gives_no_word_for_three_chains() -> None:
    """dkimpy: three of the 171 ARC cases, sealed as failed, come back as if there were no chain; they are `fail`."""
    names = {"cv_fail_i1_as_cv_fail", "cv_fail_i2_as2_fail", "cv_fail_i2_as1_fail"}
    sealed_as_failed = [case for case in arc_cases() if case.name.rpartition(" ")[2] in names]
    assert len(sealed_as_failed) in (0, 3)
    for case in sealed_as_failed:

        def answer(name: bytes, timeout: float = 5, case: object = case) -> bytes | None:
            values = case.dns._records.get(name.decode().rstrip("."), {}).get("TXT")
            return values[0] if values else None

        assert dkim.ARC(case.message.raw()).verify(dnsfunc=answer)[0] is None
        assert verify_chain(SignedMessage(case.message), case.dns, Rules()).status is Status.FAIL


def test_dkimpy_lets_a_sender_write_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """dkimpy: logs an error for whatever a sender got wrong, at the level that wakes an administrator."""
    broken = seal(MESSAGE).replace(b"; s=s;", b"; s=s; q=x;")
    dns = FakeDns({"s._domainkey.relay.example": {"TXT": [rsa_key().record()]}})
    with caplog.at_level(logging.DEBUG):
        dkim.ARC(broken).verify(dnsfunc=lambda *_, **__: rsa_key().record().encode())
        assert caplog.records
        caplog.clear()
        assert verify_chain(SignedMessage(from_bytes(broken)), dns, Rules()).status is Status.FAIL
        assert ours(sign(MESSAGE).replace(b"v=1", b"v=9")) == "permerror"
        assert not caplog.records


# --- pyspf 2.0.14 ---------------------------------------------------------------------------------------------------


def test_pyspf_asks_the_network_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyspf: asks DNS on its own, without our cache, deadline or budget; ours never gets that far."""
    asked: list[str] = []
    monkeypatch.setattr(spf, "DNSLookup", lambda name, *_rest, **_more: asked.append(name) or [])
    spf.check2("192.0.2.1", "ann@example.com", "mx.example.com")
    assert asked
    asked.clear()
    result = check_host(ip_address("192.0.2.1"), "ann@example.com", "mx.example.com", NoNetworkDns(), FakeClock())
    assert (result.status, asked) == (Status.TEMPERROR, [])


def test_pyspf_spends_void_lookups_on_the_other_address_family() -> None:
    """pyspf: an IPv6 client against IPv4-only hosts burns void look-ups, two of which are allowed.

    That is RFC 7208 4.6.4 to the letter (an answer without records is void), so it stays; what may follow is a match.
    """
    hosts = {f"h{number}.example": {"A": ["192.0.2.1"]} for number in range(3)}

    def status(terms: str) -> Status:
        dns = FakeDns({**hosts, "example.com": {"TXT": [f"v=spf1 {terms} ip6:2001:db8::/32 -all"]}})
        return check_host(ip_address("2001:db8::1"), "ann@example.com", "mx", dns, FakeClock()).status

    assert status("a:h0.example a:h1.example") is Status.PASS
    assert status("a:h0.example a:h1.example a:h2.example") is Status.PERMERROR


FAIL = {"b.example": {"TXT": ["v=spf1 -all"]}}
HOSTS = {f"h{number}.example": {"A": ["203.0.113.9"]} for number in range(10)}
NINE, TEN = (" ".join(f"a:h{number}.example" for number in range(count)) for count in (9, 10))
REVERSE = "1.2.0.192.in-addr.arpa"
LONG = ".".join(["a" * 10] * 5)
CUT = "aaaaaaaaaa." * 22 + "example.com"  # 253 letters: three of the 25 labels are gone
NAMES = [f"n{number}.attack.example" for number in range(3)]
SIX = "2001:db8::1"
MX = [[number, f"h{number}.example"] for number in range(3)]


@pytest.mark.parametrize(
    ("terms", "zone", "bare", "want"),
    [
        # RFC 7208 6 and 12: literal names in ABNF have no case.
        ("Redirect=b.example", FAIL, "neutral", "fail"),
        ("redirect=b.example REDIRECT=b.example", FAIL, "fail", "permerror"),
        ("exp=b.example Exp=b.example -all", FAIL, "fail", "permerror"),
        # RFC 7208 6: unrecognized modifiers are ignored, no matter how often.
        ("foo=a foo=b -all", {}, "permerror", "fail"),
        ("default=x Default=y op=a op=b -all", {}, "permerror", "fail"),
        # RFC 7208 5.1 and 4.6.4: a redirect counts when it is followed.
        (f"{TEN} ~all redirect=b.example", HOSTS | FAIL, "permerror", "softfail"),
        (f"{NINE} a:m.example redirect=b.example", HOSTS | {"m.example": {"A": ["192.0.2.1"]}}, "permerror", "pass"),
        (
            f"include:i.example {NINE.partition(' ')[2]} ~all",
            HOSTS | {"i.example": {"TXT": ["v=spf1 a:h0.example ?all redirect=b.example"]}},
            "permerror",
            "softfail",
        ),
        # RFC 7208 4.6.2: from left to right until a match.
        ("ip4:192.0.2.1 include:example.com -all", {}, "permerror", "pass"),
        # RFC 7208 7.3: upper case in a transformer, and parts joined with dots.
        ("exists:%{dR}.x.example -all", {"com.example.x.example": {"A": ["127.0.0.1"]}}, "fail", "pass"),
        ("exists:%{o-}.%{h-}.x.example -all", {"example.com.m.x.x.example": {"A": ["127.0.0.1"]}}, "fail", "pass"),
        # RFC 7208 7.1: the grammar of macros.
        *((f"exists:{macro}.x.example ~all", {}, "softfail", "permerror") for macro in ("%{d0}", "%{d!}", "%{dx}")),
        *((f"exists:{macro}.x.example ~all", {}, "softfail", "permerror") for macro in ("%{d2rx}", "%{d-r}", "%{d-2}")),
        *((f"exists:{macro}.x.example ~all", {}, "softfail", "permerror") for macro in ("%{d", "%%%x")),
        ("foo=%{ -all", {}, "fail", "permerror"),
        ("exists:foo.%% -all", {}, "permerror", "fail"),
        # RFC 7208 4.6.4: void look-ups are counted by terms, and the client's names are not the domain's.
        ("ptr -all", {REVERSE: {"PTR": NAMES}}, "permerror", "fail"),
        ("a:n1.example a:n2.example ptr -all", {}, "permerror", "fail"),
        (
            "a:n1.example a:n2.example exists:%{p}.x.example -all",
            {"unknown.x.example": {"A": ["127.0.0.1"]}},
            "permerror",
            "pass",
        ),
    ],
)
def test_pyspf_reads_records_in_its_own_way(terms: str, zone: dict[str, object], bare: str, want: str) -> None:
    """pyspf: takes some records for others than they are by RFC 7208."""
    zone = {**zone, "example.com": {"TXT": [f"v=spf1 {terms}"]}}
    assert plain_spf(FakeDns(zone), "192.0.2.1", "ann@example.com", "m-x")[0] == bare
    result = check_host(ip_address("192.0.2.1"), "ann@example.com", "m-x", FakeDns(zone), FakeClock())
    assert result.status == want


@pytest.mark.parametrize(
    ("ip", "sender", "zone", "bare", "want"),
    [
        # RFC 7208 4.6.4: one term is void once, however many hosts its MX records name.
        (SIX, "a@v.example", {"v.example": {"TXT": ["v=spf1 mx ip6:2001:db8::1 -all"], "MX": MX}}, "permerror", "pass"),
        # RFC 7208 7.3: as many labels go as must.
        (
            "192.0.2.1",
            f"{LONG}@example.com",
            {
                "example.com": {"TXT": ["v=spf1 exists:%{l}.%{l}.%{l}.%{l}.%{l}.%{d} -all"]},
                CUT: {"A": ["127.0.0.1"]},
            },
            "fail",
            "pass",
        ),
        # RFC 7208 4.3: a name of one label has no record.
        ("192.0.2.1", "a@ai", {"ai": {"TXT": ["v=spf1 +all"]}}, "pass", "none"),
        ("192.0.2.1", "", {"localhost": {"TXT": ["v=spf1 +all"]}}, "pass", "none"),
        # RFC 8616 4: a local part that is not ASCII matches nothing, in whichever spelling.
        (
            "192.0.2.1",
            "bücher@v.example",
            {
                "v.example": {"TXT": ["v=spf1 exists:%{L}.x.example include:%{S}.x.example -all"]},
                "b%c3%bccher.x.example": {"A": ["127.0.0.1"]},
            },
            "pass",
            "fail",
        ),
    ],
)
def test_pyspf_asks_for_names_of_its_own(ip: str, sender: str, zone: dict[str, object], bare: str, want: str) -> None:
    """pyspf: asks for names that RFC 7208 and RFC 8616 rule out, or not for those that they want."""
    dns = FakeDns({**HOSTS, **zone})
    assert plain_spf(dns, ip, sender, "localhost")[0] == bare
    assert check_host(ip_address(ip), sender, "localhost", dns, FakeClock()).status == want


def test_pyspf_takes_the_domain_behind_the_first_at() -> None:
    """pyspf: cuts an address at its first @, which a quoted local part may hold."""
    sender = '"x@attack.example"@example.com'
    assert spf.query(i="192.0.2.1", s=sender, h="mx").d != "example.com"
    dns = FakeDns({"example.com": {"TXT": ["v=spf1 -all"]}, "attack.example": {"TXT": ["v=spf1 +all"]}})
    assert check_host(ip_address("192.0.2.1"), sender, "mx", dns, FakeClock()).status is Status.FAIL


def test_pyspf_takes_trouble_with_reverse_names_for_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyspf: a DNS error in `ptr` ends the evaluation; RFC 7208 5.5 says that it is no match."""

    def lookup(name: str, kind: str, *_rest: object, **_more: object) -> list[object]:
        if kind == "PTR":
            raise spf.TempError("DNS timeout")
        return [((name, kind), (b"v=spf1 ptr ip4:192.0.2.1 -all",))] if kind == "TXT" else []

    monkeypatch.setattr(spf, "DNSLookup", lookup)
    assert spf.check2("192.0.2.1", "ann@example.com", "mx")[0] == "temperror"
    zone = {"example.com": {"TXT": ["v=spf1 ptr ip4:192.0.2.1 -all"]}}
    dns = FakeDns(zone, timeout=["1.2.0.192.in-addr.arpa"])
    assert check_host(ip_address("192.0.2.1"), "ann@example.com", "mx", dns, FakeClock()).status is Status.PASS


# --- authres 1.2.0 --------------------------------------------------------------------------------------------------

HOSTILE = ("x) dkim=pass (y", "a@legit.example(c", "a\r\nBcc: x@attack.example", 'a"b', "a;b=pass", "é\x00")


def written(value: str, reason: str = "") -> str:
    """Give Authentication-Results for a finding full of somebody else's words."""
    facts = {"smtp.mailfrom": value, "reason": reason}
    return authentication_results("mx.example.org", [Evidence("spf", "spf.none", Status.NONE, facts=facts)])


def by_authres(value: str, reason: str | None = None) -> str:
    """Give what authres writes by itself."""
    prop = authres.AuthenticationResultProperty("smtp", "mailfrom", value=value)
    result = authres.AuthenticationResult("spf", result="none", result_comment=reason, properties=[prop])
    return str(authres.AuthenticationResultsHeader(authserv_id="mx.example.org", results=[result]))


def test_authres_does_not_escape_comments() -> None:
    """authres: a comment that holds `)` ends there, and what follows is a result."""
    assert "(x) dkim=pass (y)" in by_authres("a@b.example", "x) dkim=pass (y")
    line = written("a@b.example", "x) dkim=pass (y")
    assert [result.method for result in authres.AuthenticationResultsHeader.parse_value(line).results] == ["spf"]


def test_authres_lets_a_value_open_a_comment() -> None:
    """authres: `any@legitimate.com(a.attack.com` as a value opens a comment that hides what follows."""
    assert "any@legitimate.com(a.attack.com" in by_authres("any@legitimate.com(a.attack.com")
    assert "(" not in written("any@legitimate.com(a.attack.com")


def test_authres_writes_line_ends() -> None:
    """authres: CR and LF in a value are written raw, so that a value adds a field."""
    assert "\r\nBcc: x@attack.example" in by_authres("a@b.example\r\nBcc: x@attack.example")
    assert not set("\r\n") & set(written("a@b.example\r\nBcc: x@attack.example"))


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("reason", ["", *HOSTILE])
def test_nothing_leaves_its_place(value: str, reason: str) -> None:
    """Whatever value and reason hold, the line has one result and readers agree on it."""
    line = written(value, reason)
    assert line.isprintable()
    assert line.isascii()
    for read in (authres.AuthenticationResultsHeader.parse_value(line).results, read_results(line.encode()).results):
        assert [result.method for result in read] == ["spf"]


B7 = (
    "foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
    " policy (A dot can go here) . (like that) expired\r\n (this surprised me) = (as I wasn't expecting it) 1362471462"
)


def test_authres_cannot_read_example_b7() -> None:
    """authres: fails on the example of RFC 8601 B.7, which has comments between all words."""
    with pytest.raises(authres.SyntaxError):
        authres.AuthenticationResultsHeader.parse_value(B7.replace("\r\n", ""))
    read = read_results(B7.encode())
    assert read is not None
    assert read.authserv_id == "foo.example.net"
    assert [(result.method, result.word) for result in read.results] == [("dkim", "fail")]
    assert claims(B7.encode(), "foo.example.net")


def test_authres_cannot_read_a_quoted_author() -> None:
    """authres: fails on a quoted authserv-id, behind which a forged copy of ours could hide."""
    quoted = '"mx.example.org"; spf=pass smtp.mailfrom=a@b.example'
    with pytest.raises(authres.SyntaxError):
        authres.AuthenticationResultsHeader.parse_value(quoted)
    read = read_results(quoted.encode())
    assert read is not None
    assert read.authserv_id == "mx.example.org"
    assert claims(quoted.encode(), "mx.example.org")


# --- what is ours because the library at hand is wrong --------------------------------------------------------------


def test_subdomain_policies_are_not_the_domains_own() -> None:
    """Authheaders applies `sp` and `np` to the domain's own record; they are for names below it (RFC 9989 4.7)."""
    dns = FakeDns({"_dmarc.example.com": {"TXT": ["v=DMARC1; p=none; sp=reject; np=reject"]}, "a.example.com": {}})
    assert evaluate("example.com", [], dns).policy == "none"
    assert evaluate("a.example.com", [], dns).policy == "reject"
    assert evaluate("nothing.example.com", [Identifier("spf", "x.example")], dns).policy == "reject"


@pytest.mark.parametrize(
    "value",
    [
        "a@legit.example <b@attack.example>",
        "<a@legit.example> <b@attack.example>",
        "a@legit.example, b@attack.example",
        "<@legit.example:b@attack.example>",
        '"a@legit.example"@attack.example',
        "a@legit.example(b@attack.example).attack.example",
        "<a@legit.example",
        "a@legit.example@attack.example",
    ],
)
def test_the_standard_library_always_finds_an_address(value: str) -> None:
    """email.utils: `getaddresses` gives an address for nearly every malformed From field; ours refuses."""
    assert any("@" in address for _, address in email.utils.getaddresses([value])) or "@attack" in value
    assert author((Header(b"From", value.encode()),)).mailbox is None
