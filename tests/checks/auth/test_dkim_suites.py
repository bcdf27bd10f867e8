"""DKIM: the suites of others (OpenDKIM, dkimpy, lieser's verifier, mailauth, Stalwart), to their last case.

What is answered differently here stands in a table with its reason, and each entry must still differ.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Final

import dkim
import pytest

from gatepost.checks.auth.arc import verify_chain
from gatepost.checks.auth.dkim import DkimCheck, Rules
from gatepost.checks.auth.dkim_signature import Broken, Signature, parse_signature
from gatepost.checks.auth.signed import SignedMessage
from gatepost.evidence import Evidence, Found
from gatepost.mail.message import Message, from_bytes
from gatepost.world.clock import FakeClock
from gatepost.world.dns.fake import FakeDns
from support.suites_auth import SUITES, DkimCase, dkim_cases, inbound

RSA_A: Final = (
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi"
    "0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QID"
    "AQAB"
)
RSA_B: Final = (
    "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcT"
    "Nh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"
)
GMAIL: Final = (
    "k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1Kd87/UeJjenpabgbFwh+eBCsSTrqmwIYYvywlbhbqoo2DymndFkbjOVIPIldNs/"
    "m40KF+yzMn1skyoxcTUGCQs8g3FgD2Ap3ZB5DekAo5wMmk4wimDO+U8QzI3SD07y2+07wlNWwIt8svnxgdxGkVbbhzY8i+RQ9DpSVpPbF7ykQxtKXkv/"
    "ahW3KjViiAH+ghvvIhkx4xYSIc9oSwVmAl5OctMEeWUwg8Istjqz8BZeTWbf41fbNhte7Y+YqZOwq1Sd0DbvYAD9NOZK9vlfuac0598HY+vtSBczUiKE"
    "RHv1yRbcaQtZFh5wtiRrN04BLUTD21MycBX5jYchHjPY/wIDAQAB"
)
KEYS: Final = {
    "brisbane._domainkey.football.example.com": "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "test._domainkey.football.example.com": RSA_A,
    "brisbane._domainkey.example.com": RSA_B,
    "20120113._domainkey.gmail.com": GMAIL,
    "sed._domainkey.test.ex": "v=DKIM1; k=ed25519; p=sPs07Vu29FpHT/80UXUcYHFOHifD4o2ZlP2+XUh9g6E=",
}

CASES: Final = list(dkim_cases())
PLAIN: Final = [case for case in CASES if not case.special]
BODY: Final = next((case.message.body for case in CASES if case.name == "test045"), b"")

SHA1: Final = "rsa-sha1 is no longer accepted (RFC 8301)"
TAIL: Final = "26 bytes of body are not signed"
# Plain cases that OpenDKIM passes and we report as `policy`, after the arithmetic was found right.
STRICTER: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        "test004 test005 test006 test007 test012 test013 test014 test015 test064 test069 test078 test080 test093 test099 "
        "test101 test118 test136 test138 test139".split(),
        SHA1,
    ),
    **dict.fromkeys("test028 test029 test030 test031".split(), TAIL),
}
# Cases that exercise OpenDKIM's own interface: what each signature gives here, and what the case is about there.
SPECIAL: Final[Mapping[str, tuple[str, str]]] = {
    "test045": ("fail pass", "a callback that picks one signature; here each is judged"),
    "test046": ("fail pass", "a callback that changes their order; here each is judged"),
    "test059": ("fail", "a temporary folder that cannot be written; here nothing is"),
    "test075": ("fail", "reads Date alone and feeds no body, see COMPLETED"),
    "test076": ("permerror", "the same answer under another name (no signature)"),
    "test102": ("policy", "a list of fields that must be signed; no such setting here"),
    "test105": ("permerror", "the same answer"),
    "test106": ("permerror", "the same answer"),
    "test107": ("fail", "asserts about the header alone and feeds no body"),
    "test113": ("none", "OpenDKIM's string type"),
    "test114": ("permerror " * 7 + "fail neutral", "abnormal signatures, see test_opendkim_signature_anomalies"),
    "test115": ("fail" + " permerror" * 7, "abnormal keys, see test_opendkim_key_anomalies"),
    "test116": ("none", "the same answer"),
    "test117": ("policy", "OpenDKIM's options; passes there by rsa-sha1"),
    "test121": ("permerror", "the same answer"),
    "test130": ("permerror fail permerror", "feeds no body, so its middle signature cannot pass anywhere"),
    "test134": ("permerror", "the same answer under another name (no resource)"),
    "test143": ("fail", "reads the query's text alone and feeds no body, see COMPLETED"),
}
COMPLETED: Final = ("test075", "test143")


def judge(message: Message, dns: FakeDns, at: float | None = None) -> tuple[Evidence, ...]:
    """Run the check."""
    return DkimCheck(dns, FakeClock(at or time.time()), Rules()).run(inbound(), message, Found())


def words(message: Message, dns: FakeDns, at: float | None = None) -> str:
    """Run the check and give its results in one line."""
    return " ".join(str(each.status) for each in judge(message, dns, at))


def keys(**more: str) -> FakeDns:
    """Give a zone of the known keys, and of more under `_domainkey.example.com`."""
    texts = {**KEYS, **{f"{selector}._domainkey.example.com": text for selector, text in more.items()}}
    return FakeDns({name: {"TXT": [text]} for name, text in texts.items()})


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case.name)
def test_opendkim_plain(case: DkimCase) -> None:
    """OpenDKIM's messages verify as there, or are on the list of what is stricter here."""
    found = judge(case.message, case.dns)
    if case.name in STRICTER:
        assert case.expect == "pass"
        assert [(str(each.status), each.facts["reason"]) for each in found] == [("policy", STRICTER[case.name])]
    else:
        assert ("pass" in {str(each.status) for each in found}) == (case.expect == "pass")


