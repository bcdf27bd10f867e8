"""DNS lists: listings by their meaning, refusals that are none, trouble that is temporary, and what is asked of whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gatepost.checks.reputation.dnslist import CODES, DnsListCheck, Standing, read
from gatepost.checks.reputation.dnslist_settings import PRESETS, DnsList, DnsListSettings, span
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail.envelope import Direction
from gatepost.service.remembering import list_trouble
from gatepost.world.budget import allowance, current
from gatepost.world.clock import FakeClock
from gatepost.world.dns.door import Answer, Question, Records, TempFailure
from gatepost.world.dns.fake import FakeDns, NoNetworkDns
from gatepost.world.dns.live import LiveResolver
from gatepost.world.dns.live import Settings as DnsSettings
from support.dns_server import running_dns
from support.remembered import letter, mail

OURS = {
    "zone": "bl.here.example",
    "kinds": ["address", "domain", "link"],
    "answers": [
        {"answer": "127.0.0.2", "text": "trap", "share": 1.0},
        {"answer": "127.0.0.4-127.0.0.7", "text": "bot", "share": 0.5},
    ],
}


def settings(**given: object) -> DnsListSettings:
    """Read a [dnslists] table."""
    return DnsListSettings.model_validate({"list": [OURS], **given})


def asked(zone: dict[str, str], *, config: DnsListSettings | None = None, **more) -> list[Evidence]:
    """Ask the lists about a message from 198.51.100.9; `zone` maps names to answers."""
    resolver = more.pop("resolver", None) or FakeDns({name: {"A": [answer]} for name, answer in zone.items()})
    message = more.pop("message", letter("hi", From="a@shop.example", urls=["http://www.link.example/x"]))
    check = DnsListCheck(config or settings(), resolver, FakeClock(), more.pop("exempt", ()))
    found = more.pop("found", Found())
    said = list(check.run(mail(**{"ip": "198.51.100.9", **more}), message, found))
    assert {item.code for item in said} <= set(CODES)
    return said


@pytest.mark.parametrize(
    ("name", "code", "what"),
    [
        ("9.100.51.198", "dnslist.address", "198.51.100.9"),
        ("shop.example", "dnslist.domain", "shop.example"),
        ("link.example", "dnslist.link", "link.example"),
    ],
)
def test_a_listing_names_list_subject_and_meaning(name: str, code: str, what: str) -> None:
    """Each kind of thing has its code; the share of the answer is the value."""
    (item,) = asked({f"{name}.bl.here.example": "127.0.0.5"})
    assert (item.code, item.status, item.value) == (code, Status.FAIL, 0.5)
    assert item.facts == {"dnslist.list": "here.example", "dnslist.name": what}
    assert item.detail == f"{what} is listed by here.example: bot."


def test_what_is_not_listed_is_clear() -> None:
    """No name, no data, and an answer without a meaning are no listing."""
    for zone in ({}, {"9.100.51.198.bl.here.example": "127.0.0.99"}, {"x.9.100.51.198.bl.here.example": "127.0.0.2"}):
        assert [item.code for item in asked(zone)] == ["dnslist.clear"]


@pytest.mark.parametrize(
    "answer", ["127.255.255.252", "127.255.255.254", "127.255.255.255", "127.0.0.1", "192.0.2.80", "0.0.0.0"]
)
@pytest.mark.parametrize("answers", [OURS["answers"], []])
def test_a_refusal_is_never_a_listing(answer: str, answers: list[object]) -> None:
    """A blocked resolver, a used-up quota and a zone that answers everything are said, weigh nothing and degrade nothing."""
    config = settings(list=[{**OURS, "answers": answers}])
    said = asked({"*.bl.here.example": answer, "9.100.51.198.bl.here.example": answer}, config=config)
    assert [(item.code, item.degraded) for item in said] == [("dnslist.blocked", "")]
    trouble = list_trouble(
        config.list[0].model_copy(update={"test": "198.51.100.9"}),
        FakeDns({"9.100.51.198.bl.here.example": {"A": [answer]}}),
    )
    assert trouble.startswith(f"answered {answer}")


def test_a_refusal_among_other_answers_wins() -> None:
    """Where one answer says "you may not ask", the others are not believed."""
    resolver = FakeDns({"9.100.51.198.bl.here.example": {"A": ["127.0.0.2", "127.255.255.254"]}})
    assert [item.code for item in asked({}, resolver=resolver)] == ["dnslist.blocked"]


def test_dns_trouble_is_temporary() -> None:
    """A list that does not answer is temperror and degraded, beside what others said."""
    (item,) = asked({}, resolver=NoNetworkDns(), message=letter(), sender="")
    assert (item.code, item.status, item.degraded) == ("dnslist.temperror", Status.TEMPERROR, "dns")
    resolver = FakeDns(
        {"9.100.51.198.bl.here.example": {"A": ["127.0.0.2"]}}, servfail=["link.example.bl.here.example"]
    )
    assert [item.code for item in asked({}, resolver=resolver)] == ["dnslist.address", "dnslist.temperror"]


def test_a_list_that_is_away_is_left_alone_for_a_while() -> None:
    """It holds up one question, not those of every message; half a minute later it is asked again."""
    resolver, clock = FakeDns({}, servfail=["9.100.51.198.bl.here.example"]), FakeClock()
    check = DnsListCheck(settings(), resolver, clock)
    for _ in range(3):
        (item,) = check.run(mail("198.51.100.9"), letter(From="a@shop.example"), Found())
        assert item.code == "dnslist.temperror"
    assert len(resolver.asked) == 1
    clock.advance(31)
    check.run(mail("198.51.100.9"), letter(), Found())
    assert len(resolver.asked) == 2


def test_whom_the_lists_are_not_asked_about() -> None:
    """Own users, own networks and relays, private addresses, and every message where no list is in use."""
    only = settings(list=[{**OURS, "kinds": ["address"]}])
    for envelope in (
        {"login": "ann"},
        {"direction": Direction.OUTBOUND},
        {"ip": "10.1.2.3"},
        {"ip": "fd00::1"},
        {"ip": ""},
    ):
        assert asked({"*": "127.0.0.2"}, config=only, **envelope) == []
    resolver = FakeDns()
    assert asked({}, config=DnsListSettings(), resolver=resolver) == []
    assert resolver.asked == []


def test_ipv6_is_asked_by_nibbles() -> None:
    """RFC 5782 2.4; a mapped address is the IPv4 address that it is."""
    resolver = FakeDns()
    asked({}, resolver=resolver, ip="2001:db8::1", message=letter(), sender="")
    asked({}, resolver=resolver, ip="::ffff:198.51.100.9", message=letter(), sender="")
    assert [question.name for question in resolver.asked] == [
        f"1.{'0.' * 23}8.b.d.0.1.0.0.2.bl.here.example",
        "9.100.51.198.bl.here.example",
    ]


def test_what_is_foreseen_is_what_is_asked() -> None:
    """At CONNECT the address, at MAIL the sender's domain as well."""
    check = DnsListCheck(settings(), FakeDns(), FakeClock())
    assert [each.name for each in check.foreseen(mail("198.51.100.9", sender=""))] == ["9.100.51.198.bl.here.example"]
    assert [each.name for each in check.foreseen(mail("198.51.100.9"))][1:] == ["shop.example.bl.here.example"]


