"""Rates: what is counted for whom, limits that score, defer and reject, bursts, the gate at RCPT, and a store that is away."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gatepost.checks.reputation.family import CODES, Memory, Settings
from gatepost.checks.reputation.rate_settings import Limit, RateSettings
from gatepost.evidence import Evidence, Status
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.message import Message
from gatepost.world.clock import FakeClock
from support.remembered import Away, Counting, Local, Site, letter, mail, spf

SPF = spf("a@shop.example")


def site(**usual: object) -> Site:
    """Give a site with keys of [reputation]."""
    return Site(Memory(reputation=Settings(**usual)))


def rates(table: str, *limits: dict[str, object], **more: object) -> Site:
    """Give a site with the limits of one table of [rates] alone."""
    none = Settings(client_soft=0, sender_soft=0, login_soft=0, login_hard=0)
    return Site(Memory(none, RateSettings(**{table: tuple(Limit(**limit) for limit in limits)}, **more)))


def rated(site: Site, envelope: Envelope, *before: Evidence, message: Message | None = None) -> list[Evidence]:
    """Judge one message and give what is said of rates."""
    return [item for item in site.judge(envelope, message, *before) if item.check == "rate"]


def codes(site: Site, envelope: Envelope, *before: Evidence, message: Message | None = None) -> list[str]:
    """Give the codes of what is said of rates, without the prefix."""
    return [item.code.removeprefix("rate.") for item in rated(site, envelope, *before, message=message)]


def test_grows_from_normal_over_high_to_exceeded() -> None:
    """Up to the soft limit nothing is said against a client; then a growing value; past the hard limit `exceeded`."""
    here = site(client_soft=2, client_hard=10)
    said = [rated(here, mail(), SPF)[0] for _ in range(12)]
    assert [item.code for item in said] == ["rate.normal"] * 2 + ["rate.client-high"] * 8 + ["rate.client-exceeded"] * 2
    values = [item.value for item in said[2:10]]
    assert values == sorted(values)
    assert 0 < values[0] < 0.5
    assert values[-1] == 1.0
    assert said[-1].facts == {"rate.count": "11", "rate.limit": "10", "rate.of": "messages"}
    assert said[-1].detail == "11 messages of 192.0.2.1 in the last hour, more than 10."


def test_a_recipient_is_a_mailbox_however_it_is_written() -> None:
    """Case, quotes that need not be and +details do not get round a limit; another mailbox and needed quotes are others."""
    here = rates("inbound", {"per": "recipient", "limit": 3}, exempt_recipients=("Abuse@here.example",))
    same = (
        "bob@here.example",
        "BOB@here.example",
        '"bob"@here.example',
        "bob+1@here.example",
        '"b\\ob+2"@here.example',
    )
    said = [codes(here, mail(to=to)) for to in same]
    assert said == [["normal"]] * 3 + [["recipient-exceeded"]] * 2
    assert here.gate(mail(to="bob+3@here.example")) != ()
    for other in ('"bob+1;x"@here.example', "bobby@here.example"):
        assert codes(here, mail(to=other)) == ["normal"]
    assert codes(here, mail(to="abuse+bob@here.example")) == []


def test_a_whole_network_of_ipv6_addresses_is_one_client() -> None:
    """Rotating through a /64 does not help."""
    here = site(client_soft=3)
    said = [codes(here, mail(f"2001:db8::{number:x}"))[0] for number in range(1, 6)]
    assert said[-1] == "client-high"


def test_a_forger_cannot_use_up_a_domains_allowance() -> None:
    """Without an SPF pass mail is counted by domain and network, so the domain's own mail is untouched."""
    here = site(sender_soft=3, sender_hard=5)
    forged = [codes(here, mail("198.51.100.9"))[0] for _ in range(8)]
    assert forged[-1] == "sender-exceeded"
    assert codes(here, mail(), SPF) == ["normal"]
    assert codes(here, mail("203.0.113.9")) == ["normal"]


