"""What is known of one SMTP connection and of the message on it, gathered event by event.

Two objects, because two life times: a `Connection` lasts from negotiation to close and remembers the client; a
`Transaction` begins at MAIL and ends at end-of-message, abort or close, so nothing of one message can reach the next.
Events may come in any order that a broken or hostile peer can cause: close without connect, abort at any place, a second
MAIL. No event raises for what it carries; what is past a limit is not kept and the message says so.

This module never imports pymilter: it is tested with plain calls.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from gatepost.arrival.judge import Listener
from gatepost.arrival.settings import Network, Settings
from gatepost.mail import limits
from gatepost.mail.address import Address, parse_path
from gatepost.mail.envelope import Client, Direction, Envelope, IpAddress
from gatepost.mail.header import Header
from gatepost.mail.late import Late
from gatepost.mail.message import Message
from gatepost.verdict import Outcome


@dataclass(frozen=True, slots=True)
class Ours:
    """Whose mail is the site's own: its networks and the names of its submission services."""

    networks: tuple[Network, ...] = ()
    services: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: Settings) -> Ours:
        """Read it from the settings."""
        return cls(settings.networks, frozenset(settings.submission_daemon_names))

    def knows(self, ip: IpAddress) -> bool:
        """Say whether an address lies in one of the site's networks."""
        return any(ip in network for network in self.networks if network.version == ip.version)


