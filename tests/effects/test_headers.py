"""The header block: forged copies out, ours in, unbreakable."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import replace

import authres
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.effects.headers import HeaderWriter, authentication_results, virus_status
from gatepost.effects.received_spf import received_spf
from gatepost.evidence import Evidence, Status
from gatepost.mail import limits
from gatepost.mail.authres import read_results
from gatepost.mail.envelope import Client, Direction, Envelope
from gatepost.mail.message import from_bytes
from gatepost.verdict import Accept, AddHeader, Because, RemoveHeader, Verdict

WRITER = HeaderWriter("mx.example.org", 5.0, b"key")
VERDICT = Verdict(Accept(), 7.3, (Because("dmarc.fail", 2.5), Because("content.spam", 4.8)), probability=0.991)
SPF = Evidence("spf", "spf.pass", Status.PASS, facts={"smtp.mailfrom": "a@example.com", "client-ip": "192.0.2.1"})


def added(*evidence: Evidence, raw: bytes = b"\r\n", verdict: Verdict = VERDICT) -> dict[str, str]:
    """Give the fields added to a message."""
    edits = WRITER.edits(Envelope(), from_bytes(raw), evidence, verdict, record_id="1", reason="why")
    return {edit.name: edit.value for edit in edits if isinstance(edit, AddHeader)}


def test_the_header_set_is_the_contract() -> None:
    """The fields, their order and their form are those that Sieve scripts and Dovecot's spamtest rely on."""
    fields = added(SPF)
    assert list(fields) == [
        "Authentication-Results",
        "X-Spam-Flag",
        "X-Spam-Status",
        "X-Spam-Score",
        "X-Spam-Level",
        "X-Virus-Scanned",
        "X-Virus-Status",
        "X-Gatepost-Verdict",
        "X-Gatepost-Reason",
    ]
    assert fields["X-Spam-Flag"] == "YES"
    assert (
        fields["X-Spam-Status"].replace("\n", "")
        == "Yes, score=7.3 required=5.0 tests=[DMARC_FAIL=2.5, CONTENT_SPAM=4.8]"
    )
    assert (fields["X-Spam-Score"], fields["X-Spam-Level"]) == ("7.3", "*******")
    assert fields["X-Virus-Scanned"] == "Gatepost at mx.example.org"
    assert fields["Authentication-Results"].replace("\n", "") == "mx.example.org; spf=pass smtp.mailfrom=a@example.com"


def test_the_signature_covers_the_verdict() -> None:
    """X-Gatepost-Verdict can be checked with the key, and no other value has the same signature."""
    body, _, sig = added()["X-Gatepost-Verdict"].replace("\n", "").partition("; sig=")
    assert body == "outcome=accept score=7.3 class=ham probability=0.991 degraded= id=1"
    assert sig == hmac.new(b"key", body.encode(), hashlib.sha256).hexdigest()[:32]


def test_forged_copies_go_from_the_highest_index_down() -> None:
    """Every copy of our fields is removed, counted per name, the last one first, whatever its case."""
    raw = b"X-Spam-Flag: NO\r\nSubject: x\r\nx-spam-flag: NO\r\nX-GATEPOST-Anything: 1\r\nX-Spam-Flag : NO\r\n\r\n"
    removals = list(WRITER.removals(from_bytes(raw)))
    assert removals == [
        RemoveHeader("X-Spam-Flag ", 3),
        RemoveHeader("X-GATEPOST-Anything", 1),
        RemoveHeader("x-spam-flag", 2),
        RemoveHeader("X-Spam-Flag", 1),
    ]


def test_only_inbound_mail_is_edited() -> None:
    """Mail of our own users goes out without verdict headers."""
    for direction in (Direction.OUTBOUND, Direction.INTERNAL):
        assert (
            WRITER.edits(Envelope(direction=direction), from_bytes(b""), (SPF,), VERDICT, record_id="1", reason="")
            == ()
        )


_HOSTILE = st.text(max_size=120) | st.sampled_from(
    [
        "x) dkim=pass (y",
        "any@legitimate.com(a.attack.com",
        "a\r\nX-Spam-Flag: NO",
        'a"; dkim=pass header.d=bank.example; x="',
        "\x00",
        "a\\",
        "@",
        "a@b@c.example",
        "@example.org",
        "a@[192.0.2.1]",
    ]
)


@given(_HOSTILE, _HOSTILE, _HOSTILE)
def test_no_input_adds_a_result(mailfrom: str, domain: str, why: str) -> None:
    """Whatever a sender puts into addresses, domains and reasons, a reader of the field finds one failed SPF and no more."""
    facts = {"smtp.mailfrom": mailfrom, "smtp.helo": domain, "reason": why}
    value = authentication_results("mx.example.org", [Evidence("spf", "spf.fail", Status.FAIL, why, facts=facts)])
    assert re.fullmatch(r"[\x20-\x7e]*", value)
    parsed = authres.AuthenticationResultsHeader.parse_value(value)
    assert [(result.method, result.result) for result in parsed.results] == [("spf", "fail")]


@pytest.mark.parametrize("method", ["iprev", "spf", "dkim", "arc", "dmarc"])
@pytest.mark.parametrize("trouble", ["error", "timeout"])
def test_a_check_that_failed_is_said_so(method: str, trouble: str) -> None:
    """Of a check without a result the field says temperror and why, not that nobody asked."""
    lost = Evidence(method, f"{method}.{trouble}", Status.TEMPERROR, "the check failed; the log has the traceback")
    value = authentication_results("mx.example.org", [lost])
    assert value == f'mx.example.org; {method}=temperror reason="the check failed_ the log has the traceback"'


