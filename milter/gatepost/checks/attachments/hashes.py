"""Lists of files known by their SHA-256: blocked whatever they are, or allowed whatever they look like."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from gatepost.mail import file_limits

_HASH: Final = re.compile(r"[0-9a-f]{64}")


class HashListError(Exception):
    """A list of hashes cannot be used; the text is one line."""


def load_hashes(inline: tuple[str, ...], file: str) -> frozenset[str]:
    """Give the hashes of a list, lower case: those written in the config and those in a file.

    A file has one hash to a line, as `sha256sum` prints them: what stands behind it does not count, nor do empty lines and
    those that begin with `#`. Raises HashListError.
    """
    found = {entry.lower() for entry in inline}
    if file:
        found |= _read(Path(file).expanduser())
    return frozenset(found)


def _read(path: Path) -> set[str]:
    try:
        with path.open("rb") as stream:
            data = stream.read(file_limits.HASH_LIST_BYTES + 1)
    except OSError as error:
        raise HashListError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > file_limits.HASH_LIST_BYTES:
        raise HashListError(f"{path}: larger than {file_limits.HASH_LIST_BYTES:,} bytes")
    found = set()
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        entry = line.split(maxsplit=1)[0].lower() if line.strip() else "#"
        if entry.startswith("#"):
            continue
        if not _HASH.fullmatch(entry):
            raise HashListError(f"{path}:{number}: not a SHA-256 in hex (64 digits)")
        found.add(entry)
    return found
