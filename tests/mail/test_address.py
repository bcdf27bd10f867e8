"""Envelope paths and the one author of a message."""

from __future__ import annotations

import pytest

from gatepost.mail import limits
from gatepost.mail.address import Address, AuthorProblem, author, parse_path
from gatepost.mail.domain import normal_domain
from gatepost.mail.header import Header

AMBIGUOUS, MALFORMED, MISSING, LITERAL = (
    AuthorProblem.AMBIGUOUS,
    AuthorProblem.MALFORMED,
    AuthorProblem.MISSING,
    AuthorProblem.LITERAL,
)


def from_field(*values: str | bytes, name: bytes = b"From") -> tuple[Header, ...]:
    """Give From fields with these values."""
    return tuple(Header(name, b" " + (v.encode() if isinstance(v, str) else v)) for v in values)


@pytest.mark.parametrize(
    ("raw", "local", "domain"),
    [
        (b"<user@example.com>", "user", "example.com"),
        (b"user@EXAMPLE.com", "user", "example.com"),
        (b" <user@example.com> ", "user", "example.com"),
        (b"<user@example.com.>", "user", "example.com"),
        (b"<@a.example,@b.example:user@example.com>", "user", "example.com"),
        (b'<"odd @ name"@example.com>', '"odd @ name"', "example.com"),
        (b'<"a\\"b"@example.com>', '"a\\"b"', "example.com"),
        (b"<b=FCsender@b\xc3\xbccher.example>", "b=FCsender", "xn--bcher-kva.example"),
        (b"<j\xc3\xb6rg@xn--bcher-kva.example>", "jörg", "xn--bcher-kva.example"),
        (b"<user+tag/x=y@sub_1.example.com>", "user+tag/x=y", "sub_1.example.com"),
    ],
)
def test_a_path_is_read(raw: bytes, local: str, domain: str) -> None:
    """A well-formed path gives its local part and its domain in A-labels."""
    assert parse_path(raw) == Address(local, domain)


@pytest.mark.parametrize(
    "raw",
    [
        b"<any@legitimate.com(a.attack.com>",
        b"<any@legitimate.com (comment)>",
        b"<any@legitimate.com\x00.attack.com>",
        b"<any@legitimate.com\r\nX: y>",
        b"<any@legitimate.com@attack.com>",
        b"<any@legitimate.com,x@attack.com>",
        b"<a b@legitimate.com>",
        b"<any@legitimate..com>",
        b"<any@-legitimate.com>",
        b"<any@[192.0.2.1]>",
        b"<any@legitimate.com\xff>",
        "<any@legitimate.com。attack.com>".encode(),
        b'<"open@legitimate.com>',
        b"<any@" + b"a" * 64 + b".com>",
        b"<any@" + b"a." * 130 + b"com>",
        b"postmaster",
        b"@",
        b"<@route.example>x@legitimate.com",
    ],
)
def test_a_path_that_is_no_address_has_no_domain(raw: bytes) -> None:
    """A path that is not one address as a whole counts for no domain and keeps its text."""
    path = parse_path(raw)
    assert path is not None
    assert path.domain == ""
    assert path.local


@pytest.mark.parametrize("raw", [b"<>", b"", b" <> "])
def test_the_null_path_is_none(raw: bytes) -> None:
    """The null path of bounces is not an address."""
    assert parse_path(raw) is None


