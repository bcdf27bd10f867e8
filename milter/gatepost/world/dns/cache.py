"""Answers kept for a while, bounded in number and in bytes.

Reading takes no lock: a dictionary look-up is atomic in CPython, and an entry never changes. The oldest entries go first
when there are too many; an attacker who asks for a million names pushes out old answers and nothing else.
"""

from __future__ import annotations

import threading
from typing import Final

from gatepost.world.dns.door import Answer, Records, RecordType

Key = tuple[str, RecordType]

_ENTRY_BYTES: Final = 500  # a dictionary slot, a key, an answer without its values; measured with sys.getsizeof


class AnswerCache:
    """Maps questions to answers until they expire; safe to use from many threads."""

    def __init__(self, entries: int, size: int) -> None:
        """Take the most entries and the most bytes to hold."""
        self._entries, self._size = entries, size
        self._held = 0
        self._lock = threading.Lock()
        self._answers: dict[Key, tuple[float, Answer, int]] = {}

    def get(self, key: Key, now: float) -> Answer | None:
        """Give the answer, or None when there is none or it has expired; `now` is monotonic."""
        entry = self._answers.get(key)
        return entry[1] if entry is not None and now < entry[0] else None

    def put(self, key: Key, answer: Answer, expires: float) -> None:
        """Keep an answer until a monotonic time."""
        size = _ENTRY_BYTES + len(key[0]) + answer_bytes(answer)
        with self._lock:
            self._drop(key)
            self._answers[key] = (expires, answer, size)
            self._held += size
            while self._answers and (len(self._answers) > self._entries or self._held > self._size):
                self._drop(next(iter(self._answers)))

    def __len__(self) -> int:
        return len(self._answers)

    def _drop(self, key: Key) -> None:
        """Forget an entry."""
        entry = self._answers.pop(key, None)
        if entry is not None:
            self._held -= entry[2]


def answer_bytes(answer: Answer) -> int:
    """Give roughly how many bytes of data an answer holds."""
    if not isinstance(answer, Records):
        return 0
    return sum(len(value[1]) if isinstance(value, tuple) else len(value) for value in answer.values)
