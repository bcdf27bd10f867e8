"""Which header fields say what a mail filter found: mail from outside has them from somebody else, or from a forger.

Names are in the form of `Header.key`.
"""

from __future__ import annotations

from typing import Final

RESULTS: Final = b"authentication-results"
RECEIVED_SPF: Final = b"received-spf"
_OWN: Final = frozenset(
    {b"x-spam-flag", b"x-spam-status", b"x-spam-score", b"x-spam-level", b"x-virus-scanned", b"x-virus-status"}
)
_OWN_PREFIX: Final = b"x-gatepost-"


def is_own(key: bytes) -> bool:
    """Say whether fields of this name are ours alone to write."""
    return key in _OWN or key.startswith(_OWN_PREFIX)


def may_be_forged(key: bytes) -> bool:
    """Say whether a field of this name may have to be removed from mail that comes from outside."""
    return key in (RESULTS, RECEIVED_SPF) or is_own(key)
