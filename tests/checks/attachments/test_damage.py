"""Damaged archives of every kind: told with words of the list, and the process that reads them lives on."""

import random

import pytest

from gatepost.checks.attachments.bounds import Settings
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