class Traffic:
    """How many messages this process has begun and ended; safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = 0
        self._ended = 0

    def begin(self) -> None:
        """Count a message that begins at MAIL."""
        with self._lock:
            self._begun += 1

    def end(self) -> None:
        """Count a message that ended, however it did."""
        with self._lock:
            self._ended += 1

    @property
    def in_flight(self) -> int:
        """Messages between MAIL and their end."""
        with self._lock:
            return self._begun - self._ended

    @property
    def ended(self) -> int:
        """Messages that ended."""
        with self._lock:
            return self._ended


def client_ip(text: str) -> IpAddress | None:
    """Read an address as an MTA writes it (`IPv6:` prefix or brackets tolerated), or None; IPv4 in IPv6 becomes IPv4."""
    text = text.strip().strip("[]")
    text = text[5:] if text[:5].lower() == "ipv6:" else text
    try:
        found: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


_TELLING: Final = frozenset({b"from", b"dkim-signature"})


def _readable(raw: bytes) -> str:
    return raw[: limits.ENVELOPE_BYTES].decode("utf-8", "replace")


@dataclass(slots=True)
class Transaction:
    """One message under way: its envelope so far, its header fields and body as they came."""

    client: Client
    direction: Direction
    sender: Address | None
    recipients: list[Address] = field(default_factory=list)
    headers: list[Header] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0
    header_size: int = 0
    telling: int = 0
    truncated: bool = False
    full: bool = False
    late: Late = field(default_factory=Late)
    broken: bool = False
    listener: Listener | None = None

    def envelope(self, queue_id: str = "", *, asked: Address | None = None, opens: bool = False) -> Envelope:
        """Give the envelope so far; `asked` is a recipient not accepted yet, put last, and `opens` the first on its connection."""
        recipients = (*self.recipients, asked) if asked else tuple(self.recipients)
        return Envelope(queue_id, self.client, self.sender, recipients, self.direction, opens)

    def asked(self, path: bytes) -> Address | None:
        """Read the path of RCPT TO, without accepting it; None if it is not an address."""
        return parse_path(path)

    def accept(self, recipient: Address) -> None:
        """Remember a recipient; past limits.RECIPIENTS it is served and not remembered."""
        if len(self.recipients) < limits.RECIPIENTS:
            self.recipients.append(recipient)

    def header(self, name: bytes, value: bytes) -> Header | None:
        """Keep a field; `value` holds its leading space, folded with LF or CRLF. Past the limits none is kept any more.

        Gives the field back where it says early what will be asked of DNS: From and DKIM-Signature of inbound mail, up to
        limits.FORESEEN_FIELDS.
        """
        if b"\n" in value:
            # Postfix and Sendmail hand over folded fields with LF; on the wire it was CRLF, and signatures cover that.
            value = value.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        size = len(name) + len(value) + 3
        kept = Header(name, value)
        # One that does not fit ends the header: fields are removed by their number, so none may be missing in between.
        self.full = (
            self.full or len(self.headers) >= limits.HEADER_FIELDS or self.header_size + size > limits.HEADER_BYTES
        )
        if self.full:
            self.truncated = True
            self.late.take(kept)
            return None
        self.headers.append(kept)
        self.header_size += size
        if (
            self.direction is not Direction.INBOUND
            or kept.key not in _TELLING
            or self.telling >= limits.FORESEEN_FIELDS
        ):
            return None
        self.telling += 1
        return kept

    @property
    def overfull(self) -> bool:
        """Whether more forged fields came than can be removed; mail of our own users keeps what it says."""
        return self.direction is Direction.INBOUND and self.late.overfull

    def body(self, chunk: bytes) -> bool:
        """Keep a stretch of the body; False when no more is wanted."""
        room = limits.MESSAGE_BYTES - self.header_size - self.size
        if len(chunk) > room:
            chunk, self.truncated = chunk[: max(0, room)], True
        self.chunks.append(chunk)
        self.size += len(chunk)
        return not self.truncated or room > len(chunk)

    @property
    def grown(self) -> bool:
        """Whether the last stretch of the body made it so long that it may be worth listening to the rest."""
        return bool(self.chunks) and self.size - len(self.chunks[-1]) <= limits.EARLY_BYTES < self.size

    def listen(self, listener: Listener) -> None:
        """Let somebody hear what came so far."""
        self.listener = listener
        for piece in (*Message((*self.headers, *self.late.authors)).chunks(), *self.chunks):
            listener.hear(piece)

    def tell(self) -> None:
        """Let whoever listens hear the last stretch of the body."""
        if self.listener is not None:
            self.listener.hear(self.chunks[-1])

    def deafen(self) -> None:
        """Let nobody listen any more."""
        listener, self.listener = self.listener, None
        if listener is not None:
            listener.stop()

    def message(self) -> Message:
        """Give the message; to be asked once, at its end."""
        passed = tuple(self.late.passed) if self.direction is Direction.INBOUND else ()
        headers = (*self.headers, *self.late.authors)
        return Message(headers, b"".join(self.chunks), truncated=self.truncated, passed=passed)


class Connection:
    """One SMTP connection, and the transaction on it if there is one. `refusal` answers each recipient where it has one."""

    def __init__(self, ours: Ours, traffic: Traffic) -> None:
        self._ours = ours
        self._traffic = traffic
        self._ip: IpAddress | None = None
        self._ptr = ""
        self._helo = ""
        self._local = False
        self._service = ""
        self._fresh = True
        self.known = False
        self.refusal: Outcome | None = None
        self.transaction: Transaction | None = None

    def opened(self, name: str, address: str, port: int = 0, service: str = "") -> None:
        """Note the client at CONNECT.

        Takes the host name the MTA verified (`[192.0.2.1]`, `unknown`: none), the address as text or "", the port, and
        the MTA's {daemon_name}.
        """
        self.known = True
        self._ip = client_ip(address) if address else None
        self._ptr = "" if name.startswith("[") or name.lower() == "unknown" else name[: limits.DOMAIN_OCTETS]
        self._service = service
        # A program of this host: Sendmail names it `localhost` without an address; Postfix (non_smtpd_milters) gives it
        # the loopback address and port 0, from which no connection can come.
        pretended = self._ip is not None and self._ip.is_loopback and port == 0
        self._local = self._ptr == "localhost" and (self._ip is None or pretended)
        if self._local:
            self._ip = None

    def early(self) -> Envelope:
        """Give what CONNECT says of the envelopes to come."""
        return Envelope(client=Client(self._ip, self._ptr), direction=self._direction("", self._service))

    def opens(self) -> bool:
        """Say whether no recipient was asked about on this connection before; asking is that."""
        fresh, self._fresh = self._fresh, False
        return fresh

    def greeted(self, helo: bytes) -> None:
        """Note the HELO or EHLO argument; a later one replaces it."""
        self._helo = _readable(helo)

    def mail(self, path: bytes, macros: Mapping[str, str]) -> Transaction:
        """Begin a message at MAIL FROM, forgetting any earlier one.

        Takes the path as sent and the macros {auth_authen}, {auth_type}, {tls_version}, {client_addr}, {daemon_name}
        where known.
        """
        self.drop()
        if self._ip is None and not self._local:
            # CONNECT was lost (a host name that is not UTF-8) or came without an address.
            self._ip = client_ip(macros.get("{client_addr}", ""))
        login = macros.get("{auth_authen}", "") or macros.get("{auth_type}", "")[: limits.ENVELOPE_BYTES]
        service = macros.get("{daemon_name}", "") or self._service
        client = Client(self._ip, self._ptr, self._helo, login, macros.get("{tls_version}", ""))
        self.transaction = Transaction(client, self._direction(login, service), parse_path(path))
        self._traffic.begin()
        return self.transaction

    def _direction(self, login: str, service: str) -> Direction:
        """Say which way mail travels: outbound with a login, by a submission service or from an own network."""
        if login or service in self._ours.services or (self._ip is not None and self._ours.knows(self._ip)):
            return Direction.OUTBOUND
        return Direction.INTERNAL if self._local else Direction.INBOUND

    def drop(self) -> None:
        """Forget the message under way, if there is one: it ended, was aborted, or the connection closed."""
        if self.transaction is not None:
            transaction, self.transaction = self.transaction, None
            self._traffic.end()
            transaction.deafen()
