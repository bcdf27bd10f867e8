"""The glue to libmilter: no exception leaves a callback, and none is forgotten.

libmilter is replaced by a context that notes what is asked of it; the real one is played against in tests/dialogs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import Milter
import pytest

from gatepost.arrival import callbacks
from gatepost.arrival.callbacks import Filter, Site
from gatepost.arrival.judge import Answer, Kind
from gatepost.arrival.session import Ours
from gatepost.arrival.settings import Settings, Trouble
from gatepost.mail import limits
from gatepost.mail.header import Header
from gatepost.verdict import Accept, AddHeader, RemoveHeader, Verdict

OFFER = [0x1FF, 0x1FFFFF, 0, 0]


@dataclass
class Context:
    """libmilter's side of a connection."""

    private: object = None
    replies: list[tuple[str, ...]] = field(default_factory=list)
    headers: list[tuple[str, str, int]] = field(default_factory=list)
    removed: list[tuple[str, int]] = field(default_factory=list)
    refuse_symbols: bool = False

    def setpriv(self, value: object) -> None:
        """Keep the filter."""
        self.private = value

    def getpriv(self) -> object:
        """Give the filter."""
        return self.private

    def getsymval(self, *_: object) -> None:
        """Know no macro."""

    def setsymlist(self, *_: object) -> None:
        """Take a list of macros, or refuse it."""
        if self.refuse_symbols:
            raise Milter.error("cannot set macro list")

    def setreply(self, *words: str) -> None:
        """Note a reply."""
        self.replies.append(words)

    def chgheader(self, name: str, nth: int, value: str | None) -> None:
        """Note a field that goes."""
        assert value is None
        self.removed.append((name, nth))

    def addheader(self, name: str, value: str, index: int) -> None:
        """Note a field."""
        self.headers.append((name, value, index))


class Judge:
    """Accepts everything with one header."""

    def warm(self, *_: object) -> None:
        """Do nothing."""

    def foresee(self, *_: object) -> None:
        """Do nothing."""

    def listen(self, *_: object) -> None:
        """Listen to nobody."""

    def admit(self, *_: object) -> Accept:
        """Take everybody."""
        return Accept()

    def refused(self, *_: object) -> None:
        """Do nothing."""

    def judge(self, *_: object) -> Verdict:
        """Accept."""
        return Verdict(Accept(), 0.0, edits=(AddHeader("X-Seen", "yes"),))

    def clean(self, *_: object) -> tuple[RemoveHeader, ...]:
        """Take two forged fields out."""
        return RemoveHeader("X-Seen", 2), RemoveHeader("X-Seen", 1)


class Failing(Judge):
    """Cannot judge."""

    def judge(self, *_: object) -> Verdict:
        """Fail as a bug outside any check would."""
        raise MemoryError("no more")


def site(on_error: Trouble = Trouble.TEMPFAIL, judge: Judge | None = None) -> Site:
    """Give a site, with the accepting judge where none is given."""
    return Site(Settings(on_error=on_error), judge or Judge(), lambda _: Answer(Kind.CONTINUE))


def event(of: Site, step: str, call: Callable[..., int]) -> Callable[..., int]:
    """Give the function that libmilter would call."""
    return callbacks._event(of, Ours(), step, call)


def fails(*_: object) -> int:
    """Fail as a bug in the filter would."""
    raise MemoryError("no more")


def begun(of: Site) -> Context:
    """Give a connection with a message under way."""
    context = Context()
    event(of, "negotiate", Filter.negotiate)(context, list(OFFER))
    event(of, "mail", Filter.mail)(context, b"<a@example.net>")
    return context


@pytest.mark.parametrize("step", ["header", "body", "mail"])
@pytest.mark.parametrize(
    ("on_error", "code", "rcode"),
    [
        (Trouble.TEMPFAIL, Milter.TEMPFAIL, "451"),
        (Trouble.REJECT, Milter.REJECT, "550"),
        (Trouble.ACCEPT, Milter.CONTINUE, ""),
    ],
)
def test_a_failure_on_the_way_is_answered_at_the_end(step: str, on_error: Trouble, code: int, rcode: str):
    """Where the MTA waits for no decision, an exception is remembered: the message is never judged in part."""
    of = site(on_error)
    context = begun(of)
    assert event(of, step, fails)(context, b"x", b"y") in {Milter.CONTINUE, Milter.NOREPLY}
    assert event(of, "eom", Filter.eom)(context) == code
    assert [reply[0] for reply in context.replies] == ([rcode] if rcode else [])
    assert context.headers == []
    assert context.removed == ([] if rcode else [("X-Seen", 2), ("X-Seen", 1)])
    assert of.traffic.in_flight == 0


@pytest.mark.parametrize(
    ("on_error", "removed"), [(Trouble.ACCEPT, [("X-Seen", 2), ("X-Seen", 1)]), (Trouble.TEMPFAIL, [])]
)
def test_mail_let_through_unjudged_keeps_no_forged_verdict(on_error: Trouble, removed: list[tuple[str, int]]):
    """Where [milter] on_error = "accept", a message that could not be judged is cleaned of what it claims to have been judged as."""
    of = site(on_error, Failing())
    context = begun(of)
    assert event(of, "eom", Filter.eom)(context) == (Milter.TEMPFAIL if not removed else Milter.CONTINUE)
    assert (context.headers, context.removed) == ([], removed)
    assert of.traffic.in_flight == 0


