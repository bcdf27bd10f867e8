"""A real DNS server (NSD) over a zone from a map, on a loopback port of its own, in a temporary directory."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query

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
