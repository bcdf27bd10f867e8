"""Milter events to calls, answers to milter actions: the one module that knows pymilter.

libmilter runs a thread for each SMTP connection and calls a function for each event: connect, HELO, MAIL, RCPT, header
fields, body chunks, end of message. A `Filter` belongs to one connection; it translates, hands on to the session and the
judge, and translates back. Three properties of pymilter 1.0.5 shape it:

* It decodes host names, HELO, header names and macros as strict UTF-8 before any Python function is called. What it
  cannot decode reaches `sys.excepthook` as a UnicodeDecodeError that still holds the bytes, in the thread state of that
  connection; `_undecodable` takes them from there. libmilter meanwhile goes on with the exception policy, CONTINUE.
* `Milter.Base.setsymlist` gives bytes to a function that takes text, and `negotiate` of the base class hides the error.
* An exception that leaves a callback would be answered with its own 451, so none does.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final

import Milter

from gatepost.arrival.judge import Answer, Answers, Judge, Kind
from gatepost.arrival.session import Connection, Ours, Traffic, Transaction
from gatepost.arrival.settings import Settings, Trouble
from gatepost.mail.address import Address
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.header import Header
from gatepost.verdict import AddHeader, Defer, Edit, Outcome, Reject, RemoveHeader, ReplaceBody

log = logging.getLogger(__name__)

NAME: Final = "gatepost"
_ACTIONS: Final = Milter.ADDHDRS | Milter.CHGHDRS | Milter.QUARANTINE
_WELCOME: Final = Milter.CHGBODY | Milter.SETSYMLIST
"""What is used where the MTA offers it; without the first, a message whose body should change is held."""
# RCPT, body and end of message are answered; nothing else waits for us, and what is not looked at is not sent.
_PROTOCOL: Final = (
    Milter.P_NR_CONN | Milter.P_NR_HELO | Milter.P_NR_MAIL | Milter.P_NR_HDR
    | Milter.P_NODATA | Milter.P_NOEOH | Milter.P_NOUNKNOWN
    | Milter.P_HDR_LEADSPC | Milter.P_SKIP | Milter.P_RCPT_REJ
)  # fmt: skip
_QUIET: Final = {
    "connect": Milter.P_NR_CONN,
    "hello": Milter.P_NR_HELO,
    "mail": Milter.P_NR_MAIL,
    "header": Milter.P_NR_HDR,
}
# The queue id is asked for at each late stage: Postfix has it from DATA on, and libmilter before 8.17.2 swaps the lists
# of end-of-header and end-of-message. The others may come at connect or at MAIL, as the MTA likes.
_MACROS: Final = (
    (Milter.M_CONNECT, "{daemon_name} {client_addr}"),
    (Milter.M_HELO, "{tls_version}"),
    (Milter.M_ENVFROM, "i {auth_authen} {auth_type} {client_addr} {daemon_name} {tls_version}"),
    (Milter.M_ENVRCPT, "i {rcpt_mailer} {rcpt_host}"),
    (Milter.M_DATA, "i"),
    (Milter.M_EOH, "i"),
    (Milter.M_EOM, "i"),
)
_AT_MAIL: Final = ("{auth_authen}", "{auth_type}", "{tls_version}", "{client_addr}", "{daemon_name}")
# A recipient that the MTA refuses is sent on to us marked so, with its enhanced status code (MILTER_README; RFC 3463 3.2).
_REFUSED: Final = "error"
_NO_SUCH_MAILBOX: Final = "5.1.1"
_REASON_BYTES: Final = 100
"""Postfix cuts the reason of a quarantined message here."""

_ON_ERROR: Final = {
    Trouble.TEMPFAIL: Answer(Kind.TEMPFAIL, "451", "4.3.0", ("Message could not be examined, please try again later",)),
    Trouble.REJECT: Answer(Kind.REJECT, "550", "5.3.0", ("Message could not be examined",)),
    Trouble.ACCEPT: Answer(Kind.CONTINUE),
}
_OVERFULL: Final = Answer(Kind.REJECT, "552", "5.3.4", ("Message header too large",))
_CODES: Final = {
    Kind.CONTINUE: Milter.CONTINUE,
    Kind.ACCEPT: Milter.ACCEPT,
    Kind.REJECT: Milter.REJECT,
    Kind.TEMPFAIL: Milter.TEMPFAIL,
}


@dataclass(frozen=True, slots=True)
class Site:
    """What all connections of a worker share: the settings, who judges, who words answers, and the count of messages."""

    settings: Settings
    judge: Judge
    answer: Answers
    traffic: Traffic = field(default_factory=Traffic)


class _Current(threading.local):
    """The filter whose callback the thread at hand runs or last ran."""

    filter: Filter | None = None


_current: Final = _Current()


class Filter(Milter.Base):  # type: ignore[misc]  # pymilter has no type stubs
    """One SMTP connection as libmilter sees it."""

    def __init__(self, site: Site, ours: Ours) -> None:
        self._site = site
        self._connection = Connection(ours, site.traffic)
        self._leading_space = False
        self._quiet: dict[str, int] = dict.fromkeys(_QUIET, Milter.CONTINUE)

    # ------------------------------------------------------------------ events
    def negotiate(self, options: list[int]) -> int:
        """Agree with the MTA on actions and steps; REJECT makes it go on without us, by its own default action."""
        offered, protocol = options[0], options[1]
        if offered & _ACTIONS != _ACTIONS:
            log.error("the MTA does not let a filter add and change headers and quarantine (offers %#x)", offered)
            return int(Milter.REJECT)
        _current.filter = self
        self._actions, self._protocol = _ACTIONS | (offered & _WELCOME), protocol & _PROTOCOL
        self._leading_space = bool(self._protocol & Milter.P_HDR_LEADSPC)
        self._quiet = {
            step: Milter.NOREPLY if self._protocol & bit else Milter.CONTINUE for step, bit in _QUIET.items()
        }
        options[:] = [self._actions, self._protocol, 0, 0]
        if offered & Milter.SETSYMLIST:
            self._ask_for_macros()
        return int(Milter.CONTINUE)

    def _ask_for_macros(self) -> None:
        for stage, names in _MACROS:
            try:
                self._ctx.setsymlist(stage, names)
            except Milter.error:
                log.warning("the MTA takes no list of macros for stage %d and sends its own choice", stage)

    def connect(self, hostname: str, family: int, hostaddr: Any) -> int:
        """CONNECT: note the client."""
        _current.filter = self
        known = hostaddr is not None and family in {socket.AF_INET, socket.AF_INET6}
        address, port = (str(hostaddr[0]), int(hostaddr[1])) if known else ("", 0)
        self._connection.opened(hostname, address, port, self.macro("{daemon_name}"))
        self._warm(self._connection.early())
        return self._quiet["connect"]

    def hello(self, hostname: str) -> int:
        """HELO or EHLO: note the name."""
        self._connection.greeted(hostname.encode())
        return self._quiet["hello"]

    def mail(self, path: bytes) -> int:
        """MAIL: begin a message and let the judge warm up."""
        transaction = self._connection.mail(path, {name: self.macro(name) for name in _AT_MAIL})
        self._warm(transaction.envelope(self.macro("i")))
        return self._quiet["mail"]

    def _warm(self, envelope: Envelope) -> None:
        try:
            self._site.judge.warm(envelope)
        except Exception:
            # A head start that failed is no reason to refuse mail.
            log.exception("warming up failed")

    def _foresee(self, field: Header) -> None:
        try:
            self._site.judge.foresee(field)
        except Exception:
            log.exception("foreseeing failed")

    def _tell(self, transaction: Transaction) -> None:
        """Let the judge's listener hear the body, from when it has grown large; one that fails hears no more."""
        try:
            if transaction.grown:
                listener = self._site.judge.listen(transaction.envelope(self.macro("i")))
                if listener is not None:
                    transaction.listen(listener)
            else:
                transaction.tell()
        except Exception:
            log.exception("listening failed")
            transaction.deafen()

    def rcpt(self, path: bytes) -> int:
        """RCPT: ask whether this recipient is taken now, and remember it if so.

        A program of this host is not asked about: Postfix would bounce what is refused here (MILTER_README, non-SMTP).
        """
        transaction = self._connection.transaction
        address = transaction.asked(path) if transaction else None
        if transaction is None or address is None:
            return int(Milter.CONTINUE)
        if self.macro("{rcpt_mailer}") == _REFUSED:
            return self._refused(transaction.envelope(self.macro("i"), asked=address))
        if transaction.direction is not Direction.INTERNAL:
            answer = self._site.answer(self._connection.refusal or self._admitted(transaction, address))
            if answer.kind in {Kind.REJECT, Kind.TEMPFAIL}:
                return self._reply(answer)
        transaction.accept(address)
        return int(Milter.CONTINUE)

    def _admitted(self, transaction: Transaction, address: Address) -> Outcome:
        """Ask for the answer to a recipient, and remember one that refuses the connection: it is not asked about again."""
        outcome = self._site.judge.admit(
            transaction.envelope(self.macro("i"), asked=address, opens=self._connection.opens())
        )
        if isinstance(outcome, Defer | Reject) and outcome.connection:
            self._connection.refusal = outcome
        return outcome

    def _refused(self, envelope: Envelope) -> int:
        """Take note of a recipient whom the MTA itself refuses, where the reason is that there is none of that name."""
        if self.macro("{rcpt_host}") == _NO_SUCH_MAILBOX:
            self._site.judge.refused(envelope)
        return int(Milter.CONTINUE)

    def header(self, name: bytes, value: bytes) -> int:
        """One header field, top first."""
        if self._connection.transaction is not None:
            # Without HDR_LEADSPC the MTA has taken off the one space that usually stands after the colon.
            telling = self._connection.transaction.header(name, value if self._leading_space else b" " + value)
            if telling is not None:
                self._foresee(telling)
        return self._quiet["header"]

    def body(self, chunk: bytes) -> int:
        """Take a stretch of the body; SKIP says that no more is wanted."""
        transaction = self._connection.transaction
        wanted = transaction is None or transaction.body(chunk)
        if transaction is not None:
            self._tell(transaction)
        return int(Milter.CONTINUE if wanted or not self._protocol & Milter.P_SKIP else Milter.SKIP)

    def eom(self) -> int:
        """End of message: judge it, edit its headers, answer."""
        transaction = self._connection.transaction
        if transaction is None:
            return self.trouble()
        try:
            if transaction.overfull:
                log.warning("refused: more forged header fields than can be removed (queue id %s)", self.macro("i"))
                return self._reply(_OVERFULL)
            edits, answer = self._judged(transaction)
            if answer.kind in {Kind.CONTINUE, Kind.ACCEPT}:
                for edit in edits:
                    self._edit(edit)
                if answer.quarantine is not None:
                    self.quarantine(answer.quarantine.encode("ascii", "replace").decode()[:_REASON_BYTES])
            return self._reply(answer)
        finally:
            self._connection.drop()

    def _judged(self, transaction: Transaction) -> tuple[Sequence[Edit], Answer]:
        """Give the edits of a whole message and the answer; what could not be judged and is let through keeps no forged verdict."""
        envelope, message = transaction.envelope(self.macro("i")), transaction.message()
        if not transaction.broken:
            try:
                verdict = self._site.judge.judge(envelope, message, transaction.listener)
                return verdict.edits, self._site.answer(verdict.outcome)
            except Exception:
                log.exception("judging failed (queue id %s)", envelope.queue_id or "unknown")
        answer = _ON_ERROR[self._site.settings.on_error]
        return self._site.judge.clean(envelope, message) if answer.kind is Kind.CONTINUE else (), answer

    def abort(self) -> int:
        """Forget the message under way; the connection lives on."""
        self._connection.drop()
        return int(Milter.CONTINUE)

    def close(self) -> int:
        """End the connection, which may never have seen CONNECT."""
        self._connection.drop()
        _current.filter = None
        return int(Milter.CONTINUE)

    # ------------------------------------------------------------------ helpers
    def macro(self, name: str) -> str:
        """Give the value of an MTA macro or ""; bytes that are not UTF-8 are replaced."""
        try:
            return self._ctx.getsymval(name) or ""
        except UnicodeDecodeError as error:
            return error.object.decode("utf-8", "replace")

    def undecodable(self, raw: bytes) -> None:
        """Take what pymilter could not decode: in a message the name of a field, before it a HELO or a host name.

        The field's value and the client's address are lost with them. No signature can cover a field with such a name
        (RFC 6376 3.5, h=: ASCII names), so the bare name is kept and the message still counts as whole; the address
        comes again at MAIL, as {client_addr}.
        """
        if self._connection.transaction is not None:
            self._connection.transaction.header(raw, b"")
        elif self._connection.known:
            self._connection.greeted(raw)
        else:
            self._connection.opened("", "")

    def broke(self, step: str) -> int:
        """Answer for an exception: at once where the MTA waits for a decision, else at the end of the message."""
        if step == "negotiate":
            return int(Milter.REJECT)
        if step in {"rcpt", "eom"}:
            return self.trouble()
        if self._connection.transaction is not None:
            self._connection.transaction.broken = True
        return int(self._quiet.get(step, Milter.CONTINUE))

    def trouble(self) -> int:
        """Give the configured answer for trouble outside any check."""
        return self._reply(_ON_ERROR[self._site.settings.on_error])

    def _reply(self, answer: Answer) -> int:
        if answer.rcode:
            # libmilter drops a reply in which a percent sign stands alone.
            lines = [line.replace("%", "%%") for line in answer.text or ("",)]
            self.setreply(answer.rcode, answer.xcode or None, *lines)
        return int(_CODES[answer.kind])

    def _edit(self, edit: Edit) -> None:
        match edit:
            case AddHeader(name=name, value=value, index=index):
                # With HDR_LEADSPC the MTA puts nothing after the colon: the space is ours to give.
                space = " " if self._leading_space and value[:1] not in {" ", "\t"} else ""
                self.addheader(name, space + value, -1 if index is None else index)
            case RemoveHeader(name=name, nth=nth):
                self.chgheader(name, nth, None)
            case ReplaceBody(body=body):
                if self._actions & Milter.CHGBODY:
                    self.replacebody(body)
                else:
                    self.quarantine("the MTA does not let a filter change bodies")


