"""What opening a large attachment costs: wall milliseconds of one message with 10 MB attached, through a real jail.

The goal is 250 ms without the virus scanner. All time counts: reading the type, the way into the jail and back, hashing,
unpacking, looking into every file. The process is warm; what its start costs stands in a line of its own, and so does what the
worker itself spends on the processor meanwhile.

Run: python tests/bench/bench_unpacking.py [--rounds N]
"""

from __future__ import annotations

import argparse
import io
import random
import statistics
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PIL import Image

from gatepost.checks.attachments.bounds import Settings
from gatepost.checks.attachments.unpacker import open_unpacker
from gatepost.mail.readings import Reading
from support import archives, bombs, files

GOAL_MS: Final = 250.0
_SIZE: Final = 10_000_000
_PASSWORD: Final = "S3cret"


def _words(size: int) -> bytes:
    """Give text with the redundancy of a log."""
    dice = random.Random(1)
    names = [dice.randbytes(4).hex() for _ in range(5_000)]
    return " ".join(dice.choice(names) for _ in range(size // 9)).encode()


def _photo() -> bytes:
    """Give a JPEG of about 10 MB: noise does not compress."""
    out = io.BytesIO()
    noise = Image.frombytes("RGB", (3_000, 2_000), random.Random(2).randbytes(18_000_000))
    noise.save(out, "JPEG", quality=80)
    return out.getvalue()


def _pdf() -> bytes:
    """Give a PDF of which most is one embedded stream, as a scan is."""
    stream = random.Random(3).randbytes(_SIZE)
    page = files.pdf()
    at = page.rfind(b"startxref")
    return (
        page[:at]
        + b"99 0 obj\n<< /Length %d >>\nstream\n" % len(stream)
        + stream
        + b"\nendstream\nendobj\n"
        + page[at:]
    )


def _attachments() -> dict[str, tuple[str, bytes]]:
    """Give a name and content for each kind."""
    noise, text = random.Random(4).randbytes(_SIZE), _words(_SIZE)
    photos = {f"{number}.bin": noise[number * 500_000 :][:500_000] for number in range(20)}
    return {
        "random bytes": ("x.bin", noise),
        "text": ("x.log", text),
        "photo": ("x.jpg", _photo()),
        "pdf, a scan": ("x.pdf", _pdf()),
        "zip of 20 files, stored": ("x.zip", archives.zipped(photos, zipfile.ZIP_STORED)),
        "zip of 20 files, deflated": ("x.zip", archives.zipped(photos)),
        "zip of 30 MB of text": ("x.zip", archives.zipped({"x.log": text * 3})),
        "tar.gz": ("x.tgz", archives.written(photos, "ustar", "gzip")),
        "tar.xz of text": ("x.txz", archives.written({"x.log": text}, "ustar", "xz")),
        "7z": ("x.7z", archives.written(photos, "7zip", options="7zip:compression=lzma1,7zip:compression-level=1")),
        "iso": ("x.iso", archives.written(photos, "iso9660")),
        "zip, AES, password given": ("x.zip", archives.zipped_with_password(photos, _PASSWORD)),
        "zip, old encryption": ("x.zip", archives.zipped_with_password(photos, _PASSWORD, "zipcrypt")),
        "7z, AES, password given": ("x.7z", archives.seven_zipped({"x.bin": noise}, _PASSWORD)),
        "rar5, AES, password given": ("x.rar", archives.rar5_locked(photos, _PASSWORD)),
        "bomb: 10 GB of zeros": ("x.zip", bombs.zeros_zip()),
    }


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of one message: until the answer, on the processor in the jail, on the processor in the worker."""

    wall: float
    jail: float
    worker: float


def _spent(clock: Callable[[], float], action: Callable[[], object]) -> float:
    begin = clock()
    action()
    return 1e3 * (clock() - begin)


def _jail_seconds(unpacker: Any) -> float:
    """Give the processor time of the process that waits for work (proc(5), schedstat)."""
    return sum(int(Path(f"/proc/{cell.pid}/schedstat").read_text().split()[0]) for cell in unpacker._jail._idle) / 1e9


def measure(rounds: int = 5) -> dict[str, Cost]:
    """Give the cost by what is attached."""
    unpacker = open_unpacker(Settings())
    small = [Reading(1, "x.pdf", "", b"%PDF-1.4")]

    def start() -> None:
        unpacker.close()
        unpacker.examine(small, (), 30.0)

    found = {
        "(start of the process)": Cost(statistics.median(_spent(time.perf_counter, start) for _ in range(3)), 0.0, 0.0)
    }
    attached = {"a small file": ("x.bin", b"\0small"), **_attachments()}
    for what, (name, data) in attached.items():
        message = [Reading(1, name, "application/octet-stream", data)]

        def look(message: list[Reading] = message) -> None:
            unpacker.examine(message, ["wrong", _PASSWORD], 30.0)

        look()
        wall = statistics.median(_spent(time.perf_counter, look) for _ in range(rounds))
        jail = statistics.median(_spent(lambda: _jail_seconds(unpacker), look) for _ in range(rounds))
        found[what] = Cost(wall, jail, statistics.median(_spent(time.process_time, look) for _ in range(rounds)))
    unpacker.close()
    return found


def report(found: dict[str, Cost]) -> None:
    """Print one line for each, those over the goal marked."""
    print(
        f"a message with 10 MB attached, through the jail (goal {GOAL_MS:.0f} ms)\n{'':28}{'wall':>10}{'jail CPU':>12}{'worker CPU':>12}"
    )
    for what, cost in found.items():
        over = "  over" if cost.wall > GOAL_MS else ""
        print(f"{what:28}{cost.wall:10.1f}{cost.jail:12.1f}{cost.worker:12.1f}{over}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    report(measure(parser.parse_args().rounds))
