"""The two packets that make up most of a mail filter's DNS traffic, by hand: the question, and the answer "there is none".

Most names that mail makes one ask for do not exist (`_dmarc.` of a spammer's domain, a client without a name). dnspython
takes half a millisecond to write such a question and read such an answer; this module takes a tenth of it. It reads nothing
else: whatever is not plainly a negative answer with its SOA record goes to dnspython (RFC 1035 4.1, RFC 2308 2).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from gatepost.world.dns.door import NoData, NoSuchName

_HEAD: Final = struct.Struct("!HHHHHH")
_RECORD: Final = struct.Struct("!HHIH")  # type, class, TTL, length of the data
_TYPES: Final = {"A": 1, "AAAA": 28, "MX": 15, "TXT": 16, "PTR": 12}
_IN: Final = 1
_SOA: Final = 6
_OPT: Final = 41
_RECURSION: Final = 0x0100
_RESPONSE: Final = 0x8000
_OPCODE: Final = 0x7800
_TRUNCATED: Final = 0x0200
_RCODE: Final = 0x000F
_NXDOMAIN: Final = 3
_NOT_UNDERSTOOD: Final = frozenset({1, 2, 4, 5})  # FORMERR, SERVFAIL, NOTIMP, REFUSED
_AUTHORITY_MAX: Final = 4  # records looked at for the SOA; a negative answer has one


@dataclass(frozen=True, slots=True)
class Packet:
    """A question as it goes over the wire, and the two pieces by which its answer is known."""

    number: int
    question: bytes
    data: bytes


def question(name: bytes, kind: str, number: int, payload: int) -> Packet:
    """Write a question. Takes the name in wire form, a record type of the door, the query id and the EDNS payload size, 0 for none."""
    asked = name + struct.pack("!HH", _TYPES[kind], _IN)
    option = b"\0" + _RECORD.pack(_OPT, payload, 0, 0) if payload else b""
    return Packet(number, asked, _HEAD.pack(number, _RECURSION, 1, 0, 0, bool(option)) + asked + option)


def answers(packet: Packet, data: bytes) -> bool:
    """Say whether a datagram is a response to this very question; anything else is somebody else's or forged."""
    if len(data) < _HEAD.size:
        return False
    number, flags, questions, *_ = _HEAD.unpack_from(data)
    if number != packet.number or flags & (_RESPONSE | _OPCODE) != _RESPONSE:
        return False
    if questions == 0:
        # A server that did not understand the question need not repeat it.
        return flags & _RCODE in _NOT_UNDERSTOOD
    asked = data[_HEAD.size : _HEAD.size + len(packet.question)]
    return questions == 1 and asked.lower() == packet.question.lower()


def truncated(data: bytes) -> bool:
    """Say whether a response asks to come again over TCP."""
    return bool(_HEAD.unpack_from(data)[1] & _TRUNCATED)


def negative(packet: Packet, data: bytes) -> NoData | NoSuchName | None:
    """Read a plain negative answer, or give None where somebody has to look closer; never raises.

    Takes a response for which `answers()` holds. The TTL is the lesser of the SOA's own and its minimum (RFC 2308 5).
    """
    _, flags, _, found, authority, _ = _HEAD.unpack_from(data)
    code = flags & _RCODE
    if found or code not in (0, _NXDOMAIN) or flags & _TRUNCATED or not 0 < authority <= _AUTHORITY_MAX:
        return None
    ttl = _soa_ttl(data, _HEAD.size + len(packet.question), authority)
    if ttl is None:
        return None
    return NoSuchName(ttl) if code == _NXDOMAIN else NoData(ttl)


def _soa_ttl(data: bytes, place: int, records: int) -> int | None:
    """Find the SOA record among so many records from a place on, and give its negative TTL."""
    for _ in range(records):
        start = _after_name(data, place)
        if start is None or start + _RECORD.size > len(data):
            return None
        kind, family, ttl, length = _RECORD.unpack_from(data, start)
        place = start + _RECORD.size + length
        if place > len(data):
            return None
        if kind == _SOA and family == _IN and length >= 22 and not ttl >> 31:
            minimum = int.from_bytes(data[place - 4 : place], "big")
            return min(int(ttl), minimum)
    return None


def _after_name(data: bytes, place: int) -> int | None:
    """Step over a name (RFC 1035 4.1.4: labels, then a zero or a pointer); None where it is broken."""
    end = place + 256
    while place < min(len(data), end):
        length = data[place]
        if length == 0:
            return place + 1
        if length >= 0xC0:
            return place + 2
        if length > 63:
            return None
        place += 1 + length
    return None
