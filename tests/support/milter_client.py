"""The MTA side of the milter protocol (version 6), in bytes and without mercy.

Unlike a library for decent mail servers it sends whatever it is told: bytes that are not UTF-8, steps out of order, half
a packet. Steps the filter negotiated away are not sent, and answers it negotiated away are not waited for.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

ADD_HEADERS, CHANGE_HEADERS, QUARANTINE, SET_SYMBOLS = 0x01, 0x10, 0x20, 0x100
ALL_ACTIONS = 0x1FF
NO_REPLY_HEADERS, SKIP, LEADING_SPACE = 0x80, 0x400, 0x100000
ALL_STEPS = 0x1FFFFF

_ANSWERS = {
    b"a": "accept",
    b"c": "continue",
    b"d": "discard",
    b"r": "reject",
    b"t": "tempfail",
    b"y": "reply",
    b"s": "skip",
}
# step: (the bit that leaves it out, the bit that leaves its answer out)
_STEPS = {
    b"C": (0x1, 0x1000), b"H": (0x2, 0x2000), b"M": (0x4, 0x4000), b"R": (0x8, 0x8000), b"B": (0x10, 0x80000),
    b"L": (0x20, 0x80), b"N": (0x40, 0x40000), b"U": (0x100, 0x20000), b"T": (0x200, 0x10000),
}  # fmt: skip


class HungUpError(OSError):
    """The filter closed the connection."""


@dataclass(frozen=True)
class Answer:
    """What the filter said to one step: a word (`continue`, `reject`, `reply` ...), and for `reply` its text."""

    word: str
    text: str = ""

    @property
    def taken(self) -> bool:
        """Whether the step was not refused."""
        return self.word in {"continue", "accept", "skip"}


@dataclass
class Ending:
    """What the filter did at the end of a message: edits in their order, a reason to quarantine, and the answer."""

    answer: Answer
    edits: list[tuple[str, ...]] = field(default_factory=list)
    quarantine: str | None = None

    def added(self, name: str) -> list[str]:
        """Give the values of the fields of this name that were added or inserted."""
        return [edit[-1] for edit in self.edits if edit[0] in {"add", "insert"} and edit[-2] == name]

    def removed(self, name: str) -> list[int]:
        """Give the indices that were deleted of this name, in order."""
        return [int(edit[2]) for edit in self.edits if edit[0] == "remove" and edit[1].lower() == name.lower()]


def packet(command: bytes, data: bytes = b"") -> bytes:
    """Frame one command."""
    return struct.pack(">I", len(data) + 1) + command + data


def dial(address: str, seconds: float) -> socket.socket:
    """Connect to `inet:HOST:PORT`, `inet:[IPV6]:PORT` or `unix:PATH`."""
    if address.startswith("unix:"):
        found = socket.socket(socket.AF_UNIX)
        found.settimeout(seconds)
        try:
            found.connect(address[5:])
        except OSError:
            found.close()
            raise
        return found
    host, _, port = address.removeprefix("inet:").rpartition(":")
    found = socket.create_connection((host.strip("[]"), int(port)), seconds)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


class MilterClient:
    """One connection of an MTA to the filter, negotiated at once unless `negotiate` is False."""

    def __init__(
        self,
        address: str,
        *,
        actions: int = ALL_ACTIONS,
        steps: int = ALL_STEPS,
        seconds: float = 20.0,
        negotiate: bool = True,
    ) -> None:
        self.socket = dial(address, seconds)
        self.file = self.socket.makefile("rb")
        self.steps = self.actions = 0
        self.symbols: dict[int, str] = {}
        if negotiate:
            try:
                self.negotiate(actions, steps)
            except BaseException:
                self.hang_up()
                raise

    def __enter__(self) -> Self:
        """Give the client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection without a word."""
        self.file.close()
        self.socket.close()

    def negotiate(self, actions: int, steps: int) -> None:
        """Agree on actions and steps."""
        self.send(packet(b"O", struct.pack(">III", 6, actions, steps)))
        command, data = self.read()
        assert command == b"O", command
        _, self.actions, self.steps = struct.unpack(">III", data[:12])
        rest = data[12:]
        while len(rest) > 4:
            (stage,) = struct.unpack(">I", rest[:4])
            names, _, rest = rest[4:].partition(b"\0")
            self.symbols[stage] = names.decode()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def read(self) -> tuple[bytes, bytes]:
        """Read one packet: command and data."""
        try:
            head = self.file.read(4)
            body = self.file.read(struct.unpack(">I", head)[0]) if len(head) == 4 else b""
        except ConnectionError:
            raise HungUpError("the filter hung up") from None
        if not body:
            raise HungUpError("the filter hung up")
        return body[:1], body[1:]

    def answer(self) -> Answer:
        """Read the answer to a step."""
        command, data = self.read()
        return Answer(_ANSWERS[command], data.rstrip(b"\0").decode("latin-1"))

    def macros(self, stage: bytes, values: Mapping[str, bytes | str]) -> None:
        """Send macro definitions for a step."""
        raw = [value.encode() if isinstance(value, str) else value for pair in values.items() for value in pair]
        self.send(packet(b"D", stage + b"".join(item + b"\0" for item in raw)))

    def ask(self, command: bytes, data: bytes = b"") -> Answer:
        """Send a step unless it was negotiated away, and give the answer, `continue` where none is due."""
        left_out, unanswered = _STEPS[command]
        if self.steps & left_out:
            return Answer("continue")
        self.send(packet(command, data))
        return Answer("continue") if self.steps & unanswered else self.answer()

    def connect(self, name: bytes = b"mx.example.net", ip: str = "198.51.100.7", port: int = 25000) -> Answer:
        """CONNECT: IPv4 or IPv6 by the look of `ip`; "" is a client without an address."""
        family = b"U" if not ip else b"6" if ":" in ip else b"4"
        place = struct.pack(">H", port) + ip.encode() + b"\0" if ip else b""
        return self.ask(b"C", name + b"\0" + family + place)

    def helo(self, name: bytes = b"mx.example.net") -> Answer:
        """HELO or EHLO."""
        return self.ask(b"H", name + b"\0")

    def mail(self, *arguments: bytes) -> Answer:
        """MAIL: the path and ESMTP parameters."""
        return self.ask(b"M", b"".join(item + b"\0" for item in arguments or (b"<sender@example.net>",)))

    def rcpt(self, *arguments: bytes) -> Answer:
        """RCPT: the path and ESMTP parameters."""
        return self.ask(b"R", b"".join(item + b"\0" for item in arguments or (b"<rcpt@example.org>",)))

    def data(self, queue_id: str = "4QUEUE1") -> Answer:
        """Send DATA, which brings the queue id."""
        self.macros(b"T", {"i": queue_id})
        return self.ask(b"T")

    def header(self, name: bytes, value: bytes) -> Answer:
        """One field; `value` as it stood behind the colon."""
        if not self.steps & LEADING_SPACE and value[:1] == b" ":
            value = value[1:]
        return self.ask(b"L", name + b"\0" + value + b"\0")

    def headers(self, fields: Iterable[tuple[bytes, bytes]]) -> None:
        """Send all fields and the end of the header."""
        for name, value in fields:
            assert self.header(name, value).taken
        assert self.ask(b"N").taken

    def body(self, data: bytes, chunk: int = 65535) -> Answer:
        """Send the body in chunks, stopping at SKIP."""
        answer = Answer("continue")
        for start in range(0, len(data), chunk):
            answer = self.ask(b"B", data[start : start + chunk])
            if answer.word != "continue":
                break
        return answer

    def end(self, queue_id: str = "4QUEUE1") -> Ending:
        """End of message: gather what the filter does."""
        self.macros(b"E", {"i": queue_id})
        self.send(packet(b"E"))
        return self.ending()

    def ending(self) -> Ending:
        """Read what the filter does at the end of a message."""
        edits: list[tuple[str, ...]] = []
        quarantine = None
        while True:
            command, data = self.read()
            if command in _ANSWERS:
                return Ending(Answer(_ANSWERS[command], data.rstrip(b"\0").decode("latin-1")), edits, quarantine)
            match command:
                case b"h":
                    name, value = data.split(b"\0")[:2]
                    edits.append(("add", name.decode(), value.decode()))
                case b"i" | b"m":
                    (index,) = struct.unpack(">I", data[:4])
                    name, value = data[4:].split(b"\0")[:2]
                    if command == b"i":
                        edits.append(("insert", str(index), name.decode(), value.decode()))
                    else:
                        edits.append(("remove" if not value else "change", name.decode(), str(index), value.decode()))
                case b"q":
                    quarantine = data.rstrip(b"\0").decode()
                case b"p":
                    continue
                case _:
                    raise AssertionError(f"the filter sent {command!r} at the end of a message")

    def abort(self) -> None:
        """Forget the message under way; nothing answers."""
        self.send(packet(b"A"))

    def quit(self) -> None:
        """End the connection as an MTA does."""
        self.send(packet(b"Q"))
        self.hang_up()

    def greet(self) -> None:
        """CONNECT and HELO with usual values."""
        self.connect()
        self.helo()

    def message(
        self,
        subject: str = "hello",
        *,
        fields: Iterable[tuple[bytes, bytes]] = (),
        body: bytes = b"Hello.\r\n",
        queue_id: str = "4QUEUE1",
    ) -> Ending:
        """Send one whole, usual message on a connection that was greeted."""
        assert self.mail().taken
        assert self.rcpt().taken
        self.data(queue_id)
        self.headers([(b"From", b" a@example.net"), (b"Subject", b" " + subject.encode()), *fields])
        self.body(body)
        return self.end(queue_id)
