"""The session: what is known of a connection and of the message on it."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gatepost.arrival.session import Connection, Ours, Traffic, Transaction, client_ip
from gatepost.arrival.settings import Settings
from gatepost.effects.headers import HeaderWriter
from gatepost.mail import limits
from gatepost.mail.address import author
from gatepost.mail.envelope import Client, Direction
from gatepost.verdict import RemoveHeader

OURS = Ours.of(Settings(own_networks=("192.0.2.0/24", "2001:db8:1::/48")))


def connection(address: str = "198.51.100.7", *, name: str = "mx.example.net", port: int = 25000) -> Connection:
    """Give a connection that was opened from an address."""
    found = Connection(OURS, Traffic())
    found.opened(name, address, port)
    return found


def transaction() -> Transaction:
    """Give a message under way."""
    return connection().mail(b"<a@example.net>", {})


@pytest.mark.parametrize(
    ("address", "macros", "direction"),
    [
        ("198.51.100.7", {}, Direction.INBOUND),
        ("127.0.0.1", {}, Direction.INBOUND),
        ("198.51.100.7", {"{auth_authen}": "alice"}, Direction.OUTBOUND),
        ("198.51.100.7", {"{auth_type}": "EXTERNAL"}, Direction.OUTBOUND),
        ("198.51.100.7", {"{daemon_name}": "ORIGINATING"}, Direction.OUTBOUND),
        ("198.51.100.7", {"{daemon_name}": "smtpd"}, Direction.INBOUND),
        ("192.0.2.9", {}, Direction.OUTBOUND),
        ("::ffff:192.0.2.9", {}, Direction.OUTBOUND),
        ("2001:db8:1::9", {}, Direction.OUTBOUND),
        ("2001:db8:2::9", {}, Direction.INBOUND),
    ],
)
def test_direction(address, macros, direction):
    """Mail is inbound unless a login, a submission service or an own network says otherwise."""
    assert connection(address).mail(b"<a@example.net>", macros).direction is direction


def test_fields_that_tell_what_will_be_asked():
    """From and DKIM-Signature of inbound mail are given back as they come, a bounded number; all others are only kept."""
    message = transaction()
    assert message.header(b"Subject", b" hello") is None
    for name in (b"From", b"dkim-signature", b"FROM "):
        told = message.header(name, b" x")
        assert told is message.headers[-1]
    given_back = [message.header(b"DKIM-Signature", b" x") for _ in range(100)]
    assert len([each for each in given_back if each]) == limits.FORESEEN_FIELDS - 3
    assert len(message.headers) == 104
    own = connection("192.0.2.9").mail(b"<a@example.net>", {})
    assert own.header(b"From", b" x") is None


class Ear:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.stopped = 0

    def hear(self, piece: bytes) -> None:
        """Keep it."""
        self.heard.append(piece)

    def stop(self) -> None:
        """Count it."""
        self.stopped += 1


def test_a_listener_hears_the_very_message():
    """What a listener hears, from the header on, is what will be judged; it begins when the body has grown, once."""
    message, ear = transaction(), Ear()
    message.header(b"From", b" a@b.example\n folded")
    grown = []
    for chunk in (b"a" * limits.EARLY_BYTES, b"b", b"c" * 65_535, b"d" * limits.MESSAGE_BYTES, b"e"):
        message.body(chunk)
        grown.append(message.grown)
        if message.grown:
            message.listen(ear)
        else:
            message.tell()
    assert grown == [False, True, False, False, False]
    judged = message.message()
    assert judged.truncated
    assert b"".join(ear.heard) == judged.raw()


def test_a_listener_is_stopped_when_its_message_ends():
    """Abort, close, the end and a second MAIL all stop the listener, once."""
    opened = connection()
    for _ in range(2):
        ear = Ear()
        opened.mail(b"<a@example.net>", {}).listen(ear)
        opened.drop()
        opened.drop()
        assert ear.stopped == 1
    ear = Ear()
    opened.mail(b"<a@example.net>", {}).listen(ear)
    assert opened.mail(b"<b@example.net>", {}).listener is None
    assert ear.stopped == 1


@pytest.mark.parametrize(("address", "port"), [("", 0), ("127.0.0.1", 0), ("::1", 0)])
def test_local_submission_is_internal(address, port):
    """What the MTA calls localhost, without an address or with one no connection can have, is a program of this host."""
    message = connection(address, port=port, name="localhost").mail(b"<a@b.example>", {})
    assert message.direction is Direction.INTERNAL
    assert message.client.ip is None


@pytest.mark.parametrize(("address", "port"), [("127.0.0.1", 25000), ("198.51.100.7", 0)])
def test_a_name_alone_is_no_local_submission(address, port):
    """A client over the network stays a stranger whatever its name is."""
    message = connection(address, port=port, name="localhost").mail(b"<a@b.example>", {})
    assert message.direction is Direction.INBOUND


def test_a_client_of_unknown_address_is_a_stranger():
    """Without an address and without the name localhost nobody is trusted."""
    assert connection("", name="unknown").mail(b"<a@b.example>", {}).direction is Direction.INBOUND


def test_the_address_comes_again_at_mail():
    """When CONNECT was lost, {client_addr} names the client; own networks count then too."""
    found = Connection(OURS, Traffic())
    envelope = found.mail(b"<a@b.example>", {"{client_addr}": "192.0.2.9"}).envelope()
    assert envelope.client.ip == ip_address("192.0.2.9")
    assert envelope.direction is Direction.OUTBOUND


@pytest.mark.parametrize("name", ["[198.51.100.7]", "unknown", "UNKNOWN"])
def test_no_name(name):
    """A literal and the word unknown are not names."""
    assert connection(name=name).mail(b"<>", {}).client.ptr == ""


def test_envelope_words():
    """The envelope holds what SMTP said: client, null sender, recipients in their order, queue id."""
    found = connection()
    found.greeted(b"mx.example.net")
    message = found.mail(b"<>", {"{auth_authen}": "alice", "{tls_version}": "TLSv1.3"})
    for path in (b"<b@example.org>", b"<c@example.org>"):
        message.accept(message.asked(path))
    envelope = message.envelope("4Q", asked=message.asked(b"<d@example.org>"))
    assert envelope.client == Client(ip_address("198.51.100.7"), "mx.example.net", "mx.example.net", "alice", "TLSv1.3")
    assert envelope.sender is None
    assert envelope.queue_id == "4Q"
    assert [address.local for address in envelope.recipients] == ["b", "c", "d"]
    assert [address.local for address in message.envelope().recipients] == ["b", "c"]


def test_hostile_helo_is_text():
    """HELO bytes that are not UTF-8 become replacement characters, and a long one is cut."""
    found = connection()
    found.greeted(b"\xff" + b"x" * 100_000)
    helo = found.mail(b"<>", {}).client.helo
    assert helo.startswith("\ufffdx")
    assert len(helo) == limits.ENVELOPE_BYTES


def test_folding_becomes_crlf():
    """A folded value has CRLF line ends whatever the MTA sent, and keeps its leading space."""
    found = transaction()
    found.header(b"Subject", b" one\n two\r\n\tthree")
    assert found.message().raw() == b"Subject: one\r\n two\r\n\tthree\r\n\r\n"


def test_too_many_fields_are_not_kept():
    """Past limits.HEADER_FIELDS fields are dropped and the message says so."""
    found = transaction()
    for _ in range(limits.HEADER_FIELDS):
        found.header(b"X", b" 1")
    assert not found.message().truncated
    found.header(b"X", b" 1")
    assert found.message().truncated
    assert len(found.message().headers) == limits.HEADER_FIELDS


def test_too_large_a_header_is_not_kept():
    """Past limits.HEADER_BYTES fields are dropped and the message says so."""
    found = transaction()
    found.header(b"X", b"y" * limits.HEADER_BYTES)
    assert found.message().headers == ()
    assert found.message().truncated


def test_a_field_that_does_not_fit_ends_the_header():
    """What follows it is not kept either, so that the fields kept have their true numbers."""
    found = transaction()
    for value in (b"1", b"y" * limits.HEADER_BYTES, b"3"):
        found.header(b"X", value)
    assert [header.value for header in found.message().headers] == [b"1"]


def test_an_author_past_the_limits_is_known():
    """Whoever fills the header before From is judged by it all the same; a second From makes it ambiguous, more are not kept."""
    found = transaction()
    for _ in range(limits.HEADER_FIELDS):
        found.header(b"X", b" 1")
    found.header(b"From ", b" a@bank.example")
    assert author(found.message().headers).mailbox is None  # a space before the colon is malformed by itself
    found = transaction()
    found.header(b"X", b"y" * limits.HEADER_BYTES)
    found.header(b"From", b" a@bank.example")
    mailbox = author(found.message().headers).mailbox
    assert mailbox is not None
    assert mailbox.domain == "bank.example"
    for _ in range(3):
        found.header(b"From", b" b@other.example" + b" " * limits.HEADER_BYTES)
    kept = found.message().headers
    assert [header.key for header in kept] == [b"from"] * limits.LATE_AUTHORS
    assert len(kept[1].value) == limits.FROM_BYTES + 1
    assert author(kept).mailbox is None


WRITER = HeaderWriter("mx.example.org", 5.0, b"key", received_spf=True)
FORGERIES = (
    (b"Authentication-Results", b" mx.example.org; dmarc=pass"),
    (b"X-Spam-Flag", b" NO"),
    (b"x-spam-flag ", b" NO"),
    (b"X-Gatepost-Verdict", b" outcome=accept"),
    (b"X-Gatepost-Other", b" 1"),
    (b"Received-SPF", b" pass"),
)
HONEST = ((b"X-F", b" 1"), (b"Subject", b" s"), (b"From", b" a@b.example"), (b"X-Long", b"y" * 80))
FIELDS = st.lists(st.sampled_from(FORGERIES + HONEST), max_size=30)


@given(FIELDS, st.integers(0, 12), st.integers(0, 400))
def test_forged_fields_go_wherever_they_stand(fields, most, octets):
    """Whatever the limits keep of a header, the removals leave every honest field of it and no forged one."""
    found = transaction()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "HEADER_FIELDS", most)
        patch.setattr(limits, "HEADER_BYTES", octets)
        for name, value in fields:
            found.header(name, value)
    left = list(fields)
    for edit in WRITER.removals(found.message()):
        named = [number for number, field in enumerate(left) if _same(field[0], edit.name.encode())]
        del left[named[edit.nth - 1]]
    assert left == [field for field in fields if field in HONEST]
    assert not found.overfull


def _same(name, other):
    """Compare names as a mail server does that counts them."""
    return name.strip().lower() == other.strip().lower()


def test_results_past_the_limits_all_go():
    """Their value is not kept, so those of other servers go, too (RFC 8601 5 allows it); within the limits they stay."""
    found = transaction()
    for name in [b"Authentication-Results", *[b"X-F"] * limits.HEADER_FIELDS, b"Authentication-Results"]:
        found.header(name, b" other.example; none")
    assert list(WRITER.removals(found.message())) == [RemoveHeader("Authentication-Results", 2)]


@pytest.mark.parametrize("name", [b"X-Spam-Flag", b"X-Gatepost-" + b"x" * limits.FIELD_NAME_BYTES])
def test_names_past_the_limits_are_bounded(name):
    """So many names of forged fields are kept and no more, none of endless length; mail of our own users has none."""
    found, own = transaction(), connection("192.0.2.9").mail(b"<a@example.net>", {})
    for message in (found, own):
        for _ in range(limits.HEADER_FIELDS):
            message.header(b"X", b" 1")
        for _ in range(limits.FORGED_FIELDS + 1):
            message.header(name, b" NO")
    assert found.overfull
    assert len(found.message().passed) <= limits.FORGED_FIELDS
    assert not own.overfull
    assert own.message().passed == ()


def test_body_past_the_limit_is_cut(monkeypatch):
    """The body is kept up to limits.MESSAGE_BYTES; what is past it is refused and the message says so."""
    monkeypatch.setattr(limits, "MESSAGE_BYTES", 1000)
    found = transaction()
    assert found.body(b"a" * 999)
    assert not found.body(b"b" * 10)
    assert not found.body(b"c" * 10)
    assert found.message().body == b"a" * 999 + b"b"
    assert found.message().truncated


def test_body_that_fits_exactly_is_whole(monkeypatch):
    """A body of exactly the limit is not truncated."""
    monkeypatch.setattr(limits, "MESSAGE_BYTES", 10)
    found = transaction()
    found.body(b"a" * 10)
    assert not found.message().truncated


def test_recipients_past_the_limit_are_not_remembered(monkeypatch):
    """The verdict is reached on the first limits.RECIPIENTS recipients."""
    monkeypatch.setattr(limits, "RECIPIENTS", 2)
    found = transaction()
    for _ in range(3):
        found.accept(found.asked(b"<b@example.org>"))
    assert len(found.recipients) == 2


@given(st.text(max_size=60))
def test_any_client_address_is_read_or_none(text):
    """No text that stands where an address should be raises."""
    found = client_ip(text)
    assert found is None or found == ip_address(str(found))


@pytest.mark.parametrize(
    ("text", "ip"),
    [
        ("IPv6:2001:db8::1", "2001:db8::1"),
        ("[192.0.2.1]", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_addresses_as_mtas_write_them(text, ip):
    """Prefix, brackets, mapped form and zone are understood."""
    assert client_ip(text) == ip_address(ip)


class AnyOrder(RuleBasedStateMachine):
    """Events in any order, as a broken or hostile peer could cause them."""

    def __init__(self) -> None:
        super().__init__()
        self.traffic = Traffic()
        self.connection = Connection(OURS, self.traffic)
        self.expected: list[bytes] | None = None

    @rule(name=st.text(max_size=5), address=st.sampled_from(["", "192.0.2.1", "x"]), port=st.integers(0, 65535))
    def connect(self, name, address, port):
        """CONNECT, perhaps again."""
        self.connection.opened(name, address, port)

    @rule(helo=st.binary(max_size=5))
    def helo(self, helo):
        """HELO at any time."""
        self.connection.greeted(helo)

    @rule(path=st.binary(max_size=10))
    def mail(self, path):
        """MAIL, perhaps without an end of the message before it."""
        self.connection.mail(path, {})
        self.expected = []

    @rule(name=st.binary(min_size=1, max_size=3), value=st.binary(max_size=5))
    def header(self, name, value):
        """Send a field, in a message or outside."""
        if self.connection.transaction is not None:
            self.connection.transaction.header(name, value)
            self.expected.append(name)

    @rule()
    def drop(self):
        """Abort, close or end of message."""
        self.connection.drop()
        self.expected = None

    @invariant()
    def nothing_leaks(self):
        """Hold the fields of the message alone, and count messages in flight rightly."""
        assert self.traffic.in_flight == (self.connection.transaction is not None)
        if self.connection.transaction is not None:
            assert [header.name for header in self.connection.transaction.message().headers] == self.expected


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestAnyOrder = AnyOrder.TestCase