@pytest.mark.parametrize("name", SPECIAL)
def test_opendkim_special(name: str) -> None:
    """Cases about OpenDKIM's interface give what their message deserves."""
    for case in CASES:
        if case.name == name:
            assert words(case.message, case.dns) == SPECIAL[name][0]
            if name in COMPLETED:
                whole = Message(case.message.headers, BODY)
                assert [each.facts["reason"] for each in judge(whole, case.dns)] == [SHA1]


def test_the_opendkim_suite_is_whole() -> None:
    """Every case is run, plain or special, or the suite is not there at all."""
    special = [case.name for case in CASES if case.special]
    assert sorted(special) == (sorted(SPECIAL) if SUITES.is_dir() else [])
    assert len(PLAIN) == (70 if SUITES.is_dir() else 0)


def test_opendkim_signature_anomalies() -> None:
    """Each of the suite's 23 odd signatures has its own reason, beyond the number that one message may have too."""
    for case in CASES:
        if case.name == "test114":
            read = [parse_signature(field) for field in case.message.every(b"dkim-signature")]
            assert [each.reason if isinstance(each, Broken) else "" for each in read] == [
                "the signature has no h=",
                "l= is not a number",
                "l= is not a number",
                "the key cannot be fetched from DNS (q=)",
                "the key cannot be fetched from DNS (q=)",
                "the signature has no d=",
                "the signature has no s=",
                "d= or s= is not a name",
                "d= or s= is not a name",
                "the signature has no bh=",
                "bh= is not base64",
                "the signature has no a=",
                "the signature has no b=",
                "b= is not base64",
                "b= is not base64",
                "the signature's algorithm is not known",
                "the signature is no tag list",
                "the signature has no v=",
                "x= is not a number",
                "the signature is no tag list",
                "the signature has no a=",
                "",
                "the signature has no v=",
            ]
            assert isinstance(read[21], Signature)
            assert (read[21].header_canon, read[21].body_canon) == (b"simple", b"simple")


def test_opendkim_key_anomalies() -> None:
    """Each of the suite's odd keys has its own reason."""
    for case in CASES:
        if case.name == "test115":
            assert [evidence.facts["reason"] for evidence in judge(case.message, case.dns)][1:] == [
                "the key record has another version",
                "its key does not allow this hash",
                "its key does not allow this hash",
                "the key is of an unknown kind",
                "the key record cannot be read",
                "the key is revoked",
                "the key cannot be read",
            ]


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("rfc6376-A.2.eml", "pass"),
        ("rfc6376-A.2-body_modified.eml", "fail"),
        ("rfc6376-A.2-header_subject_modified.eml", "fail"),
        ("rfc6376-A.2-ill_formed-missing_v.eml", "permerror"),
        ("rfc6376-A.2-ill_formed-list_id.eml", "pass"),
        ("rfc8463-A.3.eml", "pass pass"),
        ("rfc8463-A.3-key_algo_mismatch.eml", "permerror permerror"),
    ],
)
def test_rfc_samples(name: str, want: str) -> None:
    """The signed messages of RFC 6376 and RFC 8463, whole and damaged."""
    path = SUITES / "dkim-lieser" / name
    if path.exists():
        assert words(from_bytes(path.read_bytes()), keys()) == want


def test_every_rfc_sample_is_named() -> None:
    """No file of the folder is passed over."""
    assert len(list((SUITES / "dkim-lieser").glob("*.eml"))) == (7 if SUITES.is_dir() else 0)


DKIMPY: Final = SUITES / "dkim-dkimpy" / "data"


def data(name: str) -> bytes:
    """Read one of dkimpy's files with the line ends that mail has on the wire."""
    return (DKIMPY / name).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@pytest.mark.skipif(not DKIMPY.is_dir(), reason="the suites are not beside the project")