@pytest.mark.parametrize(
    ("value", "spec", "display"),
    [
        ("a@x.example", "a@x.example", ""),
        ("Ann Example <a@x.example>", "a@x.example", "Ann Example"),
        ('"Example, Ann" <a@x.example>', "a@x.example", "Example, Ann"),
        ('"Ann \\"the boss\\"" <a@x.example>', "a@x.example", 'Ann "the boss"'),
        ("Example, Ann <a@x.example>", "a@x.example", "Ann"),
        ("Dr. A. Example [Team] <a@x.example>", "a@x.example", "Dr. A. Example [Team]"),
        ("a@x.example (Ann Example)", "a@x.example", "Ann Example"),
        ("Ann (away (today)) <a@x.example> (really)", "a@x.example", "Ann"),
        ("<a@x.example>", "a@x.example", ""),
        ("Ann < a@x.example >", "a@x.example", "Ann"),
        ("Ann\r\n <a@x.example>", "a@x.example", "Ann"),
        ("=?utf-8?q?J=C3=B6rg_M?= =?utf-8?q?=C3=BCller?= <a@x.example>", "a@x.example", "Jörg Müller"),
        ("Jörg <a@bücher.example>", "a@xn--bcher-kva.example", "Jörg"),
        ("Jörg <jörg@xn--bcher-kva.example>", "jörg@xn--bcher-kva.example", "Jörg"),
        (b"J\xf6rg <a@x.example>", "a@x.example", "Jörg"),
        ("a@x.example <a@X.example>", "a@x.example", "a@x.example"),
        ("'a@x.example' <a@x.example>", "a@x.example", "'a@x.example'"),
        ('"ceo@bank.example" <a@x.example>', "a@x.example", "ceo@bank.example"),
        ('"odd name"@x.example', '"odd name"@x.example', ""),
        ("Ann <a@x.example>,", "a@x.example", "Ann"),
        ("Ann <a@x.example>, Bob <b@x.example>", "a@x.example", "Ann"),
    ],
)
def test_one_plain_author_is_found(value: str | bytes, spec: str, display: str) -> None:
    """Honest fields, sloppy ones included, give their one author."""
    found = author(from_field(value))
    assert found.problem is None
    assert found.mailbox is not None
    assert (found.mailbox.spec, found.display) == (spec, display)
    assert found.mailbox.display == display


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", MISSING),
        ("  \r\n ", MISSING),
        ("Ann Example", MALFORMED),
        ("root", MALFORMED),
        ("a@legit.example, b@attack.example", AMBIGUOUS),
        ("<a@legit.example><b@attack.example>", AMBIGUOUS),
        ("<a@legit.example> b@attack.example", AMBIGUOUS),
        ("a@legit.example <b@attack.example>", AMBIGUOUS),
        ("'a@legit.example' <b@attack.example>", AMBIGUOUS),
        ("b@attack.example@legit.example <a@legit.example>", AMBIGUOUS),
        ("a@legit.example\u00a0<b@attack.example>", AMBIGUOUS),
        ("<@legit.example,@x.example:b@attack.example>", AMBIGUOUS),
        ("a@legit.example@attack.example", AMBIGUOUS),
        ('"a@legit.example"@attack.example', AMBIGUOUS),
        ("Group: a@legit.example;", AMBIGUOUS),
        ("undisclosed:;", AMBIGUOUS),
        ("=?utf-8?b?PGFkbWluQGxlZ2l0LmNvbT4=?= <b@attack.example>", AMBIGUOUS),
        ("=?utf-8?b?PGFkbWluQGxlZ2l0LmNvbT4=?=, <b@attack.example>", AMBIGUOUS),
        ("=?utf-8?q?=3Ca?= =?utf-8?q?=40legit.example=3E?= <b@attack.example>", AMBIGUOUS),
        ('"=?utf-8?q?=3Ca=40legit.example=3E?=" <b@attack.example>', AMBIGUOUS),
        ("=?utf-8?q?ceo=40legit.example?=", AMBIGUOUS),
        ("b@attack.example (<a@legit.example>)", AMBIGUOUS),
        ("=?utf-8?q?" + "x" * 2000 + "?= <b@attack.example>", MALFORMED),
        ("=?utf-8?q?ceo?=@legit.example", MALFORMED),
        ("a@legit.example(comment).attack.example", MALFORMED),
        ("<a@legit.example(b@attack.example)>", MALFORMED),
        ("a @ legit.example", MALFORMED),
        ("<a@legit.example b>", MALFORMED),
        ("<a@legit.\r\n example>", MALFORMED),
        ("a@legit.example b", MALFORMED),
        ("a@legit.example\x00.attack.example", MALFORMED),
        ("a@legit.example\nX: y", MALFORMED),
        ("a@legit.example\rb@attack.example", MALFORMED),
        ("a@legit.example。attack.example", MALFORMED),
        ("a@legit.example\u2003.attack.example", MALFORMED),
        ("a@legit.example\u202e", MALFORMED),
        (b"a@legit\xff.example", MALFORMED),
        ("Ann <a@legit.example", MALFORMED),
        ('"Ann <a@legit.example>', MALFORMED),
        ("Ann (away <a@legit.example>", MALFORMED),
        ("Ann \\<a@legit.example>", MALFORMED),
        ("<>", MALFORMED),
        ("<@legit.example>", MALFORMED),
        ("a@", MALFORMED),
        ("a@legit..example", MALFORMED),
        ("a@[192.0.2.1]", LITERAL),
        ("a@[IPv6:2001:db8::1]", LITERAL),
        ("Ann <a@[IPv6:2001:db8::1]>", LITERAL),
        ("a@[legit.example]", MALFORMED),
        ("a@[IPv6:legit.example]", MALFORMED),
        ("a@[2001:db8::1]", MALFORMED),
        ("a@[192.0.2.1].legit.example", MALFORMED),
        ("a@[192.0.2.1]@legit.example", AMBIGUOUS),
        ("a@[legit.example:b@attack.example]", AMBIGUOUS),
    ],
)
def test_what_two_readers_read_differently_is_refused(value: str | bytes, problem: AuthorProblem) -> None:
    """Every known trick ends in a problem with a sentence, never in somebody's domain."""
    found = author(from_field(value))
    assert found.mailbox is None
    assert found.problem is problem
    assert found.reason.endswith(".")


