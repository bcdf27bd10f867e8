"""What may stand in the way of opening a file, each told apart: none of it is "clean".

A detail is a phrase that follows the file's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gatepost.checks.attachments.item import Finding

CODES: Final[Mapping[str, str]] = {
    "attachment.encrypted": "A file is protected by a password that the message does not give; what is inside is not known.",
    "attachment.decrypted": "A file is protected by a password, and the message gives it: a way to keep it from being looked into.",
    "attachment.bomb": "A file unpacks to an amount out of all proportion, as only made to harm.",
    "attachment.limit": "A file is nested too deeply, or holds too many or too large files, to be opened to its end.",
    "attachment.unopened": "A file is packed in a way that is not opened here; what is inside is not known.",
    "attachment.damaged": "An archive is damaged or cut off and cannot be read to its end.",
    "attachment.ambiguous": "An archive says two different things about what it holds, so that programs differ in what they unpack.",
    "attachment.traversal": "An archive names a file outside of the folder that it is unpacked in.",
    "attachment.timeout": "A file took longer to look into than there was time.",
    "attachment.error": "A file could not be looked into: the program that reads it failed.",
}
"""The codes that opening a file can give, with their one-line meanings."""


def obstacle(word: str, detail: str) -> Finding:
    """Give a finding of this module: the last word of its code, and a phrase that follows the file's name."""
    return Finding(f"attachment.{word}", detail)


LOCKED: Final = obstacle("encrypted", "is protected by a password")
OPENED: Final = obstacle("decrypted", "is protected by a password that the message gives")


class Stopped(Exception):  # noqa: N818  a stop is no error
    """The file at hand cannot be opened further; `finding` says why."""

    def __init__(self, word: str, detail: str) -> None:
        super().__init__(detail)
        self.finding = obstacle(word, detail)


def locked() -> Stopped:
    """Give the stop at a file that no password opens."""
    return Stopped("encrypted", LOCKED.detail)


class Exhausted(Stopped):
    """A limit of the whole message is reached: no further file of it is opened."""
