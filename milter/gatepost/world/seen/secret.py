"""The key under which people's addresses are hashed before they are kept.

All who share a store must hash alike, or a reply that arrives at one host is unknown to the one that sent the letter. So the
key is the site's own (`[headers] signing_key`) where it is given, which is the same on all nodes; the key file's beside an
embedded store, which has one host alone; and else a random one that the first node puts into the shared store and the others read there. In
that last case whoever has the whole store has the key as well, and can try addresses against it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from typing import Final

from gatepost.world.state.door import Get, Put, State, StateUnavailableError
from gatepost.world.state.keys import key

_PLACE: Final = key("site", "secret")
_KEPT_SECONDS: Final = 400 * 86_400
_DIGEST_BYTES: Final = 12


class Secret:
    """The site's key for people's addresses; safe between threads, asks the store once in each process where it has to."""

    def __init__(self, given: bytes = b"", state: State | None = None) -> None:
        """Take the key, or the store to agree on one through; one of the two."""
        self._state = state
        self._lock = threading.Lock()
        self._key = _derived(given) if given else None

    def ready(self) -> bool:
        """Say whether there is a key; False while the store that would have it is away. Never raises."""
        if self._key is None and self._state is not None:
            with self._lock:
                if self._key is None:
                    self._key = _agreed(self._state)
        return self._key is not None

    def digest(self, *words: str) -> str:
        """Give the keyed hash of words, 24 hexadecimal digits; raises RuntimeError where there is no key (`ready()`)."""
        if self._key is None:
            raise RuntimeError("there is no key to hash people's addresses with")
        text = "\0".join(words).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=_DIGEST_BYTES, key=self._key).hexdigest()


def _derived(given: bytes) -> bytes:
    """Give a key of this purpose alone: the same secret signs verdicts."""
    return hmac.new(given, b"gatepost people", hashlib.sha256).digest()


def _agreed(state: State) -> bytes | None:
    """Give the key in the store, putting one there first if there is none; None while the store is away."""
    try:
        _, found = state.exchange([Put(_PLACE, secrets.token_bytes(32), _KEPT_SECONDS, absent_only=True), Get(_PLACE)])
        if not isinstance(found, bytes) or state.degraded():
            return None
        state.exchange([Put(_PLACE, found, _KEPT_SECONDS)])  # It lives as long as somebody uses it.
    except StateUnavailableError:
        return None
    return _derived(found)
