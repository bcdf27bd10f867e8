"""Header fields past the limits: not kept, but for who the author is and which names must not stay.

A sender who fills the header hides neither his own name nor a forged verdict (RFC 8601 5).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gatepost.mail import limits
from gatepost.mail.forgeable import may_be_forged
from gatepost.mail.header import Header


@dataclass(slots=True)
class Late:
    """What is kept of late fields, top first: From fields cut to what is read of one, and the names of fields to be removed.

    Past limits.FORGED_FIELDS such names it is `overfull`: the message could not be cleaned.
    """

    authors: list[Header] = field(default_factory=list)
    passed: list[bytes] = field(default_factory=list)
    overfull: bool = False

    def take(self, late: Header) -> None:
        """Note what must be known of a field."""
        key = late.key
        if key == b"from" and len(self.authors) < limits.LATE_AUTHORS:
            self.authors.append(Header(late.name, late.value[: limits.FROM_BYTES + 1]))
        elif may_be_forged(key):
            if len(self.passed) < limits.FORGED_FIELDS and len(late.name) <= limits.FIELD_NAME_BYTES:
                self.passed.append(late.name)
            else:
                self.overfull = True
