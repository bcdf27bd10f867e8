"""The packets written and read by hand say what dnspython says, or nothing."""

from __future__ import annotations

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.world.dns.door import NoData, NoSuchName, RecordType
from gatepost.world.dns.packet import Packet, answers, negative, question, truncated
from gatepost.world.dns.wire import _read

NAME = "_dmarc.sender.test"


def asked(kind: str = "TXT", name: str = NAME, number: int = 4711) -> Packet:
    """Give a question as it is sent."""
    return question(dns.name.from_text(name).to_digestable(), kind, number, 1232)


def reply(packet: Packet, code: int = dns.rcode.NXDOMAIN, *, soa: str = "a. b. 1 2 3 4 77", ttl: int = 300) -> bytes:
    """Give a server's negative answer to it."""
    message = dns.message.make_response(dns.message.from_wire(packet.data))
    message.set_rcode(code)
    if soa:
        message.authority.append(dns.rrset.from_text("test.", ttl, "IN", "SOA", soa))
    return message.to_wire()


@pytest.mark.parametrize("kind", list(RecordType))
def test_a_question_reads_as_it_was_meant(kind: RecordType) -> None:
    """A question by hand is one that dnspython reads: the name, the type, recursion wanted, EDNS with our size."""
    message = dns.message.from_wire(asked(kind).data)
    (found,) = message.question
    assert (found.name.to_text(), dns.rdatatype.to_text(found.rdtype)) == (f"{NAME}.", str(kind))
    assert (message.id, message.flags, message.edns, message.payload) == (4711, dns.flags.RD, 0, 1232)


@pytest.mark.parametrize(("ttl", "seconds"), [(300, 77), (5, 5), (0, 0)])
def test_a_negative_answer_keeps_its_time(ttl: int, seconds: int) -> None:
    """No such name and no such record are told apart, and live as long as the SOA allows (RFC 2308 5)."""
    packet = asked()
    assert negative(packet, reply(packet, ttl=ttl)) == NoSuchName(seconds)
    assert negative(packet, reply(packet, dns.rcode.NOERROR, ttl=ttl)) == NoData(seconds)


def test_what_is_not_plainly_negative_is_left_to_the_library() -> None:
    """An answer with records, a failure, a cut packet or one without SOA is not read by hand."""
    packet = asked()
    full = dns.message.make_response(dns.message.from_wire(packet.data))
    full.answer.append(dns.rrset.from_text(f"{NAME}.", 60, "IN", "TXT", '"x"'))
    cut = dns.message.make_response(dns.message.from_wire(packet.data))
    cut.flags |= dns.flags.TC
    for data in (full.to_wire(), cut.to_wire(), reply(packet, dns.rcode.SERVFAIL), reply(packet, soa="")):
        assert answers(packet, data)
        assert negative(packet, data) is None
    assert truncated(cut.to_wire())


def test_somebody_elses_packet_is_no_answer() -> None:
    """Another id, another question, a query, or a few bytes are not the answer."""
    packet = asked()
    others = [asked(number=1), asked("MX"), asked(name="victim.test")]
    assert not any(answers(packet, reply(other)) for other in others)
    assert not answers(packet, packet.data)
    assert not answers(packet, b"")


def test_a_server_that_understood_nothing_need_not_repeat_the_question() -> None:
    """A bare FORMERR is an answer, a bare NOERROR is not."""
    packet = asked()
    assert answers(packet, packet.data[:2] + b"\x80\x01" + bytes(8))
    assert not answers(packet, packet.data[:2] + b"\x80\x00" + bytes(8))


@given(
    changes=st.lists(st.tuples(st.integers(2, 200), st.integers(0, 255)), max_size=5),
    cut=st.integers(0, 40),
    code=st.sampled_from([dns.rcode.NXDOMAIN, dns.rcode.NOERROR]),
)
def test_by_hand_means_the_same(changes: list[tuple[int, int]], cut: int, code: int) -> None:
    """Whatever bytes of an answer are changed, reading by hand never raises, and where dnspython reads it too they agree."""
    packet = asked()
    data = bytearray(reply(packet, code))
    for place, byte in changes:
        data[place % len(data)] = byte
    wire = bytes(data[: len(data) - cut])
    if not answers(packet, wire):
        return
    found = negative(packet, wire)
    try:
        message = dns.message.from_wire(wire)
        expected = _read(message, RecordType.TXT)
    except (dns.exception.DNSException, ValueError):
        return
    if found is not None and message.rcode() == code:
        assert type(found) is type(expected)
