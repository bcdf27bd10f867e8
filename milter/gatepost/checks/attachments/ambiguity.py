"""Do all mail clients open the same things in the message? Says so where they do not.

A filter reads MIME in one way and the reader's client in another, and what only the client opens was never looked at. Filters
therefore read a message in every way that clients are known to (mail/readings.py), and the virus and attachment checks look at
each reading. But a list of known ways is never complete: a message that is written so that readers differ over what it
delivers was written to get past somebody, whether or not anything was found in it. That is `mime.ambiguous`.

Sloppy mail is not that. A missing close delimiter, text behind base64, a boundary that no delimiter uses, `=` in a text that
calls itself quoted-printable: all readers show the same, or the same text with blemishes. It is `mime.sloppy` and weighs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gatepost.evidence import Evidence, Found, Status
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import Message
from gatepost.mail.mime import Part
from gatepost.mail.readings import Ambiguity, ambiguities

CODES: Final[Mapping[str, str]] = {
    "mime.ambiguous": "Mail clients differ over what they would open in the message, so its MIME structure hides something from some.",
    "mime.partial": "The message is a fragment (message/partial) that the reader's client would put together with others, unseen.",
    "mime.external": "A part of the message lies elsewhere (message/external-body), where nobody has looked at it.",
    "mime.names": "A file has several names that end differently; clients differ over which one counts.",
    "mime.sloppy": "The MIME structure of the message has flaws over which clients do not differ.",
}

_ENDING: Final = re.compile(r"\.([a-z][a-z0-9]{0,9})\Z", re.IGNORECASE)
_SHOWN: Final = 3


class MimeCheck:
    """The check `mime`. Reads nothing but the message."""

    name: Final = "mime"
    codes: Final = CODES
    after: Final[frozenset[str]] = frozenset()

    def run(self, envelope: Envelope, message: Message, found: Found) -> Sequence[Evidence]:  # noqa: ARG002  the contract
        """Report what readers differ over; nothing at all on a message whose structure is well formed."""
        said = list(_of_types(message.mime.parts))
        differ = ambiguities(message)
        if differ:
            said.append(_ambiguous(differ))
        elif message.mime.defects:
            flaws = ", ".join(sorted(message.mime.defects))
            said.append(Evidence("mime", "mime.sloppy", Status.NEUTRAL, f"The MIME structure has flaws: {flaws}."))
        return said


def _ambiguous(differ: Sequence[Ambiguity]) -> Evidence:
    """Make the evidence for what readers differ over; the sentence names the first few."""
    details = "; ".join(each.detail for each in differ[:_SHOWN])
    more = f"; and {len(differ) - _SHOWN} more" if len(differ) > _SHOWN else ""
    kinds = " ".join(dict.fromkeys(each.kind for each in differ))
    detail = f"Mail clients differ over what they would open: {details}{more}."
    return Evidence("mime", "mime.ambiguous", Status.FAIL, detail, facts={"mime.kinds": kinds})


def _of_types(parts: Sequence[Part]) -> Iterator[Evidence]:
    """Report what the parts say about themselves: fragments, content elsewhere, several names; each once."""
    said: set[str] = set()
    for number, part in enumerate(parts, start=1):
        code, detail = _of_type(number, part)
        if code and code not in said:
            said.add(code)
            yield Evidence("mime", code, Status.POLICY, detail)


def _of_type(number: int, part: Part) -> tuple[str, str]:
    """Give the code and the sentence for what is remarkable about a part's fields, or two empty texts."""
    if part.content_type == "message/partial":
        return "mime.partial", f"Part {number} is a fragment of a message."
    if part.content_type == "message/external-body":
        return "mime.external", f"The content of part {number} lies elsewhere."
    if part.filename:
        names = (part.filename, *part.other_names)
        if len({match[1].lower() for name in names if (match := _ENDING.search(name))}) > 1:
            return "mime.names", f"Part {number} is called {' and '.join(names[:_SHOWN])}."
    return "", ""
