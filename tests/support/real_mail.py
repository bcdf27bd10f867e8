"""Mail that people really got, from public collections beside the project, for tests that pass it through a mail server."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

_CORPORA: Final = Path(__file__).resolve().parents[2] / ".." / "shared" / "corpora"


def have_mail(packs: Iterable[str]) -> bool:
    """Say whether all these collections are here."""
    return all((_CORPORA / f"{pack}.tar.xz").exists() for pack in packs)


def real_mail(packs: Mapping[str, int]) -> list[bytes]:
    """Give so many messages of each collection, with CRLF and a number in X-Test-Number each."""
    found = [raw for pack, count in packs.items() for raw in _messages(pack, count)]
    return [b"X-Test-Number: %d\r\n" % number + raw for number, raw in enumerate(found)]


def _messages(pack: str, count: int) -> list[bytes]:
    with tarfile.open(_CORPORA / f"{pack}.tar.xz") as tar:
        members = (
            member for member in tar
            if member.isfile() and "/" in member.name and not member.name.endswith((".tsv", ".md"))
        )  # fmt: skip
        # Read while passing: the archive is one compressed stream.
        raw = (tar.extractfile(member).read() for member in islice(members, count))  # type: ignore[union-attr]
        return [text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for text in raw]
