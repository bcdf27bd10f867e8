"""Sign a mail case: write a DKIM-Signature or an ARC set on top of its message, and the key into its zone.

    python tests/corpus/sign.py tests/corpus/checks/auth/20-dkim-pass --domain sender.example
    python tests/corpus/sign.py CASE --domain sender.example --kind ed25519 --selector ed
    python tests/corpus/sign.py CASE --domain list.example --arc --authserv-id mx.list.example

Every run makes a fresh key and throws the private half away: no secret is ever committed, and a case is signed once, when
it is written. What an attacker does to a signed message is then done to the file by hand. Written after RFC 6376 3.4 and
3.7 without the library that verifies, so that the two cannot share a mistake; ARC sets are made by dkimpy.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import re
import subprocess
from pathlib import Path
from typing import Any

import dkim
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

SIGNED = b"from:to:subject:date:message-id"
NOW = 1_793_530_800  # an hour before the clock of the cases: 2026-11-01 11:00 UTC
_INFO = {"sha256": "3031300d060960864801650304020105000420", "sha1": "3021300906052b0e03021a05000414"}


class RsaKey:
    """An RSA key of any size; OpenSSL makes it, because no library makes the short ones that cases are about."""

    def __init__(self, bits: int) -> None:
        command = ["openssl", "genrsa", "-traditional", str(bits)]
        self.pem = subprocess.run(command, check=True, capture_output=True).stdout
        self._numbers = dkim.crypto.parse_pem_private_key(self.pem)

    def record(self) -> str:
        """Give the key record."""
        command = ["openssl", "rsa", "-pubout", "-outform", "DER"]
        public = subprocess.run(command, check=True, capture_output=True, input=self.pem).stdout
        return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"

    def sign(self, data: bytes, digest: str) -> bytes:
        """Sign by RSASSA-PKCS1-v1_5 (RFC 8017 8.2)."""
        modulus, exponent = self._numbers["modulus"], self._numbers["privateExponent"]
        length = (modulus.bit_length() + 7) // 8
        info = bytes.fromhex(_INFO[digest]) + hashlib.new(digest, data).digest()
        block = b"\x00\x01" + b"\xff" * (length - len(info) - 3) + b"\x00" + info
        return pow(int.from_bytes(block, "big"), exponent, modulus).to_bytes(length, "big")


class Ed25519Key:
    """An Ed25519 key (RFC 8463)."""

    def __init__(self) -> None:
        self._key = ed25519.Ed25519PrivateKey.generate()

    def record(self) -> str:
        """Give the key record."""
        public = self._key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(public).decode()}"

    def sign(self, data: bytes, digest: str) -> bytes:
        """Sign the hash of the data (RFC 8463 3)."""
        return self._key.sign(hashlib.new(digest, data).digest())


def relaxed_field(name: bytes, value: bytes) -> bytes:
    """Give the relaxed form of a field (RFC 6376 3.4.2), CRLF at its end."""
    value = re.sub(rb"[ \t]+", b" ", re.sub(rb"\r\n(?=[ \t])", b"", value)).strip(b" \t\r\n")
    return name.strip().lower() + b":" + value + b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    """Give the relaxed form of a body (RFC 6376 3.4.4)."""
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def split(message: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Cut a message with CRLF line ends into its fields and its body."""
    head, _, body = message.partition(b"\r\n\r\n")
    fields = re.findall(rb"^([^:\s]+):(.*(?:\r\n[ \t].*)*)(?:\r\n|\Z)", head + b"\r\n", re.MULTILINE)
    return fields, body