def test_own_users_are_counted_by_login_alone() -> None:
    """From whatever address a stolen password is used, the login's count goes up, and nobody else's."""
    here = site(login_soft=2, client_soft=1, sender_soft=1)
    said = [codes(here, mail(f"192.0.2.{number}", login="ann")) for number in range(1, 5)]
    assert said[1:3] == [["normal"], ["login-high"]]
    assert codes(here, mail(login="ANN")) == ["login-high"]
    assert codes(here, mail(login="bob")) == ["normal"]


def test_exempt_and_unknown_clients_are_not_counted() -> None:
    """Loopback, own networks without limits and mail without a client address say nothing at all."""
    here = site(client_soft=1)
    for _ in range(3):
        assert codes(here, mail("127.0.0.1")) == []
        assert codes(here, mail("::ffff:127.0.0.1")) == []
        assert codes(here, Envelope()) == []
        assert codes(here, mail(direction=Direction.OUTBOUND)) == []
        assert codes(here, mail(direction=Direction.INTERNAL)) == []


def test_the_window_passes() -> None:
    """A window later the slate is clean."""
    here = site(client_soft=1, window_seconds=60)
    assert [codes(here, mail())[0] for _ in range(2)] == ["normal", "client-high"]
    here.clock.advance(60)
    assert codes(here, mail()) == ["normal"]


@pytest.mark.parametrize(
    ("limit", "one", "other"),
    [
        ({"per": "network"}, mail("192.0.2.1"), mail("198.51.100.1")),
        ({"per": "client"}, mail("192.0.2.1"), mail("192.0.2.2")),
        ({"per": "recipient"}, mail(to="Ann@here.example"), mail(to="bob@here.example")),
        ({"per": "sender"}, mail(sender="a@x.example"), mail(sender="a@y.example")),
    ],
)
@pytest.mark.parametrize(("action", "word"), [("score", "high"), ("defer", "exceeded"), ("reject", "refused")])
def test_every_subject_can_be_limited_each_way(
    limit: dict[str, object], one: Envelope, other: Envelope, action: str, word: str
) -> None:
    """A limit of three lets three through, names the subject in its code, and leaves others alone."""
    here = rates("inbound", {**limit, "limit": 3, "action": action})
    assert [codes(here, one) for _ in range(4)] == [["normal"]] * 3 + [[f"{limit['per']}-{word}"]]
    assert codes(here, other) == ["normal"]
    assert codes(here, mail(login="ann")) == []  # the other table is empty


def test_what_is_counted_is_chosen() -> None:
    """Recipients and bytes are added up as they come."""
    many = mail(to="a@here.example b@here.example c@here.example")
    here = rates("inbound", {"what": "recipients", "per": "client", "limit": 5})
    assert [codes(here, many) for _ in range(2)] == [["normal"], ["client-exceeded"]]
    here = rates("inbound", {"what": "bytes", "per": "client", "limit": 3_000})
    heavy = letter("x" * 1_400)
    assert [codes(here, mail(), message=heavy) for _ in range(3)] == [["normal"], ["normal"], ["client-exceeded"]]


def test_submission_has_a_table_of_its_own() -> None:
    """Own users are counted by address, login and recipient, and what strangers do counts for nobody of them."""
    here = rates("submission", {"per": "sender", "limit": 2}, {"per": "login", "limit": 3, "action": "reject"})
    own = mail(login="ann", sender="ann@here.example")
    assert [codes(here, own) for _ in range(4)] == [
        ["normal"],
        ["normal"],
        ["sender-exceeded"],
        ["sender-exceeded", "login-refused"],
    ]
    assert codes(here, mail(sender="ann@here.example")) == []


