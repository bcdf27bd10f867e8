"""Questions on the wire: UDP, TCP where an answer is truncated, and the next server where one does not answer.

A server that is gone must not cost every message a timeout: it is left alone for a back-off that doubles each time, and
asked again when that is over. Silence alone does not prove that: a resolver is silent about a name whose own servers are,
and senders choose names. So after some silence the server is asked for the root, which every live one answers. What it sends is believed only if it answers the
question; broken or foreign packets are ignored until the time is up.
"""

from __future__ import annotations

import secrets
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.resolver

from gatepost.mail import limits
from gatepost.world.clock import Clock
from gatepost.world.dns.cache import answer_bytes
from gatepost.world.dns.door import Answer, NoData, NoSuchName, Records, RecordType, TempFailure
from gatepost.world.dns.packet import answers, negative, question, truncated

# dnspython imports a module at the first record of a type, which a worker without privileges may not be able to do.
for _kind in ("A", "AAAA", "MX", "TXT", "PTR", "CNAME", "SOA", "NS", "OPT"):
    dns.rdata.get_rdata_class(dns.rdataclass.IN, dns.rdatatype.from_text(_kind))  # type: ignore[no-untyped-call]

_PORT: Final = 53
_PAYLOAD: Final = 1232  # octets of UDP answer that pass without fragments (DNS flag day 2020)
_FIRST_BACKOFF: Final = 0.5
_MISSES: Final = 2  # unanswered questions in a row: one may be a lost packet
_PROBE_SECONDS: Final = 1.0
_NO_EDNS: Final = frozenset({dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS})


def parse_server(text: str) -> tuple[str, int]:
    """Read `127.0.0.1`, `127.0.0.1:5353`, `::1` or `[::1]:53`; raises ValueError for anything else."""
    host, port = text, str(_PORT)
    if text.startswith("["):
        host, closing, rest = text[1:].partition("]")
        if not closing or (rest and not rest.startswith(":")):
            raise ValueError(f"{text!r} is not [ADDRESS]:PORT")
        port = rest[1:] if rest else port
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ValueError(f"{text!r} has no port number between 1 and 65535")
    return str(ip_address(host)), int(port)


def system_servers() -> tuple[str, ...]:
    """Give the system's name servers; () when it names none."""
    try:
        return tuple(str(server) for server in dns.resolver.Resolver(configure=True).nameservers)
    except dns.resolver.NoResolverConfiguration:
        return ()


