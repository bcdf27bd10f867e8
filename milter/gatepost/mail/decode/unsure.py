"""How much of one message is decoded in every known way: bodies over which decoders differ, one allowance for all of them."""

from __future__ import annotations

from dataclasses import dataclass

from gatepost.mail import limits


@dataclass(slots=True)
class Unsure:
    """What is left for further bodies: bytes, and places that are mended one by one; `cut` says that a body had to do without."""

    size: int = limits.UNSURE_BYTES
    places: int = limits.VIRUS_REPAIRS
    cut: bool = False

    def take(self, size: int, places: int = 0) -> bool:
        """Take a body of so many bytes and places; False where it is to be decoded in the usual way and in one other."""
        if size > self.size or self.places <= 0:
            self.cut = True
            return False
        self.size -= size
        self.places -= places
        return True
