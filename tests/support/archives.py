"""Archives for tests, made on the fly: by libraries where they write the format, by hand where none does."""

from __future__ import annotations

import binascii
import gzip
import hashlib
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence

import libarchive
import py7zr
import rarfile
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Files = Mapping[str, bytes]
HELLO: Files = {"hello.txt": b"Hello, world. " * 20}


def zipped(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Make a ZIP archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


def zipped_with_password(files: Files, password: str, encryption: str = "aes256") -> bytes:
    """Make an encrypted ZIP archive: `encryption` is zipcrypt, aes128 or aes256."""
    return written(files, "zip", None, options=f"zip:encryption={encryption}", passphrase=password)


def written(files: Files, form: str, compression: str | None = None, **more: str) -> bytes:
    """Make an archive of one of the formats that libarchive writes."""
    blocks: list[bytes] = []

    def take(data: bytes) -> int:
        blocks.append(bytes(data))
        return len(data)

    with libarchive.custom_writer(take, form, compression, **more) as archive:
        for name, content in files.items():
            archive.add_file_from_memory(name, len(content), content)
    return b"".join(blocks)


def compressed(content: bytes, compression: str) -> bytes:
    """Compress one file by a method that libarchive knows: gzip, bzip2, xz, lzma, lzip, zstd, lz4, compress, uuencode."""
    return written({"data": content}, "raw", compression)


def seven_zipped(files: Files, password: str | None = None, *, hide_names: bool = False) -> bytes:
    """Make a 7z archive, encrypted if there is a password."""
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", password=password, header_encryption=hide_names) as archive:
        for name, content in files.items():
            archive.writestr(content, name)
    return out.getvalue()


def tarred(files: Files) -> bytes:
    """Make a tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            head = tarfile.TarInfo(name)
            head.size = len(content)
            archive.addfile(head, io.BytesIO(content))
    return out.getvalue()


def cabbed(files: Files) -> bytes:
    """Make a cabinet of uncompressed files (MS-CAB)."""
    content = b"".join(files.values())
    heads, at = b"", 0
    for name, data in files.items():
        heads += struct.pack("<IIHHHH", len(data), at, 0, 0, 0, 0x20) + name.encode() + b"\0"
        at += len(data)
    files_at = 36 + 8
    data_at = files_at + len(heads)
    blocks = [content[start : start + 32_768] for start in range(0, len(content), 32_768)]
    data = b"".join(struct.pack("<IHH", 0, len(block), len(block)) + block for block in blocks)
    size = data_at + len(data)
    head = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, size, 0, files_at, 0, 3, 1, 1, len(files), 0, 0, 0)
    return head + struct.pack("<IHH", data_at, len(blocks), 0) + heads + data


def lha(files: Files) -> bytes:
    """Make an LHA archive of uncompressed files (level 0 headers, -lh0-)."""
    out = b""
    for name, data in files.items():
        body = b"-lh0-" + struct.pack("<IIIBB", len(data), len(data), 0, 0x20, 0)
        body += bytes([len(name)]) + name.encode() + struct.pack("<H", _crc16(data))
        out += bytes([len(body), sum(body) & 0xFF]) + body + data
    return out + b"\0"


def _crc16(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value


def rar4(files: Files, *, encrypted: bool = False) -> bytes:
    """Make a RAR archive of version 2.9, files stored; `encrypted` marks them as such."""
    out = b"Rar!\x1a\x07\x00" + _rar4_block(0x73, 0, bytes(6))
    for name, data in files.items():
        raw = name.encode()
        rest = struct.pack("<IIBIIBBHI", len(data), len(data), 3, zlib.crc32(data), 0, 29, 0x30, len(raw), 0x20) + raw
        out += _rar4_block(0x74, 0x8000 | (0x04 if encrypted else 0), rest, data)
    return out + _rar4_block(0x7B, 0, b"")


def _rar4_block(kind: int, flags: int, rest: bytes, data: bytes = b"") -> bytes:
    head = struct.pack("<BHH", kind, flags, 7 + len(rest)) + rest
    return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head + data


def rar5(files: Files, *, encrypted: bool = False) -> bytes:
    """Make a RAR archive of version 5, files stored; `encrypted` gives them an encryption record."""
    number, block = _number, _rar5_block
    out = b"Rar!\x1a\x07\x01\x00" + block(number(1) + number(0) + number(0))
    for name, data in files.items():
        raw = name.encode()
        extra = b""
        if encrypted:
            record = number(1) + number(0) + number(0) + bytes([15]) + bytes(16) + bytes(16)
            extra = number(len(record)) + record
        rest = number(2) + number(0x02 | (0x01 if extra else 0))
        rest += (number(len(extra)) if extra else b"") + number(len(data))
        rest += number(0x04) + number(len(data)) + number(0x20) + struct.pack("<I", zlib.crc32(data))
        rest += number(0) + number(1) + number(len(raw)) + raw + extra
        out += block(rest, data)
    return out + block(number(5) + number(0) + number(0))


def _number(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _rar5_block(rest: bytes, data: bytes = b"") -> bytes:
    head = _number(len(rest)) + rest
    return struct.pack("<I", zlib.crc32(head)) + head + data


def _sealed(data: bytes, key: bytes, iv: bytes) -> bytes:
    cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return cipher.update(data + bytes(-len(data) % 16)) + cipher.finalize()


def rar4_locked(files: Files, password: str) -> bytes:
    """Make a RAR archive of version 2.9, files stored and encrypted."""
    salt = b"saltsalt"
    key, iv = rarfile.rar3_s2k(password, salt)
    out = b"Rar!\x1a\x07\x00" + _rar4_block(0x73, 0, bytes(6))
    for name, data in files.items():
        raw, sealed = name.encode(), _sealed(data, key, iv)
        rest = struct.pack("<IIBIIBBHI", len(sealed), len(data), 3, zlib.crc32(data), 0, 29, 0x30, len(raw), 0x20) + raw
        out += _rar4_block(0x74, 0x8404, rest + salt, sealed)
    return out + _rar4_block(0x7B, 0, b"")


def rar5_locked(files: Files, password: str, *, hide_names: bool = False) -> bytes:
    """Make a RAR archive of version 5, files stored and encrypted, the headers too if wanted."""
    salt, iv, rounds = b"s" * 16, b"i" * 16, 4
    secret = password.encode()
    key = hashlib.pbkdf2_hmac("sha256", secret, salt, 1 << rounds)
    fold = bytearray(8)
    for place, byte in enumerate(hashlib.pbkdf2_hmac("sha256", secret, salt, (1 << rounds) + 32)):
        fold[place % 8] ^= byte
    check = bytes(fold) + hashlib.sha256(fold).digest()[:4]

    def header(rest: bytes) -> bytes:
        plain = _rar5_block(rest)
        return iv + _sealed(plain, key, iv) if hide_names else plain

    out = b"Rar!\x1a\x07\x01\x00"
    if hide_names:
        out += _rar5_block(_number(4) + _number(0) + _number(0) + _number(1) + bytes([rounds]) + salt + check)
    out += header(_number(1) + _number(0) + _number(0))
    for name, data in files.items():
        raw, sealed = name.encode(), _sealed(data, key, iv)
        record = _number(1) + _number(0) + _number(3) + bytes([rounds]) + salt + iv + check
        extra = _number(len(record)) + record
        rest = _number(2) + _number(3) + _number(len(extra)) + _number(len(sealed)) + _number(4) + _number(len(data))
        rest += _number(0x20) + b"\0\0\0\0" + _number(0) + _number(1) + _number(len(raw)) + raw + extra
        out += header(rest) + sealed
    return out + header(_number(5) + _number(0) + _number(0))


def rpm(files: Files) -> bytes:
    """Make an RPM package: lead, two empty headers, a compressed cpio archive."""
    lead = b"\xed\xab\xee\xdb\x03\x00" + bytes(72) + struct.pack(">H", 5) + bytes(16)
    header = b"\x8e\xad\xe8\x01" + bytes(12)
    return lead + header + header + gzip.compress(written(files, "cpio_newc"))


def arj(files: Files, method: int = 0) -> bytes:
    """Make an ARJ archive; its files are stored, whatever method it says."""

    def block(kind: int, name: bytes, data: bytes = b"") -> bytes:
        fields = (30, 11, 1, 2, 0, method, kind, 0, 0, len(data), len(data), zlib.crc32(data), 0, 0x20, 0)
        head = struct.pack("<BBBBBBBBIIIIHHH", *fields) + name + b"\0\0"
        return b"\x60\xea" + struct.pack("<H", len(head)) + head + struct.pack("<I", zlib.crc32(head)) + b"\0\0" + data

    return (
        block(2, b"a.arj") + b"".join(block(0, name.encode(), data) for name, data in files.items()) + b"\x60\xea\0\0"
    )


def ace(files: Files, *, locked: bool = False) -> bytes:
    """Make an ACE archive whose files are there by name; the packed bytes mean nothing."""

    def block(kind: int, flags: int, rest: bytes, data: bytes = b"") -> bytes:
        head = struct.pack("<BH", kind, flags) + rest
        return struct.pack("<HH", zlib.crc32(head) & 0xFFFF, len(head)) + head + data

    out = block(0, 0x9000, b"**ACE**" + bytes(20))
    for name, data in files.items():
        raw = name.encode()
        rest = struct.pack("<IIIIIBBHHH", len(data), len(data), 0, 0x20, 0, 1, 3, 10, 0, len(raw)) + raw
        out += block(1, 0x0001 | (0x4000 if locked else 0), rest, data)
    return out


def uuencoded(files: Files) -> bytes:
    """Make a uuencoded text."""
    lines = []
    for name, data in files.items():
        lines.append(f"begin 644 {name}\n".encode())
        lines.extend(binascii.b2a_uu(data[at : at + 45]) for at in range(0, len(data), 45))
        lines.append(b"`\nend\n")
    return b"".join(lines)


def nested(content: bytes, depth: int, name: str = "x.zip") -> bytes:
    """Put a file into a ZIP archive, and that into another, so many times."""
    for _ in range(depth):
        content = zipped({name: content})
    return content


def local_header(name: bytes, packed: int, size: int, *, method: int = 8, flags: int = 0, crc: int = 0) -> bytes:
    """Make the header in front of a file in a ZIP archive (APPNOTE 4.3.7)."""
    return struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, flags, method, 0, 0, crc, packed, size, len(name), 0) + name


def central_header(
    name: bytes, start: int, packed: int, size: int, *, method: int = 8, flags: int = 0, crc: int = 0
) -> bytes:
    """Make a file's entry in the directory of a ZIP archive (APPNOTE 4.3.12)."""
    fields = (20, 20, flags, method, 0, 0, crc, packed, size, len(name), 0, 0, 0, 0, 0, start)
    return struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", *fields) + name


def end_record(entries: int, size: int, start: int) -> bytes:
    """Make the end record of a ZIP archive (APPNOTE 4.3.16)."""
    return struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, entries & 0xFFFF, entries & 0xFFFF, size, start, 0)


def assembled(bodies: bytes, directory: Sequence[bytes]) -> bytes:
    """Put a ZIP archive together from what stands in front and the entries of its directory."""
    central = b"".join(directory)
    return bodies + central + end_record(len(directory), len(central), len(bodies))
