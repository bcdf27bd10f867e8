"""Lists and forwarders: what a forger can write is not what the check goes by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.checks.auth.forwarding import ForwardCheck, Forwarders, list_domains
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import limits
from gatepost.mail.address import Address
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.header import Header
from gatepost.mail.message import Message
from support.suites_auth import inbound

SPF = Evidence("spf", "spf.pass", Status.PASS, facts={"smtp.mailfrom": "b@list.example", "domain": "list.example"})
HELO = Evidence("spf", "spf.pass", Status.PASS, facts={"smtp.helo": "list.example", "domain": "list.example"})
DKIM = Evidence("dkim", "dkim.pass", Status.PASS, facts={"header.d": "mail.list.example"})
NAMED = Evidence("iprev", "iprev.pass", Status.PASS, facts={"name": "mx.forward.example"})


def message(**fields: str) -> Message:
    """Give a message with these fields, `list_id` for List-Id."""
    return Message(
        tuple(Header(name.replace("_", "-").encode(), b" " + value.encode()) for name, value in fields.items())
    )


def codes(
    *evidence: Evidence, letter: Message | None = None, envelope: Envelope | None = None, known: tuple[str, ...] = ()
) -> list[str]:
    """Run the check and give its codes."""
    check = ForwardCheck(Forwarders.of(known))
    return [each.code for each in check.run(envelope or inbound(), letter or message(), Found(evidence))]


@pytest.mark.parametrize(
    ("fields", "domains"),
    [
        ({"List_Id": "The bridge <bridge.list.example>"}, ["bridge.list.example"]),
        ({"list_id": "<Bridge.LIST.example>"}, ["bridge.list.example"]),
        ({"List_Id": '"<a.example>" (<b.example>) <c.example>'}, ["c.example"]),
        ({"List_Id": "<a.example> trailing"}, []),
        ({"List_Id": "bridge.list.example"}, []),
        ({"List_Id": "<no spaces.example>"}, []),
        ({"List_Id": "<" + "a" * limits.LIST_FIELD_BYTES + ".example>"}, []),
        ({"List_Post": "<mailto:bridge@list.example?subject=x>, <https://list.example>"}, ["list.example"]),
        ({"List_Post": "<https://x.example/post>, <mailto:bridge@list.example>"}, ["list.example"]),
        ({"List_Post": "NO (posting not allowed)"}, []),
        ({"List_Unsubscribe": "<mailto:a@list.example>", "Precedence": "list"}, []),
        ({"List_Id": "<a.example>", "List_Post": "<mailto:b@c.example>"}, ["a.example", "c.example"]),
    ],
)
def test_which_list(fields: dict[str, str], domains: list[str]) -> None:
    """List-Id and List-Post name a list (RFC 2919, RFC 2369); nothing else does."""
    assert list(list_domains(message(**fields))) == domains


@pytest.mark.parametrize(
    ("evidence", "code"),
    [
        ((SPF,), "forward.list"),
        ((DKIM,), "forward.list"),
        ((HELO,), "forward.claimed"),
        ((), "forward.claimed"),
        ((Evidence("spf", "spf.fail", Status.FAIL, facts=SPF.facts),), "forward.claimed"),
        ((Evidence("dkim", "dkim.fail", Status.FAIL, facts=DKIM.facts),), "forward.claimed"),
        ((Evidence("dkim", "dkim.pass", Status.PASS, facts={"header.d": "attack.example"}),), "forward.claimed"),
        ((Evidence("dkim", "dkim.pass", Status.PASS, facts={"header.d": "example"}),), "forward.claimed"),
    ],
)
def test_a_list_is_authenticated(evidence: tuple[Evidence, ...], code: str) -> None:
    """SPF for the envelope sender or a valid signature must speak for the list's own organization."""
    assert codes(*evidence, letter=message(List_Id="<bridge.list.example>")) == [code]


def test_only_the_topmost_field_names_the_list() -> None:
    """A second List-Id below the first one is not tried as well."""
    letter = Message((Header(b"List-Id", b" <other.example>"), Header(b"List-Id", b" <bridge.list.example>")))
    assert codes(SPF, letter=letter) == ["forward.claimed"]