def signature(message: bytes, key: RsaKey | Ed25519Key, options: argparse.Namespace) -> bytes:
    """Give the DKIM-Signature field for a message, relaxed/relaxed."""
    fields, body = split(message)
    digest = options.algorithm.rpartition("-")[2]
    canonical = relaxed_body(body)
    tags = {"v": "1", "a": options.algorithm, "c": "relaxed/relaxed", "d": options.domain, "s": options.selector}
    tags["t"] = str(options.time)
    if options.identity:
        tags["i"] = options.identity
    if options.expires:
        tags["x"] = str(options.expires)
    if options.length:
        tags["l"] = str(len(canonical))
    tags["h"] = options.headers
    tags["bh"] = base64.b64encode(hashlib.new(digest, canonical).digest()).decode()
    value = (" " + "; ".join(f"{name}={text}" for name, text in tags.items()) + "; b=").replace("; h=", ";\r\n h=")
    value = value.replace("; bh=", ";\r\n bh=")
    data, used = b"", {}
    for name in options.headers.encode().lower().split(b":"):
        # RFC 6376 5.4.2: several fields of one name are signed from the bottom up.
        same = [text for other, text in reversed(fields) if other.lower() == name]
        if used.setdefault(name, 0) < len(same):
            data += relaxed_field(name, same[used[name]])
        used[name] += 1
    data += relaxed_field(b"dkim-signature", value.encode()).removesuffix(b"\r\n")
    mark = base64.b64encode(key.sign(data, digest)).decode()
    pieces = "\r\n ".join(mark[at : at + 72] for at in range(0, len(mark), 72))
    return f"DKIM-Signature:{value}{pieces}\r\n".encode()


def arc_set(message: bytes, key: RsaKey, options: argparse.Namespace) -> bytes:
    """Give the next ARC set; the message must carry the Authentication-Results of `--authserv-id`."""
    lines = dkim.arc_sign(
        message,
        options.selector.encode(),
        options.domain.encode(),
        key.pem,
        options.authserv_id.encode(),
        include_headers=SIGNED.split(b":"),
        timestamp=str(options.time),
    )
    return b"".join(line if line.endswith(b"\r\n") else line + b"\r\n" for line in lines)


def publish(zone: Path, options: argparse.Namespace, record: str) -> None:
    """Write the key record into the case's zone, in strings of at most 255 octets (RFC 1035 3.3.14)."""
    known: dict[str, Any] = (yaml.safe_load(zone.read_text()) or {}) if zone.exists() else {}
    strings = [record[at : at + 200] for at in range(0, len(record), 200)]
    known[f"{options.selector}._domainkey.{options.domain}"] = {"TXT": [strings if len(strings) > 1 else record]}
    zone.write_text(yaml.safe_dump(known, sort_keys=False, width=1000))


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", type=Path, help="the case, its path without an ending")
    parser.add_argument("--domain", required=True)
    parser.add_argument("--selector", default="s1")
    parser.add_argument("--kind", choices=("rsa", "ed25519"), default="rsa")
    parser.add_argument("--bits", type=int, default=1024, help="bits of the RSA key")
    parser.add_argument("--algorithm", default="", help="default: the kind with sha256")
    parser.add_argument("--headers", default=SIGNED.decode(), help="the h= list")
    parser.add_argument("--identity", default="", help="the i= tag")
    parser.add_argument("--time", type=int, default=NOW, help="the t= tag")
    parser.add_argument("--expires", type=int, default=0, help="the x= tag")
    parser.add_argument("--length", action="store_true", help="add the l= tag")
    parser.add_argument("--arc", action="store_true", help="add an ARC set instead")
    parser.add_argument("--authserv-id", default="", help="whose Authentication-Results the ARC set takes over")
    options = parser.parse_args(arguments)
    options.algorithm = options.algorithm or f"{options.kind}-sha256"
    return options


def main(arguments: list[str] | None = None) -> None:
    """Sign one case."""
    options = options_of(arguments)
    path, zone = (options.case.with_name(options.case.name + ending) for ending in (".eml", ".dns"))
    message = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    key = RsaKey(options.bits) if options.kind == "rsa" else Ed25519Key()
    if options.arc:
        assert isinstance(key, RsaKey), "RFC 8617 4.1.3: ARC is sealed by RSA"
        added = arc_set(message, key, options)
    else:
        added = signature(message, key, options)
    path.write_bytes((added + message).replace(b"\r\n", b"\n"))
    publish(zone, options, key.record())


if __name__ == "__main__":
    main()
