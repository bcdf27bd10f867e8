"""A real DNS server (NSD) over a zone from a map, on a loopback port of its own, in a temporary directory.

What NSD cannot do (fall silent about a name, fail, answer late, cut its answer short) a forwarder in front of it does,
name by name, over the same wire.
"""

from __future__ import annotations

import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode

from support.waiting import free_port, until

_STRING = 255  # octets of one character-string


@dataclass
class DnsServer:
    """A running server; `address` is what a resolver takes."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        """End the server; it does not answer any more."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def running_dns(zone: Mapping[str, Mapping[str, Sequence[object]]], port: int = 0) -> Iterator[DnsServer]:
    """Start a server that is authoritative for the root and holds the records of `zone`; stop it in the end.

    The map has the form of FakeDns; TXT values may be text or bytes. CNAMEs are given out as they stand.
    """
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="gatepost-dns-") as name:
        folder = Path(name)
        (folder / "root.zone").write_bytes(_zone_file(zone))
        (folder / "nsd.conf").write_text(_CONFIG.format(folder=folder, port=port))
        program = shutil.which("nsd") or "/usr/sbin/nsd"
        with (folder / "log").open("wb") as log:
            command = [program, "-d", "-c", str(folder / "nsd.conf")]
            server = DnsServer(port, subprocess.Popen(command, stdout=log, stderr=log))
        try:
            until(lambda: _answers(server.port), f"NSD on port {port}")
            yield server
        finally:
            server.stop()


@contextmanager
def real_dns(zone: Mapping[str, Mapping[str, Sequence[object]]]) -> Iterator[str]:
    """Give the address of a running server, `127.0.0.1:PORT`."""
    with running_dns(zone) as server:
        yield server.address


@dataclass
class Faults:
    """What the forwarder does to questions about a name (lower case, no final dot), over both transports.

    `silent` names get no answer, `servfail` names a failure, `late` names their answer once the event is set, and the UDP
    answers about `cut` names are cut to nothing with the bit that asks to come again over TCP. `seen` holds what was
    asked, as transport and name.
    """

    silent: Iterable[str] = ()
    servfail: Iterable[str] = ()
    cut: Iterable[str] = ()
    late: Mapping[str, threading.Event] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def forwarded(upstream: str, faults: Faults) -> Iterator[str]:
    """Give the address of a forwarder in front of a server, UDP and TCP on one port."""
    port = free_port()
    servers = [kind(("127.0.0.1", port), handler) for kind, handler in ((_UdpServer, _Udp), (_TcpServer, _Tcp))]
    for server in servers:
        server.upstream, server.faults = int(upstream.rpartition(":")[2]), faults
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


class _UdpServer(socketserver.ThreadingUDPServer):
    allow_reuse_address = True


class _TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


def _answer(query: bytes, server: _UdpServer | _TcpServer, transport: str) -> bytes | None:
    """Give the answer to pass on, or None for silence."""
    question = dns.message.from_wire(query)
    name = question.question[0].name.to_text(omit_final_dot=True).lower()
    faults = server.faults
    faults.seen.append((transport, name))
    if name in faults.silent:
        return None
    if name in faults.late:
        faults.late[name].wait(10)
    response = dns.message.make_response(question)
    if name in faults.servfail:
        response.set_rcode(dns.rcode.SERVFAIL)
    elif transport == "udp" and name in faults.cut:
        response.flags |= dns.flags.TC
    else:
        with socket.create_connection(("127.0.0.1", server.upstream)) as wire:
            wire.sendall(len(query).to_bytes(2, "big") + query)
            return _framed(wire)
    return response.to_wire()


def _framed(wire: socket.socket) -> bytes:
    """Read one message off a stream (RFC 1035 4.2.2)."""
    with wire.makefile("rb") as stream:
        return stream.read(int.from_bytes(stream.read(2), "big"))


class _Udp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        query, wire = self.request
        answer = _answer(query, self.server, "udp")
        if answer is not None and len(answer) > dns.message.from_wire(query).payload:
            cut = dns.message.make_response(dns.message.from_wire(query))
            cut.flags |= dns.flags.TC
            answer = cut.to_wire()
        if answer is not None:
            wire.sendto(answer, self.client_address)


class _Tcp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        answer = _answer(_framed(self.request), self.server, "tcp")
        if answer is not None:
            self.request.sendall(len(answer).to_bytes(2, "big") + answer)


_CONFIG = """server:
    server-count: 1
    ip-address: 127.0.0.1
    port: {port}
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    zonelistfile: "{folder}/zone.list"
    xfrdir: "{folder}"
    database: ""
    hide-version: yes
remote-control:
    control-enable: no
zone:
    name: "."
    zonefile: "root.zone"
"""


def _zone_file(zone: Mapping[str, Mapping[str, Sequence[object]]]) -> bytes:
    """Write the zone in master file form (RFC 1035 5), with a negative TTL of 60 s."""
    lines = [b". 300 IN SOA ns.invalid. root.invalid. 1 3600 600 86400 60", b". 300 IN NS ns.invalid."]
    for name, types in zone.items():
        for kind, values in types.items():
            lines += [b"%b 300 IN %b %b" % (_owner(name), kind.encode(), _value(kind, value)) for value in values]
    return b"\n".join(lines) + b"\n"


def _owner(name: str) -> bytes:
    """Write a name: its letters and dots as they are, everything else as a decimal escape (RFC 1035 5.1)."""
    plain = name.removesuffix(".").encode()
    return (
        b"".join(b"%c" % byte if chr(byte).isalnum() or byte in b"._-" else b"\\%03d" % byte for byte in plain) + b"."
    )


def _value(kind: str, value: object) -> bytes:
    """Write one record's value."""
    if kind == "TXT":
        data = value if isinstance(value, bytes) else str(value).encode()
        pieces = [data[start : start + _STRING] for start in range(0, len(data), _STRING)] or [b""]
        return b" ".join(b'"' + b"".join(b"\\%03d" % byte for byte in piece) + b'"' for piece in pieces)
    if kind == "MX" and isinstance(value, list | tuple):
        return b"%d %b" % (value[0], _owner(str(value[1])))
    if kind in ("PTR", "CNAME"):
        return _owner(str(value))
    return str(value).encode()


def _answers(port: int) -> bool:
    """Say whether the server answers for its zone."""
    with suppress(dns.exception.DNSException, OSError):
        return dns.query.udp(dns.message.make_query(".", "SOA"), "127.0.0.1", 0.2, port).rcode() == 0
    return False