@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("rfc6376.signed.msg", "pass pass"),
        ("rfc6376.signed.rsa.msg", "pass"),
        ("rfc6376.signed.no_t.msg", "fail"),  # the tag was taken out after signing
        ("test2.message", "pass"),  # degenerate folding, legal (Debian 711751)
        ("ed25519test2.msg", "pass"),  # made by Exim
        ("test.message.baddomain", "permerror"),  # "legitimate.com(.attacker.com" as d=
        ("message.mbox", "permerror"),  # its key of 2011 is on no record
    ],
)
def test_dkimpy_messages(name: str, want: str) -> None:
    """The signed messages that dkimpy tests itself with."""
    assert words(from_bytes(data(name)), keys()) == want


@pytest.mark.skipif(not DKIMPY.is_dir(), reason="the suites are not beside the project")
@pytest.mark.parametrize(
    ("key", "record", "want"),
    [
        ("test.private", "test.txt", "pass"),
        ("test2.private", "test2.txt", "pass"),
        ("test.private", "test2.txt", "pass"),  # the same key without its k=
        ("1024_testkey.key", "test.txt", "fail"),
        ("test.private", "test_bad.txt", "permerror"),
        ("test.private", "badk.txt", "permerror"),
        ("test.private", "badversion.txt", "permerror"),
        ("test.private", "test_tlsrpt.txt", "permerror"),
        ("1024_testkey.key", "1024_testkey_wo_markers.pub.txt", "pass"),
        ("1024_testkey.key", "1024_testkey_wo_markers.pub.rsa.txt", "pass"),
        ("2048_testkey.key", "2048_testkey_wo_markers.pub.txt", "pass"),
        ("2048_testkey.key", "2048_testkey_wo_markers.pub.rsa.txt", "pass"),
        ("2048_testkey_PKCS8.key", "2048_testkey_PKCS8.key.pub.txt", "pass"),
        ("ed25519test.key", "ed25519test.dns", "pass"),
    ],
)
def test_dkimpy_keys(key: str, record: str, want: str) -> None:
    """Every key of dkimpy's, sound or not, in a signature over each of its unsigned messages."""
    algorithm = b"ed25519-sha256" if key.startswith("ed") else b"rsa-sha256"
    dns = keys(x=(DKIMPY / record).read_text().strip())
    for name in ("test.message", "test_extra.message", "rfc6376.msg", "rfc6376.w1258.msg", "ed25519test.msg"):
        private = (DKIMPY / key).read_bytes()
        canon = (b"relaxed", b"relaxed")
        signature = dkim.sign(
            data(name), b"x", b"example.com", private, canonicalize=canon, signature_algorithm=algorithm
        )
        assert words(from_bytes(signature + data(name)), dns).split()[0] == want


@pytest.mark.skipif(not DKIMPY.is_dir(), reason="the suites are not beside the project")
def test_dkimpy_message_without_an_author() -> None:
    """What dkimpy refuses to sign is not accepted as signed either."""
    signature = dkim.sign(data("test.message"), b"x", b"example.com", (DKIMPY / "test.private").read_bytes())
    dns = keys(x=(DKIMPY / "test.txt").read_text().strip())
    (evidence,) = judge(from_bytes(signature + data("test_nofrom.message")), dns)
    assert (str(evidence.status), evidence.facts["reason"]) == ("permerror", "the message has no From field")


def test_mailauth_pair() -> None:
    """The self-contained message of mailauth, signed by Ed25519 and by RSA, with its own zone."""
    folder = SUITES / "dkim-mailauth" / "dkim" / "ec" / "fixtures"
    if folder.is_dir():
        records = json.loads((folder / "dns.json").read_text())
        dns = FakeDns({name: {"TXT": ["".join(pieces) for pieces in types["TXT"]]} for name, types in records.items()})
        assert words(from_bytes((folder / "signed.eml").read_bytes()), dns) == "pass pass"


@pytest.mark.parametrize(
    "path", sorted((SUITES / "dkim-mailauth" / "fixtures").glob("*.eml")), ids=lambda path: path.name
)
def test_mailauth_real_mail(path: object) -> None:
    """Real mail whose keys are on no record: every signature and chain is read, and none passes without its key."""
    message = from_bytes(path.read_bytes())
    assert all(isinstance(parse_signature(field), Signature) for field in message.every(b"dkim-signature"))
    assert set(words(message, FakeDns()).split()) <= {"permerror", "none"}
    assert verify_chain(SignedMessage(message), FakeDns(), Rules()).status in ("fail", "none")


@pytest.mark.parametrize(
    "path", sorted((SUITES / "dkim-arc-stalwart" / "dkim").glob("*.txt")), ids=lambda path: path.name
)
def test_frozen_messages(path: object) -> None:
    """Messages of large senders with their keys of the day: the last signature of each verifies."""
    records, _, raw = path.read_bytes().partition(b"\n\n")
    texts = dict(line.split(" ", 1) for line in records.decode().splitlines())
    dns = FakeDns({name: {"TXT": [text]} for name, text in texts.items()})
    assert words(from_bytes(raw), dns, at=1_667_843_664).split()[-1] == "pass"