def test_a_burst_makes_a_steady_rate() -> None:
    """Sixty an hour with three at once: three, then one a minute, and what is refused does not count."""
    here = rates("inbound", {"per": "client", "limit": 60, "burst": 3})
    assert [codes(here, mail())[0] for _ in range(5)] == ["normal"] * 3 + ["client-exceeded"] * 2
    here.clock.advance(60)
    assert [codes(here, mail())[0] for _ in range(2)] == ["normal", "client-exceeded"]
    here.clock.advance(3_600)
    (said,) = [rated(here, mail())[0] for _ in range(4)][3:]
    assert said.detail == "Messages of 192.0.2.1 come faster than 60 per hour with 3 at once."


@pytest.mark.parametrize("per", ["client", "network", "sender", "recipient"])
def test_who_keeps_trying_is_let_in_as_the_window_passes(per: str) -> None:
    """One message a second under three in ten: what is refused uses nothing up, of one limit or another."""
    here = rates(
        "inbound",
        {"per": per, "limit": 3, "window_seconds": 10},
        {"per": per, "limit": 8, "window_seconds": 10, "action": "reject"},
        {"per": per, "limit": 2, "window_seconds": 10, "action": "score"},
    )
    said = []
    for _ in range(50):
        here.clock.advance(1)
        said.append(codes(here, mail()))
    taken = [each for each in said if each in (["normal"], [f"{per}-high"])]
    assert 10 <= len(taken) <= 16
    assert len([each for each in said[-25:] if each in taken]) >= 5
    assert [f"{per}-refused"] in said  # the other limit counts what the first one deferred


def test_a_soft_limit_counts_what_the_hard_one_lets_through() -> None:
    """Beside a limit that defers one that scores has the same counter, and no record of its own."""
    here = site(client_soft=2, client_hard=3, sender_soft=0)
    assert [codes(here, mail())[0] for _ in range(4)] == ["normal"] * 2 + ["client-high", "client-exceeded"]
    assert len(here.state._tables["r"]) == 1


MANY = " ".join(f"r{number}@here.example" for number in range(8))


@pytest.mark.parametrize("burst", [0, 5])
@pytest.mark.parametrize(("what", "message"), [("recipients", letter()), ("bytes", letter("x" * 9))])
def test_what_is_larger_than_a_limit_passes_an_idle_one(what: str, message: Message, burst: int) -> None:
    """A message that could never pass is let through where nothing was counted, and the next ones are late."""
    here = rates("inbound", {"what": what, "per": "client", "limit": 7, "burst": burst, "window_seconds": 70})
    assert codes(here, mail(to=MANY), message=message) == ["normal"]
    assert codes(here, mail(), message=message) == ["client-exceeded"]
    here.clock.advance(140)
    assert codes(here, mail(to=MANY), message=message) == ["normal"]


def test_a_large_message_still_scores() -> None:
    """A limit that only scores holds nothing up, so what is above its burst is said each time."""
    here = rates("inbound", {"what": "recipients", "per": "client", "limit": 20, "burst": 5, "action": "score"})
    assert codes(here, mail(to=MANY)) == ["client-high"]


def test_the_exempt_are_not_counted() -> None:
    """A mailing program's login, a domain under SPF, a role address."""
    table = rates("submission", {"per": "login", "limit": 1}, exempt_logins=("Robot",))
    assert [codes(table, mail(login="robot")) for _ in range(3)] == [[]] * 3
    table = rates("inbound", {"per": "sender", "limit": 1}, exempt_domains=("news.shop.example",))
    assert [codes(table, mail(), SPF) for _ in range(3)] == [[]] * 3
    assert [codes(table, mail()) for _ in range(2)] == [["normal"], ["sender-exceeded"]]
    table = rates("inbound", {"per": "recipient", "limit": 1}, exempt_recipients=("Abuse@here.example",))
    assert [codes(table, mail(to="abuse@here.example")) for _ in range(3)] == [[]] * 3