def test_what_cannot_be_cleaned_is_refused(caplog: pytest.LogCaptureFixture):
    """A header with more forged fields past its limits than are remembered is refused for good, with one line in the log."""
    of = site(Trouble.ACCEPT)
    context = begun(of)
    header = event(of, "header", Filter.header)
    for name, times in ((b"X-F", limits.HEADER_FIELDS), (b"X-Spam-Flag", limits.FORGED_FIELDS + 1)):
        for _ in range(times):
            header(context, name, b" 1")
    assert event(of, "eom", Filter.eom)(context) == Milter.REJECT
    assert context.replies == [("552", "5.3.4", "Message header too large")]
    assert context.headers == []
    assert len(caplog.records) == 1


def test_the_next_message_is_untouched_by_it():
    """The failure belongs to its message alone."""
    of = site()
    context = begun(of)
    event(of, "header", fails)(context, b"x", b"y")
    event(of, "eom", Filter.eom)(context)
    event(of, "mail", Filter.mail)(context, b"<a@example.net>")
    assert event(of, "eom", Filter.eom)(context) == Milter.CONTINUE
    assert context.headers == [("X-Seen", " yes", -1)]


def test_a_failed_negotiation_refuses_the_connection():
    """Without an agreement nothing can be examined, so the MTA is left to its default action."""
    context = Context()
    assert event(site(), "negotiate", fails)(context, list(OFFER)) == Milter.REJECT


def test_an_mta_that_takes_no_macro_list_is_served():
    """Its own choice of macros has to do."""
    context = Context(refuse_symbols=True)
    assert event(site(), "negotiate", Filter.negotiate)(context, list(OFFER)) == Milter.CONTINUE


def test_end_of_message_without_a_message():
    """An end that no MAIL began is trouble, never an acceptance."""
    context = Context()
    event(site(), "negotiate", Filter.negotiate)(context, list(OFFER))
    assert event(site(), "eom", Filter.eom)(context) == Milter.TEMPFAIL


def test_close_without_connect():
    """A connection that ends before it began is no trouble, and lets go of the filter."""
    of = site()
    close = callbacks._closing(event(of, "close", Filter.close))
    assert close(Context()) == Milter.CONTINUE
    context = begun(of)
    held = context.private
    close(context)
    assert held._ctx is None
    assert of.traffic.in_flight == 0


class Foreseeing(Judge):
    """Notes the fields that it is shown, and fails at one."""

    def __init__(self) -> None:
        self.shown: list[bytes] = []

    def foresee(self, field: Header) -> None:
        """Note a field."""
        self.shown.append(field.line)
        if b"raise" in field.value:
            raise RuntimeError("foresee")


class Listening(Judge):
    """A judge that listens, and raises at a word."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.given: list[object] = []
        self.stopped = 0

    def listen(self, *_: object) -> Listening:
        """Be the listener."""
        return self

    def hear(self, piece: bytes) -> None:
        """Keep it."""
        self.heard.append(piece)
        if piece.startswith(b"raise"):
            raise RuntimeError("hear")

    def stop(self) -> None:
        """Count it."""
        self.stopped += 1

    def judge(self, envelope: object, message: object, heard: object = None) -> Verdict:
        """Note who listened."""
        self.given.append(heard)
        return super().judge(envelope, message)


@pytest.mark.parametrize("word", [b"fine", b"raise"])
def test_the_judge_listens_to_large_mail(word: bytes):
    """From a quarter of a megabyte on the judge's listener hears the body and comes back at its end; one that fails costs nothing."""
    judge = Listening()
    of = Site(Settings(), judge, lambda _: Answer(Kind.CONTINUE))
    context = begun(of)
    event(of, "header", Filter.header)(context, b"From", b" a@b.example")
    body = event(of, "body", Filter.body)
    chunks = [*[b"x" * 65_535] * 5, word, b"y"]
    for chunk in chunks:
        assert body(context, chunk) == Milter.CONTINUE
    assert event(of, "eom", Filter.eom)(context) == Milter.CONTINUE
    fine = word == b"fine"
    assert judge.heard == [b"From: a@b.example\r\n", b"\r\n", b"", *chunks[: None if fine else -1]]
    assert judge.given == [judge if fine else None]
    assert judge.stopped == 1
    assert context.headers == [("X-Seen", " yes", -1)]


def test_the_judge_does_not_listen_to_small_mail():
    """Below that nobody is asked whether he wants to listen."""
    judge = Listening()
    of = Site(Settings(), judge, lambda _: Answer(Kind.CONTINUE))
    context = begun(of)
    for _ in range(4):
        event(of, "body", Filter.body)(context, b"x" * 65_535)
    assert event(of, "eom", Filter.eom)(context) == Milter.CONTINUE
    assert (judge.heard, judge.given) == ([], [None])


def test_the_judge_foresees_from_and_signatures():
    """Only the two fields that name a domain to ask are shown as they come, and a head start that fails costs nothing."""
    judge = Foreseeing()
    of = Site(Settings(), judge, lambda _: Answer(Kind.CONTINUE))
    context = begun(of)
    header = event(of, "header", Filter.header)
    for name, value in (
        (b"Subject", b" s"),
        (b"DKIM-Signature", b" raise"),
        (b"From", b" a@b.example"),
        (b"To", b" c"),
    ):
        assert header(context, name, value) in {Milter.CONTINUE, Milter.NOREPLY}
    assert judge.shown == [b"DKIM-Signature: raise\r\n", b"From: a@b.example\r\n"]
    assert event(of, "eom", Filter.eom)(context) == Milter.CONTINUE
    assert context.headers == [("X-Seen", " yes", -1)]
