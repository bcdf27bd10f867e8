"""The mail servers Gatepost is tested behind, with what is particular to each written down as data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from support import postfix, sendmail
from support.daemon import Daemon
from support.postfix import Postfix, private_postfix
from support.sendmail import Sendmail, private_sendmail
from support.smtp_sink import Delivered, Sink, smtp_sink
from support.waiting import until

M = TypeVar("M")


@dataclass(frozen=True)
class Habits:
    """What differs between mail servers and is none of Gatepost's doing."""

    start: Callable[[str, Sink], AbstractContextManager[Postfix | Sendmail]]
    missing: Callable[[], str]
    client: str
    """The address that test mail comes from."""
    refused_recipient: bytes
    """How it words a recipient refused as `not this one`."""
    kept_back: tuple[bytes, ...]
    """Fields that the filter does not get."""
    reason_of_hold: str
    """What it keeps of `looks odd`, the reason of a quarantined message."""
    smtputf8: bool
    """Whether it takes mail with addresses in UTF-8."""


HABITS: Final[Mapping[str, Habits]] = {
    "postfix": Habits(
        start=lambda address, sink: private_postfix([address], sink),
        missing=postfix.missing,
        client="198.51.100.7",
        refused_recipient=b"5.7.1 not this one",
        # message_drop_headers takes them before the filters see the message.
        kept_back=(b"return-path", b"bcc", b"content-length"),
        # It logs that a message is held, not why.
        reason_of_hold="",
        smtputf8=True,
    ),
    "sendmail": Habits(
        start=private_sendmail,
        missing=sendmail.missing,
        client=sendmail.CLIENT,
        # It quotes the recipient before the text of any filter.
        refused_recipient=b"5.7.1 <refused@example.org>... not this one",
        kept_back=(),
        reason_of_hold="looks odd",
        # Debian builds it without EAI.
        smtputf8=False,
    ),
}
HERE: Final = [name for name, habits in HABITS.items() if not habits.missing()]


class Site(Generic[M]):
    """A sink, a daemon and a mail server between them."""

    def __init__(self, sink: Sink, daemon: Daemon, mta: M) -> None:
        self.sink = sink
        self.daemon = daemon
        self.mta = mta


@contextmanager
def site(
    start: Callable[[str, Sink], AbstractContextManager[M]], daemon: AbstractContextManager[Daemon]
) -> Iterator[Site[M]]:
    """Run a mail server, given by what starts it for an address of a filter, behind a daemon and before a sink."""
    with smtp_sink() as sink, daemon as running, start(running.address, sink) as mta:
        yield Site(sink, running, mta)


def marked(marker: str, fields: str = "") -> bytes:
    """Give a message that can be told from others at the far end."""
    return f"From: a@example.net\r\nSubject: {marker}\r\n{fields}\r\nHello.\r\n".encode()


def delivered(sink: Sink, marker: str, field: str = "Subject") -> Delivered:
    """Wait for the message with this text in this field."""
    return until(
        lambda: next((found for found in sink.delivered if marker in found.every(field)), None),
        f"{marker} delivered",
    )