def test_a_store_that_is_away_is_not_called_normal() -> None:
    """No answer is temperror and degraded; local memory speaks up only for what it saw itself, marked degraded too."""
    (away,) = rated(Site(state=Away(FakeClock())), mail(), SPF)
    assert (away.code, away.status, away.degraded) == ("rate.temperror", Status.TEMPERROR, "state")
    here = Site(Memory(reputation=Settings(client_soft=1)), state=Local(FakeClock()))
    said = [rated(here, mail(), SPF)[0] for _ in range(2)]
    assert [(item.code, item.degraded) for item in said] == [("rate.temperror", "state"), ("rate.client-high", "state")]


def test_names_of_people_do_not_stand_in_keys() -> None:
    """Counters of logins, own senders and recipients lie under digests."""
    limits = [{"per": per, "limit": 5} for per in ("login", "sender", "recipient")]
    here = rates("submission", *limits)
    codes(here, mail(login="ann", sender="ann@here.example", to="bob@there.example"))
    places = [place for table in here.state._tables.values() for place in table]
    assert len(places) == 3
    assert not [place for place in places if "ann" in place or "bob" in place]


# ---------------------------------------------------------------------- the gate
def test_the_gate_looks_and_does_not_count() -> None:
    """At RCPT a client past its hard limit is named; asking a thousand times does not push anybody over it."""
    here = site(client_hard=2, login_hard=1)
    assert {here.gate(mail()) for _ in range(1_000)} == {()}
    for _ in range(2):
        here.judge(mail(), None, SPF)
    assert [item.code for item in here.gate(mail(to="b@here.example"))] == ["rate.client-exceeded"]
    assert here.gate(mail("192.0.2.2")) == ()
    here.judge(mail(login="ann"))
    assert [item.code for item in here.gate(mail(login="ann"))] == ["rate.login-exceeded"]


def test_the_gate_knows_bursts() -> None:
    """A steady rate that is used up keeps the door closed, and opens it as it drains."""
    here = rates("inbound", {"per": "client", "limit": 60, "burst": 2, "action": "reject"})
    for _ in range(2):
        here.judge(mail())
    assert [item.code for item in here.gate(mail())] == ["rate.client-refused"]
    here.clock.advance(61)
    assert here.gate(mail()) == ()


def test_connections_are_counted_at_the_gate() -> None:
    """Each connection once, at its first recipient, whatever happens on it then."""
    here = rates("inbound", {"what": "connections", "per": "client", "limit": 3})
    for _ in range(3):
        assert here.gate(mail(opens=True)) == ()
        assert here.gate(mail(to="b@here.example")) == ()
        here.judge(mail())
    (said,) = here.gate(mail(opens=True))
    assert (said.code, said.facts["rate.of"]) == ("rate.client-exceeded", "connections")


def test_what_speaks_against_a_connection_is_told_beside_the_rest() -> None:
    """The gate names the worst of both: a limit on connections, and one on what comes over them."""
    client = {"per": "client", "limit": 1}
    here = rates(
        "inbound", {**client, "what": "connections"}, client, {"per": "recipient", "limit": 1, "action": "reject"}
    )
    assert here.gate(mail(opens=True)) == ()
    here.judge(mail())
    said = {(item.code, item.facts["rate.of"]) for item in here.gate(mail(opens=True))}
    assert said == {("rate.client-exceeded", "connections"), ("rate.recipient-refused", "messages")}


def test_a_client_that_keeps_connecting_is_let_in_as_the_window_passes() -> None:
    """One connection a second under three in ten: those that are refused are not counted, by any limit on them."""
    more = {"what": "connections", "per": "client", "window_seconds": 10}
    here = rates("inbound", {**more, "limit": 3}, {**more, "limit": 9, "action": "reject"})
    let = []
    for _ in range(50):
        here.clock.advance(1)
        let.append(here.gate(mail(opens=True)) == ())
    assert 10 <= sum(let) <= 16
    assert any(let[-10:])