def test_bits_ranges_and_welcome_lists() -> None:
    """Lists that add up their reasons, and one that speaks for a sender."""
    surbl = PRESETS["surbl"]
    assert read(surbl, Records(("127.0.0.72",))).text in {"phishing", "abuse"}
    assert read(surbl, Records(("127.0.0.72",))).share == 1.0
    assert read(surbl, Records(("127.0.0.4",))).standing is Standing.CLEAR
    config = DnsListSettings(use=("dnswl",))
    (item,) = asked({"9.100.51.198.list.dnswl.org": "127.0.5.2"}, config=config)
    assert (item.code, item.status, item.value) == ("dnslist.welcome", Status.PASS, 0.6)
    assert [item.code for item in asked({"9.100.51.198.list.dnswl.org": "127.0.0.255"}, config=config)] == [
        "dnslist.blocked"
    ]


@pytest.mark.parametrize("own", [{"like": "spamhaus-zen"}, {"kinds": ["address"]}])
@pytest.mark.parametrize(
    "dns",
    [
        FakeDns({"9.100.51.198.sekretkey.zen.dq.list.example": {"A": ["127.0.0.2"]}}),
        FakeDns({"9.100.51.198.sekretkey.zen.dq.list.example": {"A": ["127.255.255.254"]}}),
        FakeDns(servfail=["9.100.51.198.sekretkey.zen.dq.list.example"]),
        FakeDns(),
    ],
)
def test_the_key_in_a_zone_is_not_told(own: dict[str, object], dns: FakeDns) -> None:
    """What reaches headers, records and status names the list, and never the label that is the site's key."""
    config = settings(list=[{"zone": "SEKRETKEY.zen.dq.list.example", "test": "198.51.100.9", **own}])
    said = asked({}, config=config, resolver=dns)
    assert ("spamhaus-zen" if "like" in own else "zen.dq.list.example") in said[0].detail
    (listed,) = config.active
    assert "sekret" not in f"{said} {listed.title} {list_trouble(listed, dns)}".lower()


