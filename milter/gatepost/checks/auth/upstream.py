"""Trusted upstream relays: what a gateway in front of us found out before it handed the mail on.

Behind a gateway or a backup MX every client is that relay: SPF and iprev would judge it instead of the sender. The relay saw
the sender and wrote down what it found in Authentication-Results (RFC 8601). Such a field is worth as much as the road by
which it came: it is read only when the administrator trusts both the relay's network and the authserv-id, and the relay, as
RFC 8601 5 demands, removes fields under its own name that arrive from outside. Everywhere else `effects/headers.py` removes
the field as forged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from gatepost.checks.auth.vouching import vouches
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail.address import author
from gatepost.mail.authres import Result, Results, read_results
from gatepost.mail.envelope import Direction, Envelope, IpNetwork, inside
from gatepost.mail.message import Message

CODES: Final[Mapping[str, str]] = {
    "upstream.relayed": "A trusted upstream relay handed the message on; SPF and iprev of that relay say nothing.",
    "upstream.vouched": "A trusted upstream relay found the author's domain authenticated.",
    "upstream.silent": "A trusted upstream relay handed the message on and says nothing of SPF or DMARC that can be read.",
    "upstream.pass": "A trusted upstream relay says that a method passed.",
    "upstream.fail": "A trusted upstream relay says that a method failed.",
    "upstream.softfail": "A trusted upstream relay says that a method failed softly.",
    "upstream.neutral": "A trusted upstream relay says that a method came to no result.",
    "upstream.none": "A trusted upstream relay says that there was nothing for a method to judge.",
    "upstream.policy": "A trusted upstream relay says that its policy decided against a method's result.",
    "upstream.temperror": "A trusted upstream relay says that a method could not be judged at the time.",
    "upstream.permerror": "A trusted upstream relay says that a method could not be judged at all.",
}

RELAYED: Final = "relayed by a trusted upstream"
"""Why SPF and iprev did not judge a client."""

_WANTED: Final = frozenset({"spf", "dmarc"})

# Words of older RFCs and of real servers (RFC 7001 2.6.2; RFC 5451 knew hardfail).
_STATUSES: Final[Mapping[str, Status]] = {
    **{status.value: status for status in Status},
    "hardfail": Status.FAIL,
    "timeout": Status.TEMPERROR,
    "error": Status.TEMPERROR,
}


@dataclass(frozen=True, slots=True)
class UpstreamCheck:
    """Reports `upstream.*` for mail that a trusted relay hands on, and nothing for any other.

    `networks` are the relays, `authserv_ids` (lower case) the names whose results are read: of the topmost such field one
    evidence for each result. Facts: `authserv-id`, `method`, and the properties (`smtp.mailfrom`) as the relay wrote them.
    """

    networks: Sequence[IpNetwork] = ()
    authserv_ids: Sequence[str] = ()
    name: ClassVar[str] = "upstream"
    codes: ClassVar[Mapping[str, str]] = CODES
    after: ClassVar[frozenset[str]] = frozenset()

    def run(self, envelope: Envelope, message: Message, found: Found) -> tuple[Evidence, ...]:  # noqa: ARG002
        """Read what the relay says, if the client is one."""
        ip = envelope.client.ip
        if envelope.direction is not Direction.INBOUND or ip is None or not inside(ip, self.networks):
            return ()
        relayed = Evidence("upstream", "upstream.relayed", Status.NONE, f"{ip} is a trusted upstream relay.")
        said = self._said(message)
        told = tuple(_evidence(said.authserv_id, each) for each in said.results)
        if not any(each.method in _WANTED for each in said.results):
            # SPF stays unjudged by us and by them: a failure of DMARC may be ours alone.
            detail = f"The upstream relay {ip} says nothing of SPF or DMARC that can be read."
            told += (Evidence("upstream", "upstream.silent", Status.NONE, detail),)
        return relayed, *told, *_vouched(said, message)

    def _said(self, message: Message) -> Results:
        """Give the topmost field by a trusted name, or one without results."""
        for header in message.every(b"authentication-results"):
            results = read_results(header.value)
            if results and results.authserv_id in self.authserv_ids:
                return results
        return Results()


def relayed(found: Found) -> bool:
    """Say whether the client is a trusted upstream relay, so that its address and name say nothing about the sender."""
    return found.code("upstream.relayed") is not None


def _evidence(authserv_id: str, result: Result) -> Evidence:
    """Put one result into the words everybody shares."""
    status = _STATUSES.get(result.word, Status.NEUTRAL)
    facts = {"authserv-id": authserv_id, "method": result.method, **result.properties}
    told = " ".join(f"{name}={value}" for name, value in result.properties.items())
    detail = f"{authserv_id} says {result.method}={result.word}" + (f" {told}." if told else ".")
    return Evidence("upstream", f"upstream.{status}", status, detail, facts=facts)


def _vouched(said: Results, message: Message) -> Iterator[Evidence]:
    """Say whether the relay's results vouch for the author."""
    mailbox = author(message.headers).mailbox
    if mailbox and (vouched := vouches(said, mailbox.domain)):
        facts = {"authserv-id": said.authserv_id, "vouches": vouched}
        detail = f"{said.authserv_id}, a trusted upstream, vouches for {mailbox.domain}: {vouched}."
        yield Evidence("upstream", "upstream.vouched", Status.PASS, detail, facts=facts)
