"""Passwords tried on encrypted files: what opened one file of a message is tried first on the next."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Final

from gatepost.mail import file_limits

TRYING_SECONDS: Final = 4.0
"""Time spent on wrong passwords for one message: 7z takes a tenth of a second for each, on purpose. Past it what is still
closed counts as encrypted, and the rest of the message is looked into all the same."""


class Keys:
    """The passwords that a message offers, the last one that fitted first."""

    def __init__(self, passwords: Iterable[str]) -> None:
        self._passwords = list(dict.fromkeys(passwords))
        self._left = TRYING_SECONDS

    def __iter__(self) -> Iterator[str]:
        """Give the passwords in the order in which to try them, while there is time for it."""
        for password in tuple(self._passwords):
            if self._left <= 0:
                return
            begin = time.monotonic()
            yield password
            self._left -= time.monotonic() - begin

    def fitted(self, password: str) -> None:
        """Note that a password opened something."""
        self._passwords.remove(password)
        self._passwords.insert(0, password)

    def add(self, passwords: Iterable[str]) -> None:
        """Take passwords that a file inside of the message gives, to be tried first; of too many the last ones are dropped."""
        self._passwords = list(dict.fromkeys((*passwords, *self._passwords)))[: 2 * file_limits.PASSWORDS]
