"""iprev (RFC 8601 3): whether the client's address has a name that leads back to it.

Honest mail servers nearly always have matching forward and reverse DNS; hijacked home machines often do not. It names the
client, it authenticates nobody. Both look-ups are asked anew: a name that the MTA hands over is not trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import ClassVar, Final

from gatepost.checks.auth.forwarding import Forwarders
from gatepost.checks.auth.upstream import RELAYED, relayed
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import limits
from gatepost.mail.envelope import Direction, Envelope, IpAddress
from gatepost.mail.message import Message
from gatepost.world.dns.door import Question, Records, RecordType, Resolver, TempFailure
from gatepost.world.dns.names import reverse_name

CODES: Final[Mapping[str, str]] = {
    "iprev.pass": "The client's address has a name that leads back to it.",
    "iprev.fail": "The client's address has names, and none of them leads back to it.",
    "iprev.none": "There is no client address to look up, or it is that of a trusted upstream relay.",
    "iprev.temperror": "DNS did not answer, so the client's name is not known.",
    "iprev.permerror": "The client's address has no name.",
}


@dataclass(frozen=True, slots=True)
class IprevCheck:
    """Reports one `iprev.*` evidence for inbound mail. Facts: `policy.iprev` (the address), `name` where there is one.

    Of several names that of a known forwarder is tried first: DNS gives them in any order, and one that is proven is named.
    """

    resolver: Resolver
    known: Forwarders = field(default_factory=Forwarders)
    name: ClassVar[str] = "iprev"
    codes: ClassVar[Mapping[str, str]] = CODES
    after: ClassVar[frozenset[str]] = frozenset({"upstream"})

    def run(self, envelope: Envelope, message: Message, found: Found) -> tuple[Evidence, ...]:
        """Judge the client; the message itself does not matter."""
        del message
        if envelope.direction is not Direction.INBOUND:
            return ()
        ip = envelope.client.ip
        if ip is None:
            return (_evidence(Status.NONE, "The message came from no network client.", {}),)
        if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        if relayed(found):
            facts = {"policy.iprev": str(ip), "reason": RELAYED}
            return (_evidence(Status.NONE, f"{ip} was not looked up: {RELAYED}.", facts),)
        return (self._judge(ip),)

    def _judge(self, ip: IpAddress) -> Evidence:
        """Ask for the names of an address, then for the addresses of its names."""
        facts = {"policy.iprev": str(ip)}
        match self.resolver.ask(Question(reverse_name(ip), RecordType.PTR)):
            case TempFailure(reason):
                return _evidence(Status.TEMPERROR, f"The name of {ip} is not known now: {reason}.", facts)
            case Records(values):
                hosts = sorted(map(str, values), key=lambda host: not self.known.which(None, host))
                names = hosts[: limits.IPREV_NAMES]
            case _:
                return _evidence(Status.PERMERROR, f"{ip} has no name in DNS.", facts)
        unsure, trouble = "", ""
        for host in names:
            match self.resolver.ask(Question(host, RecordType.A if isinstance(ip, IPv4Address) else RecordType.AAAA)):
                case Records(addresses) if str(ip) in addresses:
                    return _evidence(Status.PASS, f"{ip} is {host}.", facts | {"name": host})
                case TempFailure(reason) if not unsure:
                    unsure, trouble = host, reason
                case _:
                    pass
        facts["name"] = unsure or names[0]
        if unsure:
            return _evidence(Status.TEMPERROR, f"Whether {unsure} is {ip} is not known now: {trouble}.", facts)
        return _evidence(Status.FAIL, f"{ip} calls itself {names[0]}, which does not lead back to it.", facts)


def _evidence(status: Status, detail: str, facts: Mapping[str, str]) -> Evidence:
    """Put a result into the words everybody shares."""
    degraded = "dns" if status is Status.TEMPERROR else ""
    return Evidence("iprev", f"iprev.{status}", status, detail, facts=facts, degraded=degraded)
