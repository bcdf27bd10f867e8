"""The parent of all workers: opens the socket, forks, watches, replaces, reloads; it never sees a byte of mail.

Signal handlers only wake the loop; the loop does the work, one event at a time, so nothing here needs a lock:

* SIGHUP builds a whole new snapshot. If that fails, or a worker cannot begin with it, the old one stays. Otherwise new
  workers start, and when all of them serve the old ones are told to drain. The reload is done, and said to be, when none
  of the old ones takes new connections any more.
* SIGTERM and SIGINT stop: new connections are refused, the workers finish the messages in flight. A second one ends them
  at once.
* A worker that died or hangs is replaced at once, and after growing pauses if it keeps dying. One that has served its
  number of messages is replaced before it leaves.

The process forks, so it never starts a thread; whatever needs one is begun in the workers.
"""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from types import FrameType
from typing import Final, NoReturn

from gatepost.arrival.settings import Settings
from gatepost.ledger.outlet import standard_error
from gatepost.service import privileges, sockets, worker
from gatepost.service.child import Child, Stage, spawn
from gatepost.service.notify import Notifier
from gatepost.service.worker import Snapshot

log = logging.getLogger(__name__)

_SIGNALS: Final = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
_NEEDS_RESTART: Final = ("listen", "user", "socket_owner", "socket_mode")
_SHORT_LIFE: Final = 10.0  # seconds; a worker that dies younger counts as dying again
_IDLE: Final = 1.0  # seconds between two turns of the loop when nothing happens


