"""What a check is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from gatepost.evidence import Evidence, Found
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import Message


class Check(Protocol):
    """Reads a message and reports evidence; it never decides.

    `name` prefixes every code it emits; a check of several voices (`reputation`) emits evidence under the name of each, because
    it is the codes that people weigh. `codes` gives each code's one-line meaning. `after` names the checks whose evidence
    it may read in `found`. `run` is a plain synchronous function; temporary trouble is `temperror` evidence, and an
    exception becomes `<name>.error` evidence at the pipeline.
    """

    @property
    def name(self) -> str:
        """The check's name."""
        ...

    @property
    def codes(self) -> Mapping[str, str]:
        """Each code this check can emit, with its one-line meaning."""
        ...

    @property
    def after(self) -> frozenset[str]:
        """The names of the checks whose evidence this one reads."""
        ...

    def run(self, envelope: Envelope, message: Message, found: Found) -> Sequence[Evidence]:
        """Report what there is to say about the message."""
        ...
