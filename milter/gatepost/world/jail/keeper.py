"""A process that forks the processes of a jail, for an account that cannot start them.

Workers give up root, and the account they become may not be able to read the installation: one in root's home, say. So before
a worker does, it starts a keeper as root: the keeper imports the program, becomes the account as well, for good, and from then on
forks a process for each that is asked for. It never sees a file of a message, and knows nothing of the worker but one socket.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from gatepost.world.jail.line import READY, hurry, receive
from gatepost.world.jail.process import Kept, Spawned

_PID: Final = struct.Struct("!i")
_ASKED: Final = b"n"


@dataclass(frozen=True, slots=True)
class Account:
    """Who a keeper and all that it forks become."""

    uid: int
    gid: int


class Keeper:
    """The keeper as the worker holds it; safe between threads. Starting does not wait for it to be ready; raises OSError.

    Takes the program as the interpreter's arguments, and what cell.py would give to a process of its own.
    """

    def __init__(
        self, program: Sequence[str], arguments: Sequence[str], account: Account, start_seconds: float
    ) -> None:
        self._lock = threading.Lock()
        self._latest = time.monotonic() + start_seconds
        self._ready = False
        ours, theirs = socket.socketpair()
        self._line = ours
        with theirs:
            who = (str(account.uid), str(account.gid))
            self._process = Spawned((*program, str(theirs.fileno()), *arguments, *who), theirs.fileno())

    def fork(self, line: socket.socket) -> Kept:
        """Have a process forked that serves this line; raises OSError when the keeper does not answer."""
        with self._lock:
            try:
                if not self._ready:
                    self._ready = receive(self._line, len(READY), self._latest) == READY
                hurry(self._line, max(self._latest, time.monotonic() + 1.0))
                socket.send_fds(self._line, [_ASKED], [line.fileno()])
                (pid,) = _PID.unpack(receive(self._line, _PID.size, max(self._latest, time.monotonic() + 1.0)))
            except EOFError:
                raise OSError("the process that keeps the program ready has ended") from None
        return Kept(pid)

    def close(self) -> None:
        """End the keeper; what it forked ends when its own line does."""
        self._line.close()
        # While it starts it is still root, whom the worker's account may not end; it does so itself, finding nobody on its line.
        with suppress(PermissionError):
            self._process.kill()


def keep(line: socket.socket, account: Account, serve: Callable[[socket.socket], None]) -> None:
    """Be a keeper: become the account, then fork a process for each line that comes in, until the worker hangs up."""
    if os.getuid() == 0:
        os.setgroups([])
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel then buries who ends
    line.sendall(READY)
    while True:
        _, lines, _, _ = socket.recv_fds(line, len(_ASKED), 1)
        if not lines:
            return
        pid = os.fork()
        if not pid:
            line.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                serve(socket.socket(fileno=lines[0]))
            finally:
                os._exit(1)
        os.close(lines[0])
        line.sendall(_PID.pack(pid))
