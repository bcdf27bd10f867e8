"""Correspondents: whom local people write to is known again, and a stranger cannot pretend to be one."""

from __future__ import annotations

import pytest

from gatepost.checks.reputation.family import CorrespondentSettings
from gatepost.mail.address import Address
from gatepost.verdict import Defer, Label, Verdict
from gatepost.world.clock import FakeClock
from gatepost.world.seen.people import People, answered, message_id, plain
from gatepost.world.seen.secret import Secret
from support.remembered import DAY, HAM, SPAM, Away, Site, dmarc, letter, mail, spf, with_table

OUT = mail(login="ann", sender="ann@here.example", to="bob@there.example")
SENT = letter("Shall we meet?", message_id="<1@here.example>")
FROM_BOB = letter("Yes", From="Bob <bob@there.example>")
BOB = dmarc("there.example")


def told(site: Site, message, *before, to: str = "ann@here.example") -> list[tuple[str, float]]:
    """Give what is said of correspondents."""
    said = site.judge(mail(sender="bob@there.example", to=to), message, *before)
    return [(item.code, item.value) for item in said if item.check == "correspondent"]


@pytest.fixture
def site() -> Site:
    """Give a site whose ann wrote to bob."""
    here = Site()
    here.live(OUT, SENT)
    return here


def test_the_author_somebody_wrote_to_is_known(site: Site) -> None:
    """An authenticated author whom this recipient wrote to is known, by whatever detail address."""
    assert told(site, FROM_BOB, BOB) == [("correspondent.known", 1.0)]
    assert told(site, FROM_BOB, spf("bob@there.example"), to="Ann+list@here.example") == [("correspondent.known", 1.0)]
    assert told(Site(), FROM_BOB, BOB) == []


def test_a_forged_correspondent_is_a_stranger(site: Site) -> None:
    """Without authentication, from another mailbox, or to somebody else, the name is worth nothing."""
    assert told(site, FROM_BOB) == []
    assert told(site, FROM_BOB, spf("x@other.example")) == []
    assert told(site, letter(From="eve@there.example"), BOB) == []
    assert told(site, FROM_BOB, BOB, to="carl@here.example") == []


@pytest.mark.parametrize("field", ["In_Reply_To", "References"])
def test_an_answer_is_known(site: Site, field: str) -> None:
    """Whoever names the Message-ID answers; half as much where the author is not authenticated."""
    reply = letter("Yes", From="bob@home.example", **{field: "<0@x> <1@here.example>"})
    assert told(site, reply) == [("correspondent.reply", 0.5)]
    assert told(site, reply, dmarc("home.example")) == [("correspondent.reply", 1.0)]
    assert told(site, reply, to="carl@here.example") == []
    assert told(site, letter("Yes", **{field: "<2@here.example>"})) == []


def test_what_is_not_somebodys_choice_is_not_remembered() -> None:
    """Vacation notices, mailings, bounces, refused mail, spam and mail from strangers make no correspondent."""
    many = " ".join(f"u{number}@there.example" for number in range(51))
    for envelope, message, verdict in (
        (OUT, letter("Away", message_id="<1@here.example>", Auto_Submitted="auto-replied"), HAM),
        (OUT, letter("News", message_id="<1@here.example>", Precedence="bulk"), HAM),
        (OUT, letter("Away", message_id="<1@here.example>", X_Autoreply="yes"), HAM),
        (OUT, letter("Away", message_id="<1@here.example>", X_Auto_Response_Suppress="All"), HAM),
        (
            OUT,
            letter(
                "Read",
                message_id="<1@here.example>",
                Content_Type="Multipart/Report; report-type=disposition-notification",
            ),
            HAM,
        ),
        (mail(login="ann", sender="", to="bob@there.example"), SENT, HAM),
        (mail(login="ann", sender="ann@here.example", to=f"bob@there.example {many}"), SENT, HAM),
        (OUT, SENT, SPAM),
        (OUT, SENT, Verdict(Defer((4, 7, 1), "later"), 0.0, (), Label.HAM, 0.0)),
        (mail(sender="ann@here.example", to="bob@there.example"), SENT, HAM),
    ):
        here = Site()
        here.live(envelope, message, verdict=verdict)
        assert told(here, FROM_BOB, BOB) == []
        assert told(here, letter(In_Reply_To="<1@here.example>")) == []


def test_it_is_forgotten_in_time(site: Site) -> None:
    """Messages after two months, people after half a year without a letter."""
    reply = letter("Yes", From="bob@there.example", In_Reply_To="<1@here.example>")
    site.clock.advance(61 * DAY)
    assert [code for code, _ in told(site, reply, BOB)] == ["correspondent.known"]
    site.clock.advance(120 * DAY)
    assert told(site, reply, BOB) == []


def test_nothing_in_the_store_names_anybody(site: Site) -> None:
    """Keys and values are keyed hashes: whoever has the store alone cannot try names against them."""
    stored = [(place, data) for table in site.state._tables.values() for place, (data, _) in table.items()]
    for place, data in stored:
        for name in ("ann", "bob", "there.example", "1@here"):
            assert name not in place
            assert name.encode() not in data
    other = People(Secret(b"another key"))
    assert other.pair(Address("ann", "here.example"), "bob@there.example") != site.people.pair(
        Address("ann", "here.example"), "bob@there.example"
    )


def test_it_can_be_switched_off(site: Site) -> None:
    """A site that does not want it asks and says nothing."""
    off = Site(with_table(correspondents=CorrespondentSettings(enabled=False)), state=site.state)
    assert told(off, FROM_BOB, BOB) == []


def test_a_store_that_is_away_knows_nobody() -> None:
    """No answer is no correspondent, and no failure."""
    assert told(Site(state=Away(FakeClock())), FROM_BOB, BOB) == []


def test_hosts_that_share_a_store_share_the_key() -> None:
    """Without a configured key the first host puts one into the store, and the others use it; while it is away there is none."""
    clock = FakeClock()
    store = Site(clock=clock).state
    one, two = Secret(state=store), Secret(state=store)
    assert one.ready()
    assert two.ready()
    assert one.digest("a") == two.digest("a")
    assert Secret(b"x").digest("a") != one.digest("a")
    lost = Secret(state=Away(clock))
    assert not lost.ready()
    with pytest.raises(RuntimeError):
        lost.digest("a")


def test_how_ids_and_addresses_are_read() -> None:
    """The nearest ancestor first, a handful, and no endless ones; addresses without case and detail."""
    ids = " ".join(f"<{number}@x>" for number in range(100))
    assert answered(letter(References=ids, In_Reply_To="<99@x>")) == ("99@x", "98@x", "97@x", "96@x", "95@x")
    assert answered(letter(In_Reply_To="Your letter of Monday")) == ()
    assert message_id(letter(message_id="<a@b>")) == "a@b"
    assert message_id(letter(message_id=f"<{'x' * 2_000}>")) == ""
    assert [plain(text) for text in ("Ann+x@Here.Example", "+x@b", "ann")] == ["ann@here.example", "+x@b", "ann"]