@pytest.mark.parametrize(
    ("kinds", "zone", "expected"),
    [
        (["address"], {"2.0.0.127": "127.0.0.2", "1.0.0.127": "127.0.0.2"}, "lists 127.0.0.1, which no list may"),
        (["link"], {"2.0.0.127": "127.0.0.2", "invalid": "127.0.0.2"}, "lists invalid, which no list may"),
        (["address"], {"2.0.0.127": "127.0.0.2"}, ""),
        (["address"], {"2.0.0.127": "127.0.0.2", "1.0.0.127": "127.0.0.99"}, ""),
    ],
)
def test_a_list_that_was_given_up_and_names_everything_is_told(kinds: list[str], zone: dict, expected: str) -> None:
    """`gatepost status` asks for what no list may name, too (RFC 5782 5)."""
    (listed,) = settings(list=[{**OURS, "kinds": kinds, "test": "127.0.0.2"}]).active
    dns = FakeDns({f"{name}.bl.here.example": {"A": [answer]} for name, answer in zone.items()})
    assert list_trouble(listed, dns).startswith(expected)
    assert bool(list_trouble(listed, dns)) == bool(expected)


def test_a_known_forwarders_address_is_not_asked_about() -> None:
    """Who hands on what others sent is listed for that: it says nothing of this message, and its links still do."""
    zone = {"9.100.51.198.bl.here.example": "127.0.0.2", "link.example.bl.here.example": "127.0.0.2"}
    forwarded = Found((Evidence("forward", "forward.known", Status.PASS),))
    assert [item.code for item in asked(zone, found=forwarded)] == ["dnslist.link"]


@pytest.mark.parametrize("spent", ["time", "look-ups"])
def test_a_list_that_a_message_could_not_ask_is_asked_for_the_next_one(spent: str) -> None:
    """Where the message has nothing left to ask with, the list is not taken for one that does not answer."""
    clock = FakeClock()
    dns = FakeDns({"9.100.51.198.bl.here.example": {"A": ["127.0.0.2"]}})
    check = DnsListCheck(settings(), Spent(dns), clock)
    with allowance(clock, 0.0 if spent == "time" else 5.0) as left:
        left.lookups = 0
        assert {item.code for item in check.run(mail("198.51.100.9"), letter(), Found())} == {"dnslist.temperror"}
    with allowance(clock, 5.0):
        assert [item.code for item in check.run(mail("198.51.100.9"), letter(), Found())] == ["dnslist.address"]


