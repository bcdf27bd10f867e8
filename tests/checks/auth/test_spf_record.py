"""SPF records: their grammar, and the order in which their terms are evaluated."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.auth.spf import check_host
from gatepost.evidence import Status
from gatepost.world.clock import FakeClock
from gatepost.world.dns.fake import FakeDns
from support.plain_spf import plain_spf


def judged(terms: str, ip: str = "192.0.2.1") -> Status:
    """Give the result for a record at example.com."""
    dns = FakeDns({"example.com": {"TXT": [f"v=spf1 {terms}"]}, "i.example": {"TXT": ["v=spf1"]}})
    return check_host(ip_address(ip), "ann@example.com", "mx.example.net", dns, FakeClock()).status


@pytest.mark.parametrize(
    "term",
    [
        *"all +all ?ALL a A/0 a//0 a/32//128 a:x.example/24 a:x.example//64 mx:%{d}/24//64".split(" "),
        *"a:.example a:x.example. a:x.xn--p1ai a:x.a-b a:_x.1a a:x/y.example a:x:y.example a:%{d}".split(" "),
        *"ptr ptr:x.example ip4:192.0.2.1/0 ip4:0.0.0.0/32 ip6:::/0 ip6:1::/128 ip6:::ffff:192.0.2.1".split(" "),
        *"exists:%%%_%-.x.example exists:%{i999R.-+,/_=} exists:%{v}.%{h}.%{o}.%{S}.%{p} exists:%{d01}".split(" "),
        *"foo= a=%% ip4=1 x-1_.=%{d} exp=x.example include:i.example".split(" "),
    ],
)
def test_terms_of_the_grammar(term: str) -> None:
    """Every form that RFC 7208 12 gives to a term is read."""
    assert judged(f"?{term}" if "=" not in term and term[0] not in "+?" else term) is not Status.PERMERROR


@pytest.mark.parametrize(
    "term",
    [
        *"- --all =a 1a=b all:x.example all/8 all=% moo a, -redirect=x.example a\t a:\x7f.a".split(" "),
        *"a: a/33 a/024 a/24/64 a//129 a///64 a:x.example/ a:x.example// a:x.example/24/64 a/24x".split(" "),
        *"a:localhost a:x.example.. a:x.123 a:x.example- a:x.-a a:x.a_b a:1.2.3.4 a:x.example:80".split(" "),
        *"ptr: ptr/24 include include: include/8 include:x.example/8 exists exists:x.example//8".split(" "),
        *"ip4 ip4:1.2.3 ip4:1.2.3.04 ip4:1.2.3.4/33 ip4:1.2.3.4//8 ip4:1.2.3.4/ ip4:1.2.3.4:25".split(" "),
        *"ip6 ip6:1:2 ip6:::1/129 ip6:::1//64 ip6:::1/64//64 ip6:fe80::1%1 ip6:::/00 ip6:1.2.3.4".split(" "),
        *"exists:%{} exists:%{x} exists:%{c} exists:%{r}.a exists:%{T}.a exists:%{d}. exists:%{d}a x=%{".split(" "),
        *"exists:% exists:%a.a exists:%%% exists:%{d exists:%{%{d}} exists:%{d00} exists:%{dr2} x=%{d:}".split(" "),
        *"redirect= exp= exp=localhost redirect=%{c}".split(" "),
        "exp=a.example exp=a.example",
    ],
)
def test_terms_outside_the_grammar(term: str) -> None:
    """Whatever else a term is, it makes the record unusable, also behind the term that matches (RFC 7208 4.6)."""
    assert judged(f"+all {term}") is Status.PERMERROR


def test_nothing_is_asked_for_terms_that_are_not_reached() -> None:
    """Behind a match nothing is asked: no name of a macro, no redirect, and the explanation on a fail alone."""
    record = "v=spf1 ip4:192.0.2.1 exists:%{p}.x.example include:x.example x=%{p} exp=x.example redirect=x.example"
    dns = FakeDns({"example.com": {"TXT": [record]}})
    assert check_host(ip_address("192.0.2.1"), "ann@example.com", "mx", dns, FakeClock()).status is Status.PASS
    assert [question.name for question in dns.asked] == ["example.com"]


def test_mail_hosts_are_asked_in_their_order_until_one_matches() -> None:
    """What stands behind the matching host of `mx` is not asked, so that its DNS may be broken (RFC 7208 5.4)."""
    zone = {
        "example.com": {"TXT": ["v=spf1 mx -all"], "MX": [[20, "broken.example"], [10, "good.example"]]},
        "good.example": {"A": ["192.0.2.1"]},
    }
    dns = FakeDns(zone, servfail=["broken.example"])
    answers = [
        check_host(ip_address(ip), "ann@example.com", "mx", dns, FakeClock()).status
        for ip in ("192.0.2.1", "192.0.2.2")
    ]
    assert answers == [Status.PASS, Status.TEMPERROR]


def test_of_the_clients_names_only_those_that_would_match_are_looked_up() -> None:
    """A client whose other names answer slowly, or not at all, takes no time from the rest of the record (RFC 7208 5.5)."""
    zone = {
        "example.com": {"TXT": ["v=spf1 ptr exists:%{p}.x.example -all"]},
        "1.2.0.192.in-addr.arpa": {"PTR": ["slow.attack.example", "mx.example.com", "slower.attack.example"]},
        "mx.example.com": {"A": ["192.0.2.9"]},
    }
    dns = FakeDns(zone, timeout=["slow.attack.example", "slower.attack.example"])
    assert check_host(ip_address("192.0.2.1"), "ann@example.com", "mx", dns, FakeClock()).status is Status.FAIL
    asked = [question.name for question in dns.asked if question.kind == "A"]
    assert asked == ["mx.example.com", "slow.attack.example", "slower.attack.example", "unknown.x.example"]
    dns = FakeDns({**zone, "mx.example.com": {"A": ["192.0.2.1"]}}, timeout=["slow.attack.example"])
    assert check_host(ip_address("192.0.2.1"), "ann@example.com", "mx", dns, FakeClock()).status is Status.PASS
    assert [question.name for question in dns.asked if question.kind == "A"] == ["mx.example.com"]


ORDINARY = {
    "example.com": {"A": ["192.0.2.1"], "MX": [[10, "four.example"]]},
    "four.example": {"A": ["198.51.100.7"]},
    "six.example": {"AAAA": ["2001:db8::7"], "MX": [[10, "both.example"]]},
    "both.example": {"A": ["192.0.2.80"], "AAAA": ["2001:db8::80"], "MX": [[10, "both.example"], [20, "six.example"]]},
    "1.2.0.192._spf.example.com": {"A": ["127.0.0.2"]},
    "ann.l.example.com": {"A": ["127.0.0.2"]},
    "1.2.0.192.in-addr.arpa": {"PTR": ["host.example.com"]},
    "host.example.com": {"A": ["192.0.2.1"]},
    "7.100.51.198.in-addr.arpa": {"PTR": ["four.example"]},
    ip_address("2001:db8::7").reverse_pointer: {"PTR": ["six.example"]},
}
COMMON = [
    *"a mx ptr a/24 mx//32 a/24//64 a:four.example a:six.example/16 a:both.example mx:both.example".split(" "),
    *"mx:six.example//64 ip4:192.0.2.0/24 ip4:198.51.100.7 ip6:2001:db8::/32 ip6:2001:db8::7".split(" "),
    *"ptr:example.com".split(" "),
    *"exists:%{ir}._spf.%{d2} exists:%{l}.l.%{o} a:%{h} exists:%{v}.x.example a:gone.example".split(" "),
    *"exists:%{i}.%{s}.%{d}".split(" "),
]
MECHANISMS = st.tuples(st.sampled_from(["", "", "+", "-", "~", "?"]), st.sampled_from(COMMON)).map("".join)
ENDS = st.sampled_from(
    ["", "-all", "~all", "?all", "+all", "redirect=two.example", "exp=e.example -all", "ra=postmaster ~all"]
)
# At most nine terms ask before a redirect does, which pyspf counts even where it is not followed.
INCLUDED = st.tuples(st.lists(MECHANISMS, max_size=2), ENDS.filter(lambda end: "redirect" not in end)).map(
    lambda each: " ".join([*each[0], each[1]])
)
RECORDS = st.tuples(
    st.lists(st.one_of(MECHANISMS, st.sampled_from(["include:one.example", "-include:two.example"])), max_size=3), ENDS
).map(lambda each: " ".join([*each[0], each[1]]))


@given(
    RECORDS,
    INCLUDED,
    INCLUDED,
    st.sampled_from(["192.0.2.1", "198.51.100.7", "2001:db8::7"]),
    st.sampled_from(["ann@example.com", "bob.b@example.com", ""]),
)
@settings(max_examples=500, deadline=None)
def test_ordinary_records_are_judged_as_by_pyspf(record: str, one: str, two: str, ip: str, sender: str) -> None:
    """What domains commonly publish gives pyspf's result, by pyspf's mechanism."""
    zone = {"one.example": {"TXT": [f"v=spf1 {one}"]}, "two.example": {"TXT": [f"v=spf1 {two}"]}}
    dns = FakeDns(ORDINARY | zone | {"example.com": {**ORDINARY["example.com"], "TXT": [f"v=spf1 {record}"]}})
    result = check_host(ip_address(ip), sender, "example.com", dns, FakeClock())
    assert (result.status, result.mechanism) == plain_spf(dns, ip, sender, "example.com")