@pytest.mark.parametrize("burst", [0, 5])
def test_recipients_are_taken_as_far_as_a_limit_reaches(burst: int) -> None:
    """At RCPT each one past the limit is put off by itself, so the message goes to the others."""
    limit = {"what": "recipients", "per": "client", "limit": 5, "burst": burst, "window_seconds": 60}
    here = rates("inbound", limit)
    names = MANY.split()
    answers = [here.gate(mail(to=" ".join(names[: number + 1]))) for number in range(6)]
    assert answers[:5] == [()] * 5
    assert [(item.code, item.facts["rate.of"]) for item in answers[5]] == [("rate.client-exceeded", "recipients")]
    assert codes(here, mail(to=" ".join(names[:5]))) == ["normal"]
    assert here.gate(mail(to=names[5])) != ()
    here.clock.advance(120)
    assert here.gate(mail(to=" ".join(names[5:]))) == ()


def test_each_recipient_is_asked_about_at_the_gate() -> None:
    """A recipient past its limit is refused beside one who is not."""
    here = rates("inbound", {"per": "recipient", "limit": 1})
    here.judge(mail(to="full@here.example"))
    assert here.gate(mail(to="ann@here.example")) == ()
    assert [item.code for item in here.gate(mail(to="ann@here.example full@here.example"))] == [
        "rate.recipient-exceeded"
    ]


def test_the_gate_makes_one_trip_and_only_where_a_limit_refuses() -> None:
    """Later recipients and sites without such limits cost no round trip; a store that is away admits."""
    many = mail(to="b@here.example c@here.example")
    for usual, envelope, trips in (
        ({"client_hard": 1}, many, 0),
        ({"client_hard": 0}, mail(), 0),
        ({"client_hard": 1}, mail(), 1),
    ):
        state = Counting(FakeClock())
        assert Site(Memory(reputation=Settings(**usual)), state=state).gate(envelope) == ()
        assert len(getattr(state, "trips", [])) == trips
    assert Site(Memory(reputation=Settings(client_hard=1)), state=Away(FakeClock())).gate(mail()) == ()


@given(limit=st.integers(1, 30), burst=st.integers(0, 10), steps=st.lists(st.floats(0, 900), max_size=60))
@settings(max_examples=60, deadline=None)
def test_a_limit_is_never_passed_unsaid(limit: int, burst: int, steps: list[float]) -> None:
    """Whatever the pace, no window lets through more than its limit (with a burst: that much more at once)."""
    here = rates("inbound", {"per": "client", "limit": limit, "burst": burst, "window_seconds": 3_600})
    let: list[float] = []
    for step in steps:
        here.clock.advance(step)
        if codes(here, mail()) == ["normal"]:
            let.append(here.clock.now())
    most = limit + burst if burst else limit * 2  # a sliding window is an estimate between two of its buckets
    assert all(len([each for each in let if 0 <= each - begin < 3_600]) <= most for begin in let)
    if not burst:
        buckets = [int(each // 3_600) for each in let]
        assert all(buckets.count(bucket) <= limit for bucket in buckets)


def test_settings_have_bounds() -> None:
    """Nonsense and unknown names are refused when the config is read, and so is a limit that could never count."""
    for wrong in ({"window_seconds": 0}, {"client_soft": -1}, {"exempt_networks": ["10.0.0.1/8"]}, {"unknown": 1}):
        with pytest.raises(ValidationError):
            Settings.model_validate(wrong)
    for wrong in (
        {"per": "login", "limit": 1},
        {"per": "recipient", "what": "connections", "limit": 1},
        {"per": "client", "what": "connections", "limit": 1, "action": "score"},
        {"per": "client", "limit": 0},
    ):
        with pytest.raises(ValidationError):
            RateSettings.model_validate({"inbound": [wrong]})


def test_codes_begin_with_the_names_of_their_voices() -> None:
    """Each code of the family belongs to one of its voices."""
    voices = {"rate", "sender", "reputation", "correspondent", "campaign", "greylist", "dnslist"}
    assert {code.partition(".")[0] for code in CODES} == voices
    assert [check.name for check in Site().checks()] == ["reputation", "dnslist"]