class Spent:
    """A resolver that asks nobody for a message that has nothing left."""

    def __init__(self, behind: FakeDns) -> None:
        self.behind = behind

    def prefetch(self, _: object) -> None:
        """Do nothing."""

    def ask(self, question: Question) -> Answer:
        """Ask, or say that nothing is left."""
        left = current()
        return self.behind.ask(question) if left.lookups and left.remaining() else TempFailure("spent")


def test_lists_of_one_title_are_told_apart() -> None:
    """Two lists of one provider, or a known one in two zones, have a line each."""
    zones = [{"zone": f"{name}.list.example", "kinds": ["address"]} for name in ("a", "b", "c")]
    config = settings(use=["surbl"], list=[*zones, {"zone": "key.surbl.example", "like": "surbl"}])
    titles = ["surbl", "list.example", "list.example (2)", "list.example (3)", "surbl (2)"]
    assert [each.title for each in config.active] == titles


def test_a_list_like_another_in_a_zone_of_its_own() -> None:
    """A customer's zone has the known meanings; what is given replaces them."""
    config = DnsListSettings.model_validate({"list": [{"zone": "KEY.zen.dq.spamhaus.net", "like": "spamhaus-zen"}]})
    (item,) = asked({"9.100.51.198.key.zen.dq.spamhaus.net": "127.0.0.10"}, config=config)
    assert (item.value, item.facts["dnslist.list"]) == (0.6, "spamhaus-zen")


def test_none_is_in_use_by_default() -> None:
    """A site asks nobody until it names somebody."""
    assert DnsListSettings().active == ()
    for wrong in (
        {"use": ["unheard-of"]},
        {"list": [{"zone": "x.example"}]},
        {"list": [{"zone": "no zone", "kinds": ["address"]}]},
        {"list": [{"zone": "x.example", "kinds": ["address"], "answers": [{"answer": "10.0.0.1"}]}]},
        {"list": [{"zone": "x.example", "kinds": ["address"], "answers": [{"answer": "127.0.0.9-127.0.0.2"}]}]},
    ):
        with pytest.raises(ValidationError):
            DnsListSettings.model_validate(wrong)


@given(text=st.text(max_size=40))
def test_patterns_are_read_or_refused(text: str) -> None:
    """Any text is a pattern within 127.0.0.0/8 or a ValueError."""
    try:
        low, high, bits = span(text)
    except ValueError:
        return
    assert 0x7F000000 <= low <= high <= 0x7FFFFFFF
    assert 0 <= bits < 256


def test_status_asks_for_the_test_entry() -> None:
    """A list that lists its own test entry is well; one that does not, or does not answer, is told."""
    listed = DnsList(zone="bl.here.example", kinds=("address",), test="127.0.0.2")
    assert list_trouble(listed, FakeDns({"2.0.0.127.bl.here.example": {"A": ["127.0.0.2"]}})) == ""
    assert list_trouble(listed, FakeDns()).startswith("does not list its own test entry 127.0.0.2")
    assert list_trouble(listed, NoNetworkDns()).startswith("does not answer")
    named = DnsList(zone="dbl.here.example", kinds=("link",), test="test.example")
    assert list_trouble(named, FakeDns({"test.example.dbl.here.example": {"A": ["127.0.1.2"]}})) == ""


@pytest.mark.servers
def test_over_the_wire() -> None:
    """The same through the live resolver from a real name server: a listing, a refusal, and a server that is gone."""
    zone = {
        "9.100.51.198.bl.here.example": {"A": ["127.0.0.2"]},
        "link.example.bl.here.example": {"A": ["127.255.255.254"]},
    }
    with running_dns(zone) as server:
        resolver = LiveResolver(DnsSettings(servers=(server.address,), timeout_seconds=1.0, attempts=1))
        assert {item.code for item in asked({}, resolver=resolver)} == {"dnslist.address", "dnslist.blocked"}
        server.stop()
        gone = LiveResolver(DnsSettings(servers=(server.address,), timeout_seconds=0.2, attempts=1))
        assert {item.code for item in asked({}, resolver=gone)} == {"dnslist.temperror"}