# ---------------------------------------------------------------------- registration
def _event(site: Site, ours: Ours, step: str, call: Callable[..., int]) -> Callable[..., int]:
    """Wrap a method of Filter as the function libmilter calls: find the connection's filter, let no exception out."""

    def event(ctx: Any, *arguments: Any) -> int:
        filter_ = ctx.getpriv()
        if filter_ is None:
            # An MTA without negotiation comes in at CONNECT.
            filter_ = Filter(site, ours)
            filter_._setctx(ctx)  # noqa: SLF001  # pymilter's own protocol for attaching a filter
        try:
            return call(filter_, *arguments)
        except Exception:
            log.exception("the filter itself failed at %s (queue id %s)", step, filter_.macro("i") or "unknown")
            return int(filter_.broke(step))

    return event


def _closing(event: Callable[..., int]) -> Callable[..., int]:
    """Wrap the close event: without this the filter and libmilter's context would keep each other alive."""

    def close(ctx: Any) -> int:
        filter_ = ctx.getpriv()
        if filter_ is None:
            return int(Milter.CONTINUE)
        code = event(ctx)
        filter_._setctx(None)  # noqa: SLF001
        return code

    return close


def _excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Take what pymilter reports through PyErr_Print: bytes it could not decode go to the connection they belong to."""
    filter_ = _current.filter
    if isinstance(error, UnicodeDecodeError) and filter_ is not None:
        filter_.undecodable(error.object)
        return
    log.critical("unexpected exception", exc_info=(kind, error, trace))


def install(site: Site) -> None:
    """Make this process' libmilter call us; to be done once in each worker, before `Milter.main()`."""
    ours = Ours.of(site.settings)

    def on(step: str, call: Callable[..., int]) -> Callable[..., int]:
        return _event(site, ours, step, call)

    sys.excepthook = _excepthook
    Milter.set_exception_policy(Milter.CONTINUE)
    Milter.set_flags(_ACTIONS | _WELCOME)
    Milter.set_connect_callback(on("connect", Filter.connect))
    Milter.set_helo_callback(on("hello", Filter.hello))
    # RFC 1869 parameters follow the path; nothing here reads them.
    Milter.set_envfrom_callback(on("mail", lambda self, path, *_: self.mail(path)))
    Milter.set_envrcpt_callback(on("rcpt", lambda self, path, *_: self.rcpt(path)))
    Milter.set_header_callback(on("header", lambda self, name, value: self.header(name.encode(), value)))
    Milter.set_body_callback(on("body", Filter.body))
    Milter.set_eom_callback(on("eom", Filter.eom))
    Milter.set_abort_callback(on("abort", Filter.abort))
    Milter.set_close_callback(_closing(on("close", Filter.close)))
    Milter.register(NAME, negotiate=on("negotiate", Filter.negotiate))