class Supervisor:
    """Runs the daemon in the foreground.

    `load` builds a snapshot; it raises with one line a problem when the config is wrong. Lines for people go to `say`.
    """

    def __init__(
        self,
        load: Callable[[], Snapshot],
        *,
        say: Callable[[str], None] | None = None,
        notifier: Notifier | None = None,
    ) -> None:
        self._load = load
        self._say = say or standard_error().write
        self._notifier = notifier or Notifier.from_environment()
        self._children: dict[int, Child] = {}
        self._signals: deque[int] = deque()
        self._generation = 0
        self._candidate: Snapshot | None = None
        self._failures = 0
        self._not_before = 0.0
        self._handing_over = False  # the new workers serve, but an old one may still take a connection
        self._reload_again = False  # asked for while a reload was under way
        self._stopping = False
        self._closed = False  # the socket
        self._exit_code = 0

    def run(self) -> int:
        """Serve until told to stop; gives the exit code, 0 or 1. Config errors of the first load leave as they came."""
        self._snapshot = self._load()
        try:
            self._account = privileges.choose(self._snapshot.settings.user, as_root=os.geteuid() == 0)
            self._listener = sockets.open_listener(self._snapshot.settings, worker.bind)
        except (sockets.ListenError, privileges.PrivilegeError) as error:
            self._say(f"gatepost: {error}")
            return 1
        privileges.preload()
        self._wake_out, self._wake_in = socket.socketpair()
        for end in (self._wake_out, self._wake_in):
            end.setblocking(False)
        self._take_signals()
        try:
            self._roll_out(self._snapshot)
            while self._children or not self._stopping:
                self._turn()
        finally:
            self._listener.remove()
        return self._exit_code

    # ------------------------------------------------------------------ the loop
    def _turn(self) -> None:
        """Wait for something to happen, then do what is due."""
        channels = {child.channel: child for child in self._children.values()}
        readable, _, _ = select.select([self._wake_out, *channels], [], [], self._patience())
        if self._wake_out in readable:
            self._wake_out.recv(4096)
        for channel in readable:
            if channel in channels:
                self._hear(channels[channel])
        self._kill_silent()
        self._reap()
        while self._signals:
            self._obey(self._signals.popleft())
        self._announce()
        self._refuse()
        if self._reload_again and not self._reloading:
            self._reload_again = False
            self._reload()
        self._kill_overdue()
        if not self._stopping:
            self._fill_up()
        self._notifier.alive()

    def _patience(self) -> float:
        now = time.monotonic()
        due = [child.deadline for child in self._children.values() if child.deadline is not None]
        if self._missing() and not self._stopping:
            due.append(self._not_before)
        if self._notifier.watchdog:
            due.append(now + self._notifier.watchdog / 2)
        return max(0.0, min([_IDLE, *(moment - now for moment in due)]))

    def _take_signals(self) -> None:
        signal.set_wakeup_fd(self._wake_in.fileno(), warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, self._queue)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _queue(self, number: int, _frame: FrameType | None) -> None:
        self._signals.append(number)

    def _obey(self, number: int) -> None:
        if number == signal.SIGHUP:
            self._reload()
        elif self._stopping:
            for child in self._children.values():
                child.kill()
        else:
            log.info("stopping: %s", signal.Signals(number).name)
            self._stop(0)

    def _refuse(self) -> None:
        """At a stop, close the socket once no worker takes connections."""
        if self._stopping and not self._closed and not any(child.accepting for child in self._children.values()):
            self._closed = True
            self._listener.close()

    # ------------------------------------------------------------------ workers
    def _fill_up(self) -> None:
        """Fork the workers that are missing, unless they keep dying and it is too early."""
        while self._missing() > 0 and time.monotonic() >= self._not_before:
            try:
                self._fork(self._candidate or self._snapshot)
            except OSError as error:
                # No process or descriptor to be had just now; those that serve go on.
                log.error("cannot start a worker: %s", error.strerror)  # noqa: TRY400
                self._not_before = time.monotonic() + 1.0

    def _missing(self) -> int:
        there = [c for c in self._children.values() if c.generation == self._generation and c.active]
        return (self._candidate or self._snapshot).settings.workers - len(there)

    def _fork(self, snapshot: Snapshot) -> None:
        def serve(channel: socket.socket) -> NoReturn:
            worker.serve(snapshot, self._listener, channel, self._account)

        others = (child.channel for child in self._children.values())
        child = spawn(self._generation, serve, (self._wake_in, self._wake_out, *others))
        self._children[child.pid] = child

    def _hear(self, child: Child) -> None:
        """Take a worker's word."""
        words = child.hear()
        if worker.READY in words and child.stage is Stage.STARTING:
            child.stage, child.deadline = Stage.SERVING, None
            self._serves(child)
        if worker.RETIRE in words and child.stage is Stage.SERVING:
            child.stage = Stage.RETIRING
        if worker.CLOSED in words:
            child.accepting = False

    def _serves(self, child: Child) -> None:
        """Let those leave who waited for a new worker to serve."""
        if child.generation != self._generation:
            return
        if self._candidate is None:
            retiring = [c for c in self._children.values() if c.stage is Stage.RETIRING]
            self._drain(retiring[:1])
        elif self._missing() == 0 and not any(c.stage is Stage.STARTING for c in self._children.values()):
            self._rolled_out()

    def _reap(self) -> None:
        """Take leave of the dead."""
        while self._children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if child := self._children.pop(pid, None):
                self._hear(child)
                child.channel.close()
                self._died(child, os.waitstatus_to_exitcode(status))

    def _died(self, child: Child, code: int) -> None:
        if child.stage is Stage.LEAVING or self._stopping:
            return
        if code == 0:
            log.info("worker %d left: somebody told it to", child.pid)
            return
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        log.error("worker %d died: %s", child.pid, how)
        if self._candidate is not None and child.generation == self._generation and child.stage is Stage.STARTING:
            self._give_up(code)
            return
        young = time.monotonic() - child.born < _SHORT_LIFE
        self._failures = self._failures + 1 if young else 0
        # The first is replaced at once.
        pause = 0.0 if self._failures <= 1 else 0.5 * 2 ** min(self._failures - 2, 16)
        self._not_before = time.monotonic() + min(pause, self._snapshot.settings.restart_seconds)

    def _drain(self, children: Iterable[Child]) -> None:
        for child in children:
            child.drain(self._snapshot.settings.drain_seconds)

    def _kill_silent(self) -> None:
        """End workers that hang. To be done right after all were heard: the supervisor itself may have been busy."""
        since = time.monotonic() - self._snapshot.settings.hang_seconds
        at_work = [c for c in self._children.values() if c.accepting and c.stage is not Stage.STARTING]
        silent = [c for c in at_work if c.heard < since]
        for child in silent:
            log.error("worker %d hangs and is killed", child.pid)
            child.kill()

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        overdue = [c for c in self._children.values() if c.deadline is not None and c.deadline <= now]
        for child in overdue:
            lag = "begin" if child.stage is Stage.STARTING else "leave"
            log.warning("worker %d did not %s in time and is killed", child.pid, lag)
            child.kill()

    # ------------------------------------------------------------------ snapshots
    def _roll_out(self, snapshot: Snapshot) -> None:
        """Start workers with a snapshot; what they find in memory they share (a frozen heap is not written to)."""
        self._candidate = snapshot
        self._generation += 1
        self._not_before = 0.0
        gc.collect()
        gc.freeze()

    def _rolled_out(self) -> None:
        """All new workers serve: the snapshot is in force, the old workers are told to leave."""
        if self._candidate is None:
            return
        self._snapshot, self._candidate, self._failures = self._candidate, None, 0
        self._drain(
            [c for c in self._children.values() if c.generation < self._generation and c.stage is not Stage.LEAVING]
        )
        self._handing_over = True

    def _announce(self) -> None:
        """Say that the snapshot is in force, once no worker of another takes connections."""
        others = [c for c in self._children.values() if c.generation < self._generation]
        if not self._handing_over or self._stopping or any(c.accepting for c in others):
            return
        self._handing_over = False
        if self._generation == 1:
            for line in self._snapshot.description:
                self._say(line)
            self._say(f"listening on {self._listener.address}")
        else:
            log.info("reloaded: %d workers serve with the new config", self._snapshot.settings.workers)
        self._notifier.ready(f"serving on {self._listener.address} with {self._snapshot.settings.workers} workers")

    def _give_up(self, code: int) -> None:
        """Go back to the old snapshot, since a worker could not begin with the new one; without an old one, end."""
        mine = [c for c in self._children.values() if c.generation == self._generation]
        self._candidate = None
        for child in mine:
            child.stage = Stage.LEAVING
            child.kill()
        if self._generation == 1:
            self._say("gatepost: a worker cannot begin, see the log")
            self._stop(1)
            return
        log.error("reload failed: a worker cannot begin (exit code %d); the old config stays", code)
        # The survivors of the old snapshot become the present generation again.
        for child in self._children.values():
            if child.stage is not Stage.LEAVING:
                child.generation = self._generation
        self._notifier.ready("reload failed, serving with the old config")

    @property
    def _reloading(self) -> bool:
        return self._candidate is not None or self._handing_over

    def _reload(self) -> None:
        if self._stopping:
            return
        if self._reloading:
            self._reload_again = True
            return
        self._notifier.reloading()
        gc.unfreeze()
        try:
            new = self._load()
        except Exception as error:  # noqa: BLE001  # whatever is wrong with the new config must not end the daemon
            gc.freeze()
            # One line that names what is wrong; where in the program it was found helps nobody.
            log.error(  # noqa: TRY400
                "reload failed, the old config stays: %s", "; ".join(str(error).splitlines()) or repr(error)
            )
            self._notifier.ready("reload failed, serving with the old config")
            return
        self._roll_out(_keep_fixed(self._snapshot.settings, new))

    def _stop(self, code: int) -> None:
        self._stopping, self._exit_code = True, code
        self._notifier.stopping()
        self._listener.remove()
        for child in self._children.values():
            child.finish(self._snapshot.settings.stop_seconds)


def _keep_fixed(old: Settings, new: Snapshot) -> Snapshot:
    """Keep the settings that only a restart can change, and name those that someone tried to change."""
    changed = {name: getattr(old, name) for name in _NEEDS_RESTART if getattr(new.settings, name) != getattr(old, name)}
    if not changed:
        return new
    log.warning("a restart is needed for a change of [milter] %s", ", ".join(changed))
    settings = new.settings.model_copy(update=changed)
    return replace(new, settings=settings)
