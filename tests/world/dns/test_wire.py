"""Reading responses: whatever a server sends, there is an answer or a refusal."""

from __future__ import annotations

from typing import get_args

import dns.exception
import dns.message
import dns.name
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.world.dns.door import Answer, RecordType
from gatepost.world.dns.wire import _read

RECORDS = {
    "TXT": ['"abc" "def"', '"x"'],
    "MX": ["10 mx.a.test."],
    "A": ["192.0.2.1"],
    "AAAA": ["2001:db8::1"],
    "PTR": ["x.y."],
}


def response(kind: str, *, alias: bool) -> bytes:
    """Give a sound response, with an alias before the records or without."""
    reply = dns.message.make_response(dns.message.make_query("a.test", kind))
    owner = "b.test." if alias else "a.test."
    if alias:
        reply.answer.append(dns.rrset.from_text("a.test.", 60, "IN", "CNAME", owner))
    reply.answer.append(dns.rrset.from_text(owner, 60, "IN", kind, *RECORDS[kind]))
    reply.authority.append(dns.rrset.from_text("test.", 60, "IN", "SOA", "a. b. 1 2 3 4 5"))
    return reply.to_wire()


CHANGES = st.lists(st.tuples(st.integers(2, 400), st.integers(0, 255)), max_size=4)


@pytest.mark.parametrize("kind", list(RecordType))
@given(changes=CHANGES, alias=st.booleans())
@settings(max_examples=100)
def test_no_response_raises(kind: RecordType, changes: list[tuple[int, int]], alias: bool) -> None:
    """A response with any bytes changed is not readable for dnspython, or gives an answer or the next name to ask."""
    wire = bytearray(response(kind, alias=alias))
    for place, byte in changes:
        wire[place % len(wire)] = byte
    try:
        message = dns.message.from_wire(bytes(wire))
    except (dns.exception.DNSException, ValueError):
        return
    assert isinstance(_read(message, kind), (*get_args(Answer), dns.name.Name))
