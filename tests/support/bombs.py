"""Archives made to harm, generated on the fly and small to make."""

from __future__ import annotations

import functools
import gzip
import io
import struct
import tarfile
import zlib

from support.archives import assembled, central_header, local_header, written, zipped

MIB = 1024 * 1024
GIB = 1024 * MIB


@functools.cache
def deflated_zeros(size: int) -> bytes:
    """Give so many zeros as a deflate stream, in no time: one piece of it, repeated."""
    piece_bytes = 16 * MIB
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packer.compress(b"")
    first = packer.compress(bytes(piece_bytes)) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(piece_bytes)) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + piece * (size // piece_bytes - 1) + packer.flush(zlib.Z_FINISH)


def zeros_zip(size: int = 10 * GIB) -> bytes:
    """Make a ZIP archive of one file of zeros."""
    body, shown = deflated_zeros(size), min(size, 0xFFFFFFFE)
    head = local_header(b"zeros.bin", len(body), shown)
    return assembled(head + body, [central_header(b"zeros.bin", 0, len(body), shown)])


def zeros_gzip(size: int = 10 * GIB) -> bytes:
    """Make a gzip file of zeros."""
    return b"\x1f\x8b\x08" + bytes(7) + deflated_zeros(size) + bytes(8)


def forty_two(levels: int = 5, width: int = 16) -> bytes:
    """Make an archive of archives of archives, with four gigabytes in each of the innermost (the pattern of 42.zip)."""
    content = zeros_zip(4 * GIB)
    for level in range(levels):
        content = zipped({f"lib {level}-{number}.zip": content + bytes([level, number]) * 0 for number in range(width)})
    return content


def bush(levels: int = 20, width: int = 30) -> bytes:
    """Make archives in archives, all of them different, wide and deep: only counting ends it."""
    content = b"leaf"
    for level in range(levels):
        content = zipped({f"{level}-{number}.zip": content for number in range(width)})
        content = zipped({f"{level}.zip": content, "salt": b"%d" % level})
    return content


def quine() -> bytes:
    """Make a gzip file that unpacks to itself (R. Cox, "Zip Files All The Way Down", 2010); its checksum does not fit.

    All is in units of five bytes: a stored block's head, a fixed block that repeats the last twenty bytes, the gzip header
    (three units) and what ends the file (three units).
    """

    def literal(units: int) -> bytes:
        return struct.pack("<BHH", 0, 5 * units, 0xFFFF - 5 * units)

    # Two copies of length 10 (code 264) from 20 bytes back (code 8, 3 more), the end of the block: forty bits in all.
    copy = "0001000" + "01000" + "110"
    bits = "010" + 2 * copy + "0000000"
    repeat = int(bits[::-1], 2).to_bytes(5, "little")
    head = b"\x1f\x8b\x08\x08" + bytes(4) + b"\x02\x03x.gz\0"
    tail = b"\x01\0\0\xff\xff" + bytes(10)
    none, one, four = literal(0), literal(1), literal(4)
    first = (head, four, head, four, repeat, one, repeat, one, one)
    middle = (four, repeat, one, one, four, repeat, four, repeat, four, repeat, four, repeat)
    last = (four, repeat, none, none, four, repeat, none, none, four, repeat, tail, repeat, tail)
    return b"".join((*first, *middle, *last))


def overlapping(files: int = 1000) -> bytes:
    """Make a ZIP archive whose files all share one run of zeros ("A better zip bomb", WOOT 2019, its simplest form)."""
    body = deflated_zeros(64 * MIB)
    bodies = local_header(b"0", len(body), 64 * MIB) + body
    return assembled(bodies, [central_header(b"%d" % number, 0, len(body), 64 * MIB) for number in range(files)])


def many_files_zip(files: int = 250_000) -> bytes:
    """Make a ZIP archive of very many empty files."""
    heads = [local_header(b"%06x" % number, 0, 0, method=0) for number in range(files)]
    step = len(heads[0])
    entries = [central_header(b"%06x" % number, number * step, 0, 0, method=0) for number in range(files)]
    return assembled(b"".join(heads), entries)


def many_files_tar(files: int = 1_000_000) -> bytes:
    """Make a compressed tar archive of very many empty files: the same thousand, over and over."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for number in range(1000):
            archive.addfile(tarfile.TarInfo(f"{number:04}"))
        length = archive.offset
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    thousand = out.getvalue()[:length]
    first = packer.compress(thousand) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(thousand) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08" + bytes(7) + first + again * (files // 1000 - 1) + packer.flush(zlib.Z_FINISH) + bytes(8)


def sparse_tar(size: int = 10 * GIB) -> bytes:
    """Make a tar archive of one file that is all hole (GNU sparse 1.0, in pax headers)."""
    head = tarfile.TarInfo("GNUSparseFile.0/holes.bin")
    sparse_map = f"1\n{size - 512}\n512\n".encode().ljust(512, b"\0") + b"x" * 512
    head.size = len(sparse_map)
    head.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "holes.bin",
        "GNU.sparse.realsize": str(size),
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(head, io.BytesIO(sparse_map))
    return out.getvalue()


def boastful_tar() -> bytes:
    """Make a tar archive whose only file claims eight exabytes (base-256 size field)."""
    head = bytearray(tarfile.TarInfo("huge.bin").tobuf(tarfile.GNU_FORMAT))
    head[124:136] = b"\x80\0\0\0" + struct.pack(">Q", 2**63 - 1)
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + bytes(10 * 1024)


def giant_dictionary_xz() -> bytes:
    """Make an xz file that asks for a dictionary of four gigabytes (xz format 1.1.0, 5.3.1)."""
    data = bytearray(written({"data": bytes(MIB)}, "raw", "xz"))
    block_size = (data[12] + 1) * 4
    # Filter LZMA2 (0x21), one byte of properties: 40 is 4 GiB - 1.
    at = data.index(b"\x21\x01", 12)
    data[at + 2] = 40
    end = 12 + block_size - 4
    data[end : end + 4] = struct.pack("<I", zlib.crc32(bytes(data[12:end])))
    return bytes(data)


def giant_dictionary_lzma() -> bytes:
    """Make an LZMA file (the old format) that asks for a dictionary of two gigabytes."""
    data = bytearray(written({"data": bytes(MIB)}, "raw", "lzma"))
    data[1:5] = struct.pack("<I", 1 << 31)
    return bytes(data)


def giant_dictionary_7z() -> bytes:
    """Make a 7z archive that asks for a dictionary of four gigabytes: one byte of its list of files, and its checksums."""
    data = bytearray(written({"zeros.bin": bytes(MIB)}, "7zip", options="7zip:compression=lzma2"))
    start, size = struct.unpack_from("<QQ", data, 12)
    at = data.index(b"\x21\x21\x01", 32 + start)
    data[at + 3] = 40
    header = bytes(data[32 + start : 32 + start + size])
    data[28:32] = struct.pack("<I", zlib.crc32(header))
    data[8:12] = struct.pack("<I", zlib.crc32(bytes(data[12:32])))
    return bytes(data)


def solid_7z(size: int = 400 * MIB) -> bytes:
    """Make a 7z archive of one block in which small files stand behind a very large one."""
    files = {"zeros.bin": bytes(size), "small.txt": b"small"}
    return written(files, "7zip", options="7zip:compression=deflate,7zip:compression-level=1")


def nested_gzip(depth: int) -> bytes:
    """Compress a file, and that again, so many times."""
    content = b"x"
    for _ in range(depth):
        content = gzip.compress(content, 1, mtime=0)
    return content
