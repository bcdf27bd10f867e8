"""Damaged archives of every kind: told with words of the list, and the process that reads them lives on."""

import io
import random
import zipfile
import zlib

import pytest

from gatepost.checks.attachments.bounds import Settings
from gatepost.checks.attachments.formats import Kind
from gatepost.checks.attachments.inspect import inspect_file
from gatepost.checks.attachments.obstacles import CODES
from gatepost.checks.attachments.unpacker import open_unpacker
from support import archives
from support.unpacking import look_into

FILES = {"hello.txt": b"Hello, world. " * 20, "b/c.bin": bytes(range(256)) * 12}
KINDS = {
    **{
        maker.__name__: maker
        for maker in (archives.zipped, archives.tarred, archives.cabbed, archives.lha, archives.rar4)
    },
    **{
        maker.__name__: maker for maker in (archives.rar5, archives.rpm, archives.arj, archives.ace, archives.uuencoded)
    },
    "7z": archives.seven_zipped,
    "zip, locked": lambda files: archives.zipped_with_password(files, "secret"),
    "rar4, locked": lambda files: archives.rar4_locked(files, "secret"),
    "rar5, locked": lambda files: archives.rar5_locked(files, "secret", hide_names=True),
    **{
        form: lambda files, form=form: archives.written(files, form)
        for form in ("cpio_newc", "ar_bsd", "xar", "iso9660")
    },
    **{
        method: lambda files, method=method: archives.compressed(files["hello.txt"], method)
        for method in ("gzip", "bzip2", "xz", "lzma", "lzip", "zstd", "lz4", "compress")
    },
}
ROUNDS = 12


@pytest.fixture(scope="module")
def unpacker():
    """Give a jail that serves all."""
    unpacker = open_unpacker(Settings(jail_processes=1))
    yield unpacker
    unpacker.close()


def damaged(data: bytes, dice: random.Random) -> bytes:
    """Change, cut, double or fill a few places."""
    out = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 4, 16))):
        at = dice.randrange(len(out))
        match dice.randrange(5):
            case 0:
                out[at] ^= 1 << dice.randrange(8)
            case 1:
                out[at] = dice.randrange(256)
            case 2:
                out[at : at + 4] = b"\xff" * 4
            case 3 if len(out) > 100:
                del out[at : at + dice.randrange(1, 50)]
            case _:
                out[at:at] = out[: dice.randrange(1, 20)]
    return bytes(out)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_does_not_fell_the_reader(kind, unpacker) -> None:
    """However an archive is damaged, its reader answers in time, and says no more than it may."""
    dice = random.Random(f"damage to {kind}")
    whole = KINDS[kind](FILES)
    for _ in range(ROUNDS):
        examined = look_into(damaged(whole, dice), "x", ["secret"], unpacker)
        codes = {finding.code for item in examined.items for finding in item.findings}
        assert codes <= CODES.keys() | {"attachment.polyglot"}
        assert not codes & {"attachment.error", "attachment.timeout"}


RELATIONS = (
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r" TargetMode="External" '
    b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate" Target="http://x.example/t.dotm"/></Relationships>'
)


def _document(change: bytes, to: bytes) -> bytes:
    """Give a document whose template lies elsewhere, with a piece of its two ZIP headers changed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("word/_rels/settings.xml.rels", RELATIONS)
    assert packed.getvalue().count(change) == 2
    return packed.getvalue().replace(change, to)


def test_a_wrong_checksum_hides_nothing_of_a_document() -> None:
    """A part whose checksum is wrong is read all the same, as by programs that repair the document."""
    checksum = zlib.crc32(RELATIONS)
    data = _document(checksum.to_bytes(4, "little"), (checksum ^ 1).to_bytes(4, "little"))
    assert [found.code for found in inspect_file(Kind.OOXML, "a.docx", data, ()).findings] == ["attachment.template"]


def test_a_part_that_cannot_be_read_is_said() -> None:
    """A document with a part packed in a way that nobody knows is damaged, not clean."""
    size = len(RELATIONS).to_bytes(4, "little")
    data = _document(size * 2, (len(RELATIONS) + 90_000).to_bytes(4, "little") * 2)
    assert "attachment.damaged" in [found.code for found in inspect_file(Kind.OOXML, "a.docx", data, ()).findings]


def test_a_wrong_checksum_hides_nothing_of_a_damaged_pdf() -> None:
    """A packed stream of a PDF that cannot be opened is searched though its checksum is wrong."""
    packed = zlib.compress(b"<</S/JavaScript/JS(app.alert(1))>>")[:-4] + b"\0\0\0\1"
    data = b"%PDF-1.4\n1 0 obj <</Filter/FlateDecode/Length 1>>stream\n" + packed + b"\nendstream endobj\n"
    codes = [found.code for found in inspect_file(Kind.PDF, "a.pdf", data, ()).findings]
    assert codes == ["attachment.damaged", "attachment.javascript"]