class _NoAnswerError(Exception):
    """One server did not give an answer; `silent` when it said nothing at all."""

    def __init__(self, reason: str, *, silent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.silent = silent


@dataclass(slots=True)
class _Server:
    """One name server and how it has behaved lately."""

    host: str
    port: int
    misses: int = 0
    backoff: float = 0.0
    down_until: float = 0.0

    def answered(self) -> None:
        """Note an answer of any kind."""
        self.misses, self.backoff, self.down_until = 0, 0.0, 0.0

    def rest(self, now: float, longest: float) -> None:
        """Leave the server alone for a while."""
        self.backoff = min(longest, self.backoff * 2 or _FIRST_BACKOFF)
        self.down_until = now + self.backoff


@dataclass(slots=True)
class Servers:
    """The name servers of one process, in order of preference. Threads may share it: its numbers are only hints."""

    clock: Clock
    timeout: float
    attempts: int
    longest_backoff: float
    servers: list[_Server] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Add a server by its text."""
        self.servers.append(_Server(*parse_server(text)))

    def ask(self, name: str, kind: RecordType, seconds: float) -> Answer | None:
        """Ask the servers in turn; None when the caller's seconds ended the attempt, which says nothing about DNS."""
        deadline = self.clock.monotonic() + seconds
        target = dns.name.Name([*(label.encode("ascii") for label in name.split(".")), b""])
        for _ in range(limits.DNS_ALIASES + 1):
            result = self._ask_all(target, kind, deadline)
            if not isinstance(result, dns.name.Name):
                return result
            target = result
        return TempFailure(f"too many aliases for {name}")

    def _ask_all(self, target: dns.name.Name, kind: RecordType, deadline: float) -> Answer | dns.name.Name | None:
        """Ask until a server answers; gives the answer, or the name behind an alias that the server did not follow."""
        reason = "no name server is configured" if not self.servers else "every name server is down"
        for attempt in range(self.attempts):
            silence = False
            # Some firewalls drop questions with EDNS: who was silent is asked without (RFC 6891 6.2.2).
            payload = 0 if attempt else _PAYLOAD
            for server in self.servers:
                now = self.clock.monotonic()
                if now < server.down_until:
                    continue
                left = deadline - now
                if left <= 0:
                    return None
                if server.down_until:
                    # One thread finds out whether the server is back, and the others go on without it.
                    server.down_until = now + min(self.timeout, left) + self._probe_seconds
                try:
                    response = _exchange(server, target, kind, min(self.timeout, left), payload)
                    server.answered()
                    return response if isinstance(response, NoSuchName | NoData) else _read(response, kind)
                except _NoAnswerError as trouble:
                    reason = f"{trouble.reason} from {server.host}"
                    if not trouble.silent:
                        server.answered()
                    else:
                        silence = True
                        self._suspect(server, deadline, refused=trouble.reason == "refused")
            if not silence:
                break
        return None if self.clock.monotonic() >= deadline else TempFailure(reason)

    @property
    def _probe_seconds(self) -> float:
        """How long a server has to show that it is there. Nobody who has less time may say that it is not."""
        return min(self.timeout, _PROBE_SECONDS)

    def _suspect(self, server: _Server, deadline: float, *, refused: bool) -> None:
        """Decide after silence whether a server is down."""
        server.misses += 1
        now = self.clock.monotonic()
        if refused:
            server.rest(now, self.longest_backoff)
        elif server.misses >= _MISSES and deadline - now >= self._probe_seconds:
            # Not for one lost packet, and not by a caller in too much of a hurry to tell.
            if _alive(server, self._probe_seconds):
                server.answered()
            else:
                server.rest(self.clock.monotonic(), self.longest_backoff)


def _alive(server: _Server, seconds: float) -> bool:
    """Say whether a server answers anything at all."""
    try:
        _send(server, dns.message.make_query(dns.name.root, dns.rdatatype.NS), seconds)
    except _NoAnswerError as trouble:
        return not trouble.silent
    return True


def _exchange(
    server: _Server, target: dns.name.Name, kind: RecordType, seconds: float, payload: int
) -> dns.message.Message | NoSuchName | NoData:
    """Send one question to one server and give its answer; NOERROR or NXDOMAIN, else _NoAnswerError."""
    begin = time.monotonic()
    try:
        response = _quick(server, target, kind, seconds, payload)
    except OSError as error:
        raise _trouble(error) from error
    if isinstance(response, NoSuchName | NoData):
        return response
    left = max(0.0, seconds - (time.monotonic() - begin))
    if response is None:
        response = _by_tcp(server, dns.message.make_query(target, dns.rdatatype.from_text(kind), use_edns=0), left)
    if response.rcode() in _NO_EDNS:
        response = _send(server, dns.message.make_query(target, dns.rdatatype.from_text(kind)), left)
    if response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise _NoAnswerError(dns.rcode.to_text(response.rcode()), silent=False)
    return response


def _quick(
    server: _Server, target: dns.name.Name, kind: RecordType, seconds: float, payload: int
) -> dns.message.Message | NoSuchName | NoData | None:
    """Ask over UDP; gives the answer, or None where it did not fit. Raises OSError, or _NoAnswerError after silence.

    Packets that are not the answer, or that cannot be read, are ignored until the time is up: anybody may send those.
    """
    packet = question(target.to_digestable(), kind, secrets.randbits(16), payload)
    deadline = time.monotonic() + seconds
    # A connected socket hears at once that nobody listens, and takes packets from nobody else.
    with socket.socket(socket.AF_INET6 if ":" in server.host else socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.connect((server.host, server.port))
        wire.send(packet.data)
        while (left := deadline - time.monotonic()) > 0:
            wire.settimeout(left)
            try:
                data = wire.recv(65_535)
            except TimeoutError:
                break
            if not answers(packet, data):
                continue
            if truncated(data):
                return None
            plain = negative(packet, data)
            if plain is not None:
                return plain
            with suppress(dns.exception.DNSException, ValueError):
                return dns.message.from_wire(data)
    raise _NoAnswerError("timeout", silent=True)


def _send(server: _Server, query: dns.message.Message, seconds: float) -> dns.message.Message:
    """Send a query over UDP, over TCP if the answer does not fit (RFC 7766)."""
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    try:
        # A connected socket hears at once that nobody listens, and takes packets from nobody else.
        with socket.socket(family, socket.SOCK_DGRAM) as wire:
            wire.setblocking(False)
            wire.connect((server.host, server.port))
            return dns.query.udp(
                query,
                server.host,
                seconds,
                server.port,
                sock=wire,
                ignore_unexpected=True,
                ignore_errors=True,
                raise_on_truncation=True,
            )
    except dns.message.Truncated:
        return _by_tcp(server, query, seconds)
    except (dns.exception.DNSException, OSError, EOFError, ValueError) as error:
        raise _trouble(error) from error


def _by_tcp(server: _Server, query: dns.message.Message, seconds: float) -> dns.message.Message:
    """Send a query over TCP (RFC 7766). The server has answered over UDP, so whatever goes wrong here is not its silence.

    Firewalls refuse TCP to port 53, and senders choose whose answers are too long: the server is fit for all others.
    """
    try:
        return dns.query.tcp(query, server.host, seconds, server.port)
    except (dns.exception.DNSException, OSError, EOFError, ValueError) as error:
        raise _NoAnswerError(f"{_trouble(error).reason} over TCP", silent=False) from error


def _trouble(error: Exception) -> _NoAnswerError:
    """Say what went wrong in a word or two."""
    if isinstance(error, dns.exception.Timeout):
        return _NoAnswerError("timeout", silent=True)
    if isinstance(error, ConnectionRefusedError):
        return _NoAnswerError("refused", silent=True)
    if isinstance(error, OSError):
        return _NoAnswerError(error.strerror or "network trouble", silent=True)
    return _NoAnswerError(f"broken answer ({type(error).__name__})", silent=False)


def _read(response: dns.message.Message, kind: RecordType) -> Answer | dns.name.Name:
    """Turn a response into an answer, or give the name to ask next where a chain of aliases ends in the open."""
    if not isinstance(response, dns.message.QueryMessage):
        return TempFailure("broken answer (not to a question)")
    try:
        chain = response.resolve_chaining()
    except (dns.exception.DNSException, ValueError) as error:
        return TempFailure(f"broken answer ({type(error).__name__})")
    ttl = int(chain.minimum_ttl)
    if response.rcode() == dns.rcode.NXDOMAIN:
        return NoSuchName(ttl)
    if chain.answer is None:
        followed = any(rrset.rdtype == dns.rdatatype.SOA for rrset in response.authority)
        return chain.canonical_name if chain.cnames and not followed else NoData(ttl)
    if chain.answer.rdtype != dns.rdatatype.from_text(kind):
        return TempFailure("broken answer (to another question)")
    if len(chain.answer) > limits.DNS_ANSWER_RECORDS:
        return TempFailure(f"more than {limits.DNS_ANSWER_RECORDS} records in one answer")
    records = Records(tuple(_value(rdata, kind) for rdata in chain.answer), ttl)
    if answer_bytes(records) > limits.DNS_ANSWER_BYTES:
        return TempFailure(f"more than {limits.DNS_ANSWER_BYTES} bytes in one answer")
    return records


def _value(rdata: dns.rdata.Rdata, kind: RecordType) -> bytes | str | tuple[int, str]:
    """Give one record's value in the door's form."""
    match kind:
        case RecordType.TXT:
            return b"".join(rdata.strings)  # type: ignore[attr-defined]
        case RecordType.MX:
            return int(rdata.preference), _host(rdata.exchange)  # type: ignore[attr-defined]
        case RecordType.PTR:
            return _host(rdata.target)  # type: ignore[attr-defined]
        case RecordType.A | RecordType.AAAA:
            return str(ip_address(rdata.address))  # type: ignore[attr-defined]


def _host(name: dns.name.Name) -> str:
    """Give a host name in lower case without its final dot."""
    return name.to_text(omit_final_dot=True).lower()
