"""RAR archives: libarchive unpacks them and knows nothing of their encryption, rarfile reads their headers and can decrypt those.

So an encrypted archive whose password the message gives is written anew, its files decrypted, and that is given to libarchive.
The formats are those of RARLAB's technical notes; version 4 stands here for all before 5.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import rarfile
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gatepost.checks.attachments.bounds import Meter
from gatepost.checks.attachments.by_libarchive import open_rar
from gatepost.checks.attachments.entry import Entry, Listing, clean_name, name_findings
from gatepost.checks.attachments.keys import Keys
from gatepost.checks.attachments.obstacles import LOCKED, OPENED, Exhausted, Stopped, locked

RAR5: Final = b"Rar!\x1a\x07\x01\x00"
RAR4: Final = b"Rar!\x1a\x07\x00"

_STORED: Final = 0x30
_SOLID: Final = 0x0010  # RAR 4, of a file; 5 has it in the compression information
_DICTIONARY: Final = 0x00E0
_TWEAKED: Final = 0x02  # RAR 5, of a file's encryption: its checksum is keyed
_LAST_BLOCK: Final = 0x40  # RAR 5, of a block of compressed data
_KEY_ROUNDS_MAX: Final = 20
"""Power of two of the rounds that make a RAR 5 key (RAR writes 15, allows 24: half a minute for each password)."""

_PASSWORD4_CHARACTERS: Final = 27
"""Characters of a password that is tried on RAR 4: longer ones are hashed in a way that takes rarfile half a minute."""


def _no_comment(parser: Any, inf: Any, pwd: Any = None) -> None:
    """Leave an archive's comment unread: rarfile would start a program for it, which a jail cannot."""


rarfile.RAR3Parser._read_comment_v3 = _no_comment  # noqa: SLF001  there is no setting for it


@dataclass(frozen=True, slots=True)
class _Contents:
    """The files of an archive as its headers tell of them; `sealed` says that some of it is encrypted."""

    files: tuple[Any, ...]
    sealed: bool


def open_rar_archive(data: bytes, keys: Keys, meter: Meter) -> Iterator[Entry | Listing]:
    """Give the files of a RAR archive, opened by one of the passwords if it is encrypted; else the names, if they can be read.

    Raises Stopped when no password fits and past a limit.
    """
    contents = _read(data, None, meter)
    if contents is None or not contents.sealed:
        yield from _plain(data, contents, meter)
        return
    for password in keys:
        before = meter.files, meter.taken
        archive = _opened(data, password, meter)
        meter.files, meter.taken = before
        if archive is None:
            continue
        keys.fitted(password)
        for entry in open_rar(archive, meter):
            yield Entry(entry.name, entry.content, entry.size, (*entry.findings, OPENED), unseen=True)
        return
    for file in contents.files:
        meter.count()
        name = clean_name(file.filename)
        yield Entry(name, None, file.file_size, (*name_findings(name), LOCKED))
    raise locked()


def _plain(data: bytes, contents: _Contents | None, meter: Meter) -> Iterator[Entry | Listing]:
    """Give what libarchive reads, after the names of all, for what it does not (solid archives of RAR 4, among others)."""
    if contents is not None:
        named = ((clean_name(file.filename), file.file_size) for file in contents.files[: meter.bounds.files])
        yield Listing(tuple(Entry(name, None, size, name_findings(name)) for name, size in named))
    yield from open_rar(data, meter)


def _read(data: bytes, password: str | None, meter: Meter) -> _Contents | None:
    """Read an archive's headers; None where they cannot be read at all. Raises Exhausted when there are too many."""
    found: list[Any] = []

    def count(header: Any) -> None:
        found.append(header)
        if len(found) > 2 * meter.bounds.files + 100:
            meter.exhaust()

    try:
        archive = rarfile.RarFile(io.BytesIO(data), part_only=True, info_callback=count)
        if password is not None:
            found.clear()
            archive.setpassword(password)
        files = tuple(file for file in archive.infolist() if file.is_file())
        return _Contents(files, bool(archive.needs_password()))
    except Stopped:
        raise
    except Exception:  # noqa: BLE001  a wrong password, and any damage
        return None


def _opened(data: bytes, password: str, meter: Meter) -> bytes | None:
    """Give the archive without its encryption, or None if the password does not fit or a file cannot be read with it."""
    version5 = data.startswith(RAR5)
    if not version5 and len(password) > _PASSWORD4_CHARACTERS:
        return None
    contents = _read(data, password, meter)
    if contents is None or not contents.files:
        return None
    try:
        if version5:
            return _rewritten5(data, contents.files, password)
        archive = _rewritten4(data, contents.files, password)
    except (ValueError, struct.error):
        return None
    return archive if _sound4(archive, contents.files, meter) else None


def _sound4(archive: bytes, files: tuple[Any, ...], meter: Meter) -> bool:
    """Whether a file comes out as its checksum says: RAR 4 has no other way to tell a wrong password."""
    sums = {clean_name(file.filename): file.CRC for file in files if file.file_size}
    try:
        for entry in open_rar(archive, meter):
            if entry.content and entry.name in sums:
                return zlib.crc32(entry.content) == int(sums[entry.name])
    except Exhausted:
        raise
    except Stopped:
        return False
    return not sums


