"""What a message carries: known from unwanted mail it speaks against it, and it never speaks for anybody."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.reputation.family import GreylistSettings, Memory
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail.links import domains
from gatepost.mail.message import Shown, from_bytes
from gatepost.world.clock import FakeClock
from gatepost.world.seen.traces import traces
from gatepost.world.state.door import Mark
from support.remembered import SPAM, Away, Counting, Site, dmarc, letter, mail, spf

DIGEST = "ab" * 32


def said(site: Site, message, **envelope) -> list[str]:
    """Give what is said of things."""
    return [code for code in site.say(mail(**envelope), message) if code.startswith("reputation.")]


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("link:pills.example", "reputation.link-bad"),
        (f"file:{DIGEST}", "reputation.file-bad"),
        ("helo:ylmf-pc", "reputation.helo-bad"),
    ],
)
def test_a_thing_known_from_spam_alone_speaks_against(key: str, code: str) -> None:
    """Link, file and HELO name, each under its own code; with as much wanted mail they say nothing."""
    site, message = Site(), letter(urls=["http://www.pills.example/x"], file=DIGEST)
    assert said(site, message, helo="ylmf-pc") == []
    site.state.remember([Mark(key, unwanted=20.0)])
    assert said(site, message, helo="ylmf-pc") == [code]
    site.state.remember([Mark(key, wanted=20.0)])
    assert said(site, message, helo="ylmf-pc") == []


def test_a_thing_never_speaks_for_a_message() -> None:
    """A link to a well-known site makes no spam better: everybody can carry it."""
    site = Site()
    site.state.remember([Mark(key, wanted=100.0) for key in ("link:good.example", f"file:{DIGEST}", "helo:local")])
    assert said(site, letter(urls=["http://good.example/"], file=DIGEST), helo="local") == []


def test_the_worst_thing_of_a_kind_is_named() -> None:
    """Of several links one is told, with what is known of it."""
    site = Site()
    site.state.remember([Mark("link:b.example", unwanted=5.0), Mark("link:c.example", unwanted=50.0)])
    message = letter(urls=[f"http://{name}.example/" for name in "abc"])
    (item,) = [each for each in site.judge(mail(), message) if each.check == "reputation"]
    assert (item.status, item.facts["reputation.link"], item.facts["reputation.unwanted"]) == (
        Status.FAIL,
        "c.example",
        "50.0",
    )
    assert 0.8 < item.value < 1.0


def test_an_unproven_name_is_blamed_in_its_network_alone() -> None:
    """Greeting as somebody else's host harms the forger's network; a proven greeting is known everywhere."""
    site = Site()
    for _ in range(10):
        site.live(mail("198.51.100.9", helo="mail.bank.example.com"), letter(), verdict=SPAM)
    assert said(site, letter(), ip="198.51.100.7", helo="mail.bank.example.com") == ["reputation.helo-bad"]
    assert said(site, letter(), ip="192.0.2.1", helo="mail.bank.example.com") == []
    iprev = Evidence("iprev", "iprev.pass", Status.PASS, facts={"name": "mail.bank.example.com"})
    assert "reputation.helo-bad" not in site.say(mail(helo="mail.bank.example.com"), letter(), iprev)


def test_how_a_known_forwarder_greets_is_no_trace() -> None:
    """Its greeting comes with all that it hands on."""
    envelope = mail(helo="forwarder.example")
    assert [str(trace.kind) for trace in traces(envelope, letter(), Found())] == ["helo"]
    assert traces(envelope, letter(), Found((Evidence("forward", "forward.known", Status.PASS),))) == ()


def test_what_is_named_as_a_trace() -> None:
    """HELO names of nobody, addresses in brackets, link domains without those of bare addresses, files once."""
    message = letter(urls=["https://a.co.uk/x", "http://192.0.2.7/", "HTTP://B.example:8/", "mailto:x@y"], file=DIGEST)
    message.lay_open(message.inner)
    found = Evidence("spf", "spf.pass", Status.PASS, facts={"smtp.helo": "mx.own.example.com"})
    names = [trace.name for trace in traces(mail(helo="MX.own.example.com."), message, Found((found,)))]
    assert names == ["mx.own.example.com", "a.co.uk", "b.example", DIGEST]
    assert traces(mail(helo="[192.0.2.1]"), letter(), Found()) == ()
    assert traces(mail(ip="", helo="ylmf-pc"), letter(), Found()) == ()


def test_links_are_bounded_and_hostile_ones_are_none() -> None:
    """However many links, a few are asked about; what is no address of a web host is none."""
    assert len(domains(f"http://d{number}.example/" for number in range(1_000))) == 8
    odd = [
        "",
        "http://",
        "http://[::1]/",
        "http:///x",
        "http://a@evil.example:1/@good.example",
        "x" * 100_000,
        "http://co.uk/",
    ]
    assert domains(odd) == ("evil.example",)


def test_one_trip_for_all_judges() -> None:
    """All that memory knows of a message is asked in one exchange, and written in one."""
    site = Site(state=Counting(FakeClock()))
    message = letter(
        "word " * 3 + " ".join(f"{chr(97 + n % 26)}{chr(97 + n // 26)}x" for n in range(60)), urls=["http://a.example/"]
    )
    site.live(mail(helo="h"), message, spf("a@shop.example"), verdict=SPAM)
    assert len(site.state.trips) == 2
    assert max(site.state.trips) <= 24


def test_a_store_that_is_away_leaves_things_unsaid() -> None:
    """Nothing is held against a message where nothing is known."""
    site = Site(state=Away(FakeClock()))
    assert said(site, letter(urls=["http://pills.example/"])) == []
    assert from_bytes(b"x").link_domains == ()


@given(
    head=st.dictionaries(
        st.sampled_from(["From", "Message-ID", "In-Reply-To", "References", "Precedence", "Auto-Submitted"]),
        st.text(st.characters(exclude_characters="\r\n"), max_size=200),
    ),
    body=st.text(max_size=300),
    urls=st.lists(st.text(max_size=60), max_size=5),
    helo=st.text(max_size=60),
    sender=st.text(max_size=60),
)
@settings(max_examples=80, deadline=None)
def test_no_message_breaks_memory(head: dict[str, str], body: str, urls: list[str], helo: str, sender: str) -> None:
    """Whatever strangers and own users send, memory judges it and remembers it."""
    site = Site(Memory(greylist=GreylistSettings(enabled=True)))
    raw = "".join(f"{name}: {value}\n" for name, value in head.items()) + f"\n{body}\n"
    for login in ("", "ann"):
        message = from_bytes(raw.encode("utf-8", "surrogatepass"))
        message.show(Shown(body * 3, tuple(urls)))
        site.live(mail(helo=helo, sender=f"{sender}@x.example", login=login), message, dmarc("x.example"), verdict=SPAM)
        site.live(mail(helo=helo, sender=f"{sender}@x.example", login=login), message)
