"""Carry out the wish to strip a name: the file is delivered, and nothing opens it by its name any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gatepost.evidence import Evidence
from gatepost.mail.message import Message
from gatepost.mail.rename import rename
from gatepost.verdict import AddHeader, Edit, RemoveHeader, ReplaceBody


def stripped(message: Message, evidence: Sequence[Evidence]) -> Iterator[Edit]:
    """Give the edits that rename the parts which evidence with the code `attachment.strip` names in its fact `parts`."""
    parts = {
        int(number)
        for item in evidence
        if item.code == "attachment.strip"
        for number in item.facts.get("parts", "").split(",")
        if number.isdigit()
    }
    if not parts:
        return
    renamed = rename(message, sorted(parts))
    for name in renamed.removed:
        for nth in range(len(message.every(name.lower().encode("ascii"))), 0, -1):
            yield RemoveHeader(name, nth)
    for name, value in renamed.added:
        yield AddHeader(name, value)
    if renamed.body is not None:
        yield ReplaceBody(renamed.body)