def _decrypted(data: bytes, file: Any, key: bytes, iv: bytes) -> bytes:
    packed = data[file.data_offset : file.data_offset + file.compress_size]
    packed = packed[: len(packed) & ~15]
    cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    plain = cipher.update(packed) + cipher.finalize()
    return plain[: file.file_size] if file.compress_type == _STORED else plain


def _rewritten5(data: bytes, files: tuple[Any, ...], password: str) -> bytes | None:
    solid = any(file.file_compress_flags & rarfile.RAR5_COMPR_SOLID for file in files)
    blocks = [RAR5, _block5(_vint(1) + _vint(0) + _vint(rarfile.RAR5_MAIN_FLAG_SOLID if solid else 0), b"")]
    for file in files:
        _, flags, rounds, salt, iv, check = file.file_encryption
        if not salt:
            content = data[file.data_offset : file.data_offset + file.compress_size]
        elif rounds > _KEY_ROUNDS_MAX or not _fits5(password, salt, rounds, check):
            return None
        else:
            content = _without_padding(_decrypted(data, file, rarfile.rar5_s2k(password, salt, 1 << rounds), iv), file)
        blocks.append(_file5(file, content, tweaked=bool(salt) and bool(flags & _TWEAKED)))
    return b"".join((*blocks, _block5(_vint(5) + _vint(0) + _vint(0), b"")))


def _without_padding(content: bytes, file: Any) -> bytes:
    """Cut off what encryption added behind the last block of compressed data: libarchive takes it for another block."""
    if file.compress_type == _STORED:
        return content
    at = 0
    while at + 2 < len(content):
        flags = content[at]
        width = (flags >> 3 & 3) + 1
        at += 2 + width + int.from_bytes(content[at + 2 : at + 2 + width], "little")
        if flags & _LAST_BLOCK:
            return content[:at]
    return content


def _fits5(password: str, salt: bytes, rounds: int, check: bytes | None) -> bool:
    """Compare with the value by which RAR tells wrong passwords; where it was left out nothing is taken for right."""
    if not check:
        return False
    value = bytearray(8)
    for place, byte in enumerate(rarfile.rar5_s2k(password, salt, (1 << rounds) + 32)):
        value[place % 8] ^= byte
    return bytes(value) == check[:8]


def _file5(file: Any, content: bytes, *, tweaked: bool) -> bytes:
    kept = rarfile.RAR5_FILE_FLAG_UNKNOWN_SIZE | (0 if tweaked else rarfile.RAR5_FILE_FLAG_HAS_CRC32)
    flags = file.file_flags & kept
    name = file.orig_filename
    head = _vint(2) + _vint(rarfile.RAR5_BLOCK_FLAG_DATA_AREA) + _vint(len(content))
    head += _vint(flags) + _vint(file.file_size) + _vint(file.mode)
    head += struct.pack("<I", file.CRC) if flags & rarfile.RAR5_FILE_FLAG_HAS_CRC32 else b""
    head += _vint(file.file_compress_flags) + _vint(file.file_host_os) + _vint(len(name)) + name
    return _block5(head, content)


def _block5(head: bytes, content: bytes) -> bytes:
    sized = _vint(len(head)) + head
    return struct.pack("<I", zlib.crc32(sized)) + sized + content


def _vint(value: int) -> bytes:
    """Write a number in groups of seven bits, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _rewritten4(data: bytes, files: tuple[Any, ...], password: str) -> bytes:
    solid = any(file.flags & _SOLID for file in files)
    blocks = [RAR4, _block4(0x73, rarfile.RAR_MAIN_SOLID if solid else 0, bytes(6), b"")]
    made: dict[bytes, tuple[bytes, bytes]] = {}
    for file in files:
        content = data[file.data_offset : file.data_offset + file.compress_size]
        if file.needs_password():
            salt = file.salt or b""
            if salt not in made:
                key, iv = rarfile.rar3_s2k(password, salt)
                made[salt] = bytes(key), bytes(iv)
            content = _decrypted(data, file, *made[salt])
        name = clean_name(file.filename).encode()
        head = struct.pack("<IIBI", len(content), file.file_size & 0xFFFFFFFF, file.host_os, file.CRC)
        head += struct.pack("<IBBHI", 0, file.extract_version, file.compress_type, len(name), 0x20) + name
        flags = file.flags & (_SOLID | _DICTIONARY) | rarfile.RAR_LONG_BLOCK | rarfile.RAR_FILE_UNICODE
        blocks.append(_block4(0x74, flags, head, content))
    return b"".join((*blocks, _block4(0x7B, 0, b"", b"")))


def _block4(kind: int, flags: int, rest: bytes, content: bytes) -> bytes:
    head = struct.pack("<BHH", kind, flags, 7 + len(rest)) + rest
    return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head + content
