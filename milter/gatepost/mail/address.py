"""Mail addresses, and the one author of a message.

`author()` is the only From parser in Gatepost: DMARC, reputation, display checks and logs all use it. An attacker's way
in is a From field that two readers read differently, so whatever is not plainly one mailbox is said to be `ambiguous` or
`malformed` instead of being guessed at (RFC 5322 3.4 and 3.6.2, RFC 6532, RFC 9989 for multiple authors).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: `local`, `domain` (lower case, A-label form; "" when there is none) and the display name."""

    local: str
    domain: str = ""
    display: str = ""

    @property
    def spec(self) -> str:
        """The addr-spec, `local@domain`, or the bare local part where there is no domain."""
        return f"{self.local}@{self.domain}" if self.domain else self.local