def test_no_sender_pushes_a_result_out() -> None:
    """With as many signatures as are verified, and the longest names in all of them, every result stands there whole."""
    name, why = ".".join(["a" * 62] * 4), "w " * 200
    signature = {"header.d": name, "header.s": name, "header.a": "x" * 40, "header.b": "b" * 300}
    signature |= {"header.i": f"{'i' * 128}@{name}", "reason": why}
    facts = {
        "iprev": {"policy.iprev": "2001:db8:1111:2222:3333:4444:5555:6666", "reason": why},
        "spf": {"smtp.mailfrom": f"{'l' * 128}@{name}", "reason": why},
        "arc": {"header.d": name, "header.oldest-pass": "50", "reason": why},
        "dmarc": {"header.from": name, "policy.dmarc": "quarantine"},
    }
    evidence = [Evidence("dkim", "dkim.permerror", Status.PERMERROR, facts=signature)] * (limits.DKIM_SIGNATURES + 1)
    evidence += [Evidence(method, f"{method}.fail", Status.FAIL, facts=each) for method, each in facts.items()]
    value = added(*evidence)["Authentication-Results"].replace("\n", "")
    assert value.endswith(f"dmarc=fail header.from={name} policy.dmarc=quarantine")
    assert len(authres.AuthenticationResultsHeader.parse_value(value).results) == len(evidence)
    assert read_results(value.encode()) is not None


def test_no_method_is_said_so() -> None:
    """Without any authentication evidence the field says `none` (RFC 8601 2.2)."""
    assert authentication_results("mx.example.org", ()) == "mx.example.org; none"


@pytest.mark.parametrize(
    ("statuses", "word"),
    [
        (["clean"], "clean"),
        (["clean", "infected"], "infected"),
        (["error"], "error"),
        (["skipped"], "skipped"),
        ([""], "error"),
        ([], "skipped"),
    ],
)
def test_virus_status_is_never_clean_by_default(statuses: list[str], word: str) -> None:
    """Clean is said only where the scanner said so; a crash of the check is an error."""
    facts = [{"virus.status": status} if status else {} for status in statuses]
    assert virus_status([Evidence("virus", "virus.x", facts=fact) for fact in facts]) == word


def test_results_of_a_trusted_upstream_stay_with_it() -> None:
    """What a trusted name says is kept from the trusted relay and removed from anybody else; our own name is never kept."""
    writer = replace(WRITER, trusted_ids=("gw.example",))
    letter = from_bytes(
        b"Authentication-Results: gw.example; spf=pass\nAuthentication-Results: mx.example.org; spf=pass\n"
        b"Authentication-Results: other.example; spf=pass\nFrom: a@b.example\n\n"
    )
    assert [edit.nth for edit in writer.removals(letter)] == [2, 1]
    assert [edit.nth for edit in writer.removals(letter, relayed=True)] == [2]


def test_a_forgery_is_known_by_any_spelling_of_its_name() -> None:
    """Our name and a trusted one are recognised behind an instance that has no business there; other hosts' fields stay."""
    writer = replace(WRITER, trusted_ids=("gw.example",))
    letter = from_bytes(
        b"Authentication-Results: i=1; gw.example; spf=pass\nAuthentication-Results: i=1; mx.example.org; spf=pass\n"
        b"Authentication-Results: other.example (for mx.example.org); spf=pass\nFrom: a@b.example\n\n"
    )
    assert [edit.nth for edit in writer.removals(letter)] == [2, 1]


def test_received_spf_is_written_on_demand() -> None:
    """By default there is none and foreign ones stay; on demand ours stands on top and theirs go."""
    spf = Evidence(
        "spf", "spf.pass", Status.PASS, "It may.", facts={"smtp.helo": "mx.b.example", "client-ip": "2001:db8::1"}
    )
    letter = from_bytes(b"Received-SPF: pass\nFrom: a@b.example\n\n")
    envelope = Envelope(client=Client(helo='a"; x=(y)\r\nEvil: 1'))
    for asked in (False, True):
        edits = replace(WRITER, received_spf=asked).edits(
            envelope, letter, [spf], Verdict(Accept(), 0.0), record_id="1", reason=""
        )
        ours = [edit for edit in edits if edit.name == "Received-SPF"]
        assert len(ours) == (2 if asked else 0)
    removed, added = ours
    assert isinstance(removed, RemoveHeader)
    assert isinstance(added, AddHeader)
    assert added.index == 0
    assert added.value.replace("\n ", " ") == (
        "pass (mx.example.org: It may.) receiver=mx.example.org; identity=helo; "
        'client-ip="2001:db8::1"; helo="a___x=_y___Evil:_1"'
    )


def test_received_spf_says_nothing_that_was_not_judged() -> None:
    """Where SPF did not judge there is no such field."""
    skipped = Evidence("spf", "spf.none", Status.NONE, facts={"reason": "relayed by a trusted upstream"})
    for evidence in ([], [skipped]):
        assert received_spf(Envelope(), evidence, "mx.example.org") == ""


def test_received_spf_tells_of_errors() -> None:
    """A record that cannot be used was judged, though its evidence has a reason."""
    broken = Evidence("spf", "spf.permerror", Status.PERMERROR, "SPF permerror.", facts={"reason": "syntax error: moo"})
    assert received_spf(Envelope(), [broken], "mx").startswith("permerror (mx: SPF permerror.) ")
