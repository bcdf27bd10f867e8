"""One worker process: serves mail on the shared socket until it is told to leave.

libmilter holds the main thread. A second thread listens to the supervisor on a socket pair: the byte DRAIN means "take no
new connection, serve those that are open until the MTA closes them"; end of file, which is also what is left of a
supervisor that died, means "finish the messages in flight". A worker says READY when it can serve, ALIVE from time to
time, RETIRE when it has served as many messages as it should, and CLOSED when it takes no new connection any more.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NoReturn

import Milter

from gatepost.arrival import callbacks
from gatepost.arrival.judge import Answers, Judge
from gatepost.arrival.session import Traffic
from gatepost.arrival.settings import Settings
from gatepost.service import privileges, sockets

log = logging.getLogger(__name__)

READY: Final = b"r"
ALIVE: Final = b"a"
RETIRE: Final = b"m"
CLOSED: Final = b"c"
DRAIN: Final = b"d"
WORKER_BOOT_ERROR: Final = 3
"""Exit code of a worker that could not begin: starting it again would end the same way."""

_LIBMILTERS: Final = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
_BACKLOG: Final = 1024
"""Connections that may wait to be accepted. libmilter's own 20 are too few for a hundred smtpd processes at once: what
does not fit is tried again by the kernel a second later."""

_TICK: Final = 0.05  # seconds between two looks at what is still open
_SETTLE: Final = 0.2  # seconds that libmilter gets to send the answer to the last message
_JITTER: Final = 0.1  # workers of one age must not all leave at once


def _nothing() -> None:
    return


def _nobody(account: privileges.Account) -> None:  # noqa: ARG001  the form of a hook
    return


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole config made ready to serve: built before the fork, shared by the workers, never changed.

    `before_drop` makes ready, in each worker that is still root, what its account could not. `after_fork` opens what may not
    cross a fork, in each worker, under its account. `before_exit` lets go of it.
    `description` are lines for the log that say what is in use.
    """

    settings: Settings
    judge: Judge
    answer: Answers
    after_fork: Callable[[], None] = _nothing
    before_exit: Callable[[], None] = _nothing
    description: tuple[str, ...] = ()
    before_drop: Callable[[privileges.Account], None] = _nobody


def bind(name: str) -> None:
    """Make libmilter listen on an address in its own notation; raises OSError."""
    try:
        Milter.register(callbacks.NAME)
        Milter.setbacklog(_BACKLOG)
        Milter.setconn(name)
        Milter.opensocket(0)
    except Milter.error as error:
        raise OSError(f"libmilter: {error}") from None


def serve(
    snapshot: Snapshot, listener: sockets.Listener, channel: socket.socket, account: privileges.Account | None
) -> NoReturn:
    """Be a worker, in a process just forked; never returns."""
    code = WORKER_BOOT_ERROR
    try:
        # Ctrl-C at a terminal reaches the foreground group; only the supervisor shall hear it.
        os.setpgid(0, 0)
        for number in (*_LIBMILTERS, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        # libmilter waits for these in a thread of its own; a thread that does not block them would die of them.
        signal.pthread_sigmask(signal.SIG_BLOCK, _LIBMILTERS)
        if account is not None:
            snapshot.before_drop(account)
            privileges.drop(account)
        else:
            privileges.forbid_new_privileges()
        traffic = Traffic()
        snapshot.after_fork()
        callbacks.install(callbacks.Site(snapshot.settings, snapshot.judge, snapshot.answer, traffic))
        duty = _Duty(snapshot, listener, channel, traffic)
        threading.Thread(target=duty.watch, name="supervision", daemon=True).start()
        channel.send(READY)
        code = 1
        Milter.main()
        # Only a signal of libmilter's own (SIGTERM sent to this process) ends it: its open connections are served on.
        duty.leave(draining=True)
    except Exception:
        log.exception("worker %d cannot serve", os.getpid())
    finally:
        os._exit(code)


class _Duty:
    """When a worker stays and when it may go."""

    def __init__(
        self, snapshot: Snapshot, listener: sockets.Listener, channel: socket.socket, traffic: Traffic
    ) -> None:
        self._snapshot = snapshot
        self._listener = listener
        self._name = sockets.socket_name(listener.fd)
        self._channel = channel
        self._traffic = traffic
        self._pulse = snapshot.settings.hang_seconds / 4
        self._beaten = time.monotonic()
        self._lifetime = _lifetime(snapshot.settings.max_messages_per_worker)
        self._leaving = threading.Lock()

    def watch(self) -> None:
        """Wait for the supervisor's word, telling it meanwhile if enough messages have been served."""
        try:
            self._channel.settimeout(min(0.5, self._pulse))
            while (order := self._hear()) is None:
                if self._lifetime and self._traffic.ended >= self._lifetime:
                    self._lifetime = 0
                    self._channel.send(RETIRE)
                self._beat()
            sockets.stop_accepting(self._listener)
            with suppress(OSError):  # a supervisor that is gone
                self._channel.send(CLOSED)
            self.leave(draining=order == DRAIN)
        except Exception:
            log.exception("worker %d lost its supervision", os.getpid())
            os._exit(1)

    def _beat(self) -> None:
        """Give a sign of life, if it is time: code that held the interpreter lock for ever would keep this from it."""
        if time.monotonic() - self._beaten >= self._pulse:
            self._beaten = time.monotonic()
            with suppress(TimeoutError):  # a supervisor that does not listen just now
                self._channel.send(ALIVE)

    def _hear(self) -> bytes | None:
        """Give the supervisor's byte, b"" for end of file, None for nothing yet."""
        try:
            return self._channel.recv(1)
        except TimeoutError:
            return None
        except OSError:
            return b""

    def leave(self, *, draining: bool) -> NoReturn:
        """Serve what is open, as long as allowed, then end the process.

        Draining waits until the MTA has closed every connection: an end of file between two messages would make it
        take its default action. Stopping waits for messages in flight alone.
        """
        # The main thread comes here only when libmilter ended; whoever is second waits for the end of the process.
        self._leaving.acquire()
        settings = self._snapshot.settings
        begin = time.monotonic()
        self._channel.settimeout(_TICK)
        while draining and sockets.connections(self._name) and time.monotonic() - begin < settings.drain_seconds:
            if self._hear() == b"":
                draining, begin = False, time.monotonic()
        if not draining:
            quiet = time.monotonic()
            while time.monotonic() - quiet < _SETTLE and time.monotonic() - begin < settings.stop_seconds:
                time.sleep(_TICK / 2)
                if self._traffic.in_flight:
                    quiet = time.monotonic()
        try:
            self._snapshot.before_exit()
        except Exception:
            log.exception("a worker could not let go of everything as it left")
        for handler in logging.getLogger().handlers:
            with suppress(Exception):
                handler.flush()
        # libmilter's threads know no other end.
        os._exit(0)


def _lifetime(messages: int) -> int:
    return round(messages * random.uniform(1 - _JITTER, 1 + _JITTER)) if messages else 0
