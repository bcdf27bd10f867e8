"""A writer of compound files (MS-CFB), so that documents with macros and objects can be made from nothing."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

_SECTOR = 512
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_CUTOFF = 4096


@dataclass
class Storage:
    """A folder: streams as bytes, further storages, and a class id."""

    entries: Mapping[str, bytes | Storage] = field(default_factory=dict)
    clsid: str = ""


def compound(entries: Mapping[str, bytes | Storage], clsid: str = "") -> bytes:
    """Give a compound file; streams are padded to the size from which they stand in sectors of their own."""
    nodes: list[tuple[str, bytes | Storage, list[int]]] = []

    def add(name: str, value: bytes | Storage) -> int:
        index = len(nodes)
        nodes.append((name, value, []))
        if isinstance(value, Storage):
            for child in sorted(value.entries, key=lambda each: (len(each), each.upper())):
                nodes[index][2].append(add(child, value.entries[child]))
        return index

    add("Root Entry", Storage(entries, clsid))
    sectors: list[bytes] = []
    fat: list[int] = []

    def chain(data: bytes) -> int:
        start = len(sectors)
        count = -(-len(data) // _SECTOR)
        for number in range(count):
            sectors.append(data[number * _SECTOR : (number + 1) * _SECTOR].ljust(_SECTOR, b"\0"))
            fat.append(start + number + 1 if number + 1 < count else _END)
        return start

    starts = {
        index: (chain(value.ljust(_CUTOFF, b"\0")), max(len(value), _CUTOFF))
        for index, (_, value, _) in enumerate(nodes)
        if isinstance(value, bytes)
    }
    right = {}
    for _, _, children in nodes:
        right |= dict(itertools.pairwise(children))  # a list is a tree, too
    directory = b"".join(
        _entry(
            name,
            value,
            right.get(index, _FREE),
            children[0] if children else _FREE,
            *starts.get(index, (_END if not index else 0, 0)),
            root=not index,
        )
        for index, (name, value, children) in enumerate(nodes)
    )
    first = chain(directory + b"\0" * (-len(directory) % _SECTOR))
    size = 1
    while (len(fat) + size) * 4 > size * _SECTOR:
        size += 1
    places = [len(sectors) + number for number in range(size)]
    fat += [_FAT] * size
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(size * _SECTOR, b"\xff")
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6, b"", 0, size, first, 0, _CUTOFF, _END, 0, _END, 0,
        places[0],
    )  # fmt: skip
    rest = struct.pack(f"<{size - 1}I", *places[1:]) if size > 1 else b""
    return (header + rest).ljust(_SECTOR, b"\xff") + b"".join(sectors) + table


def _entry(name: str, value: bytes | Storage, right: int, child: int, start: int, size: int, *, root: bool) -> bytes:
    wide = name.encode("utf-16-le")
    kind = 5 if root else 1 if isinstance(value, Storage) else 2
    clsid = UUID(value.clsid).bytes_le if isinstance(value, Storage) and value.clsid else b""
    return struct.pack(
        "<64sHBBIII16sI8s8sIQ", wide, len(wide) + 2, kind, 1, _FREE, right, child, clsid, 0, b"", b"", start, size
    )


def vba_project(code: str) -> Storage:
    """Give a VBA project with one module (MS-OVBA 2.2), its code uncompressed within the compressed container."""
    module = b"Module1"
    attributes = f'Attribute VB_Name = "Module1"\r\n{code}\r\n'.encode().ljust(_CUTOFF, b"\n")
    records = b"".join(
        struct.pack("<HI", number, len(data)) + data
        for number, data in (
            (0x01, struct.pack("<I", 1)), (0x02, struct.pack("<I", 0x409)), (0x14, struct.pack("<I", 0x409)), (0x03, struct.pack("<H", 1252)),
            (0x04, b"Project"), (0x05, b""), (0x40, b""), (0x06, b""), (0x3D, b""), (0x07, struct.pack("<I", 0)), (0x08, struct.pack("<I", 0)),
        )
    )  # fmt: skip
    records += struct.pack("<HIIH", 0x09, 4, 1, 1)
    records += struct.pack("<HIHIH", 0x0C, 0, 0x3C, 0, 0)[: 6 + 6]
    records += struct.pack("<HIHHIH", 0x0F, 2, 1, 0x13, 2, 0xFFFF)
    name = struct.pack("<HI", 0x19, len(module)) + module
    name += struct.pack("<HI", 0x47, 2 * len(module)) + module.decode().encode("utf-16-le")
    name += (
        struct.pack("<HI", 0x1A, len(module))
        + module
        + struct.pack("<HI", 0x32, 2 * len(module))
        + module.decode().encode("utf-16-le")
    )
    name += struct.pack("<HIHI", 0x1C, 0, 0x48, 0)
    name += struct.pack("<HII", 0x31, 4, 0) + struct.pack("<HII", 0x1E, 4, 0) + struct.pack("<HIH", 0x2C, 2, 0xFFFF)
    name += struct.pack("<HI", 0x21, 0) + struct.pack("<HI", 0x2B, 0)
    records += name + struct.pack("<HI", 0x10, 0)
    project = b'ID="{00000000-0000-0000-0000-000000000000}"\r\nModule=Module1\r\nName="Project"\r\n'
    vba = Storage(
        {
            "dir": _container(records.ljust(_CUTOFF, b"\0")),
            "Module1": _container(attributes),
            "_VBA_PROJECT": b"\xcc\x61\xff\xff\x00\x00\x00",
        }
    )
    return Storage({"VBA": vba, "PROJECT": project})


def _container(data: bytes) -> bytes:
    """Give data in a compressed container of literal tokens (MS-OVBA 2.4.1), long enough to need no padding as a stream."""
    result = b"\x01"
    for start in range(0, len(data), 3_000):
        piece = data[start : start + 3_000]
        tokens = b"".join(b"\0" + piece[at : at + 8] for at in range(0, len(piece), 8))
        result += struct.pack("<H", (len(tokens) + 2 - 3) | 0xB000) + tokens
    return result