def test_a_label_too_long_for_dns_still_has_an_organization() -> None:
    """A spoofed name that cannot exist is the author's domain, so that the policy above it applies."""
    found = author(from_field("a@" + "a" * 64 + ".legit.example"))
    assert found.mailbox is not None
    assert found.mailbox.domain == "a" * 64 + ".legit.example"


def test_no_from_field() -> None:
    """A message without a From field has no author."""
    assert author((Header(b"Subject", b" x"),)).problem is MISSING


def test_two_from_fields_are_ambiguous_even_when_they_agree() -> None:
    """A second From field is a reason to ask which one a reader takes."""
    assert author(from_field("a@x.example", "a@x.example")).problem is AMBIGUOUS
    mixed = (*from_field("a@x.example"), *from_field("b@attack.example", name=b"FROM "))
    assert author(mixed).problem is AMBIGUOUS


def test_space_before_the_colon_is_malformed() -> None:
    """`From :` is seen by some readers and not by others."""
    assert author(from_field("a@x.example", name=b"From ")).problem is MALFORMED


def test_other_fields_name_no_author() -> None:
    """Sender, Resent-From and X-From are not From."""
    others = (Header(b"Sender", b" s@x.example"), Header(b"X-From", b" x@x.example"), *from_field("a@x.example"))
    found = author(others)
    assert found.mailbox is not None
    assert found.mailbox.spec == "a@x.example"


def test_labels_too_long_for_dns_are_not_given_to_idna(monkeypatch: pytest.MonkeyPatch) -> None:
    """They have one form all the same, and do not cost the square of their length (0.04 s for one name)."""
    name = "\u0665" * 200 + ".Example"
    want = normal_domain(name, overlong=True)
    assert want.startswith("xn--")
    assert want.endswith(".example")
    monkeypatch.setattr("idna.encode", lambda *_, **__: pytest.fail("IDNA was asked"))
    assert normal_domain(name, overlong=True) == want
    assert normal_domain(name) == ""


@pytest.mark.parametrize("count", [1, 60])
def test_an_author_is_found_once(count: int) -> None:
    """All checks of a message share one reading of its From field, however long that is."""
    fields = from_field(", ".join(["\u0665" * 120 + "@" + "\u0665" * 120 + ".example"] * count))
    assert author(fields) is author(fields)


def test_limits_hold() -> None:
    """A field over its limits is refused, quickly, whatever it is made of."""
    assert author(from_field("a" * limits.FROM_BYTES + "@x.example")).problem is MALFORMED
    assert author(from_field("a@x.example," * (limits.MAILBOXES + 1))).problem is AMBIGUOUS
    for piece in ('"', "(", "\\", "<", "((", "=?", '"\\', " ", "=?x?q?", "a@", "[", ","):
        assert author(from_field(piece * (limits.FROM_BYTES // len(piece) - 1))).mailbox is None


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("Example.COM.", "example.com"),
        ("☃.net", "xn--n3h.net"),
        ("faß.de", "xn--fa-hia.de"),
        ("ｅxample.com", "example.com"),
        ("", ""),
        (".", ""),
        ("a..b", ""),
        ("a/b", ""),
        ("192.0.2.1", ""),
        ("4chan.example.1com", "4chan.example.1com"),
        ("℀.example", ""),
        ("[192.0.2.1]", ""),
        ("victim\u2024example", ""),
        ("a.victim\u2024example", ""),
        ("a\u2026b.example", ""),
        ("\u2488com.example", ""),
        ("victim\uff0eexample", ""),
        ("a" * 64, ""),
        ("é" * 60 + ".example", ""),
        ("a." * 126 + "a", "a." * 126 + "a"),
        ("a." * 127 + "a", ""),
    ],
)
def test_domains_have_one_form(text: str, want: str) -> None:
    """A domain is lower-case A-labels without a final dot, or nothing."""
    assert normal_domain(text) == want