@pytest.mark.parametrize(
    ("local", "original"),
    [
        ("SRS0=Hx7t=K3=sender.example=anna", "sender.example"),
        ("srs0+Hx7t=K3=Sender.Example=anna=b", "sender.example"),
        ("SRS1=Qw2e=mx.other.example==Hx7t=K3=sender.example=anna", "sender.example"),
        ("SRS0=Hx7t=K3==anna", None),
        ("SRS0=Hx7t=K3=no domain=anna", None),
        ("SRS1=Qw2e=mx.other.example=Hx7t=K3=sender.example=anna", None),
        ("anna", None),
    ],
)
def test_rewritten_senders(local: str, original: str | None) -> None:
    """Both forms of SRS tell whose the envelope sender was, once SPF has authenticated who rewrote it."""
    envelope = inbound(sender=Address(local, "list.example"))
    found = ForwardCheck().run(envelope, message(), Found((SPF,)))
    assert [each.facts for each in found] == ([{"forwarder": "list.example", "original": original}] if original else [])
    assert codes(envelope=envelope) == []


@pytest.mark.parametrize(
    ("known", "evidence", "expected"),
    [
        ("192.0.2.0/24", (), True),
        ("192.0.2.1", (), True),
        ("198.51.100.0/24", (), False),
        ("2001:db8::/32", (), False),
        ("forward.example", (NAMED,), True),
        ("MX.Forward.Example.", (NAMED,), True),
        ("ward.example", (NAMED,), False),
        ("forward.example", (), False),
        ("forward.example", (Evidence("iprev", "iprev.fail", Status.FAIL, facts=NAMED.facts),), False),
    ],
)
def test_known_forwarders(known: str, evidence: tuple[Evidence, ...], expected: bool) -> None:
    """A forwarder is known by its network, or by a name that leads back to the client; a name alone is anybody's."""
    assert codes(*evidence, known=(known,)) == (["forward.known"] if expected else [])


@pytest.mark.parametrize(
    ("evidence", "code"),
    [
        (Evidence("spf", "spf.temperror", Status.TEMPERROR, facts=SPF.facts), "forward.temperror"),
        (Evidence("dkim", "dkim.temperror", Status.TEMPERROR, facts=DKIM.facts), "forward.temperror"),
        (Evidence("spf", "spf.temperror", Status.TEMPERROR, facts=HELO.facts), "forward.claimed"),
        (Evidence("dkim", "dkim.temperror", Status.TEMPERROR, facts={"header.d": "attack.example"}), "forward.claimed"),
        (Evidence("dkim", "dkim.temperror", Status.TEMPERROR), "forward.claimed"),
    ],
)
def test_a_list_that_dns_leaves_open(evidence: Evidence, code: str) -> None:
    """Where the list's own SPF or key did not answer it is open whether it is one; where a stranger's did not, it is not."""
    assert codes(evidence, letter=message(List_Id="<bridge.list.example>")) == [code]
    assert codes(evidence, DKIM, letter=message(List_Id="<bridge.list.example>")) == ["forward.list"]


@pytest.mark.parametrize(
    ("name", "expected"), [("mx.forward.example", ["forward.temperror"]), ("mx.other.example", []), ("", [])]
)
def test_a_forwarder_that_dns_leaves_open(name: str, expected: list[str]) -> None:
    """A client that has the name of a known forwarder, and whose name could not be looked up, is said to be open."""
    unknown = Evidence("iprev", "iprev.temperror", Status.TEMPERROR, facts={"name": name} if name else {})
    assert codes(unknown, known=("forward.example",)) == expected
    assert codes(unknown, known=("forward.example", "192.0.2.0/24")) == ["forward.known"]


def test_own_mail_is_not_looked_at() -> None:
    """Only inbound mail is somebody else's."""
    own = Envelope(client=inbound().client, direction=Direction.OUTBOUND)
    assert codes(SPF, letter=message(List_Id="<bridge.list.example>"), envelope=own, known=("192.0.2.0/24",)) == []


@given(st.text(max_size=60), st.text("SRS01=+-abc.example", max_size=60), st.text('<>mailto:@.?() "ab', max_size=60))
def test_nothing_raises_and_nothing_is_excused(list_id: str, local: str, post: str) -> None:
    """Whatever stands in the fields, without authenticated evidence there is at most a claim."""
    letter = message(List_Id=list_id, List_Post=post)
    envelope = inbound(sender=Address(local, "list.example"))
    assert set(codes(letter=letter, envelope=envelope)) <= {"forward.claimed"}
