"""The doors of a site: DNS, the state store, the scanners, opened as the config says; and what a site keeps on its disk."""

from __future__ import annotations

import errno
import logging
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gatepost.checks.attachments.unpacker import Unpacker
from gatepost.checks.virus import family as virus
from gatepost.service import places, privileges
from gatepost.service.config import Config, Loaded
from gatepost.world.clock import Clock, SystemClock
from gatepost.world.dns.door import Resolver
from gatepost.world.dns.fake import FakeDns, NoNetworkDns, ZoneError
from gatepost.world.dns.live import LiveResolver
from gatepost.world.scanner.door import Scanner
from gatepost.world.state.door import State, StateConfigError
from gatepost.world.state.memory import MemoryState
from gatepost.world.state.opening import open_state, state_file
from gatepost.world.state.readonly import ReadOnlyState
from gatepost.world.state.sqlite_file import on_a_read_only_disk

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})

_log: Final = logging.getLogger(__name__)


class AssemblyError(Exception):
    """A part that the config asks for cannot be had; the text is one line."""


@dataclass(frozen=True, slots=True)
class Doors:
    """The outside world as one site sees it; `scanner` is None where no clamd is configured, `second` where no other engine is.

    `lessons` is where the site's labels are read, if not in `state`. `unpacker` opens attachments; None: one is made for the site.
    """

    clock: Clock
    resolver: Resolver
    state: State
    scanner: Scanner | None
    lessons: State | None = None
    second: Scanner | None = None
    unpacker: Unpacker | None = None

    @property
    def scanners(self) -> tuple[Scanner, ...]:
        """The virus scanners that there are."""
        return tuple(scanner for scanner in (self.scanner, self.second) if scanner is not None)


@dataclass(frozen=True, slots=True)
class ReplayDoors:
    """What `gatepost scan` may ask: a zone file instead of DNS, and whether the network is off limits."""

    dns_zone: Path | None = None
    no_network: bool = False


def live_doors(config: Config, clock: Clock, state: State) -> Doors:
    """Give the doors of a live site over its state store; nothing is connected yet."""
    scanner, second = virus.open_scanner(config.virus), virus.open_second(config.virus)
    return Doors(clock, LiveResolver(config.dns, clock), state, scanner, second=second)


def replay_doors(config: Config, doors: ReplayDoors) -> Doors:
    """Give the doors for stored mail: the state is only read. Raises AssemblyError, one line."""
    clock = SystemClock()
    try:
        resolver = _replay_resolver(config, doors, clock)
    except ZoneError as error:
        raise AssemblyError(str(error)) from None
    remembered: State = MemoryState(clock)
    if config.state.url and not doors.no_network:
        remembered = site_state(config, places.state_directory(), clock)
    scanner = None if doors.no_network else virus.open_scanner(config.virus)
    second = None if doors.no_network else virus.open_second(config.virus)
    lessons = None if config.state.url and not doors.no_network else ReadOnlyState(_stored(config, clock))
    return Doors(clock, resolver, ReadOnlyState(remembered), scanner, lessons, second)


def _replay_resolver(config: Config, doors: ReplayDoors, clock: Clock) -> Resolver:
    if doors.dns_zone is not None:
        return FakeDns.from_yaml(doors.dns_zone)
    return NoNetworkDns() if doors.no_network else LiveResolver(config.dns, clock)


def _stored(config: Config, clock: Clock) -> State:
    """Give the state file that the config means, the embedded one included, to read labels from; memory where there is none.

    Stored mail is judged without the rates and tallies of a live site, but with what people taught it.
    """
    try:
        file = _file(config, places.state_directory())
        if file is not None and file.exists():
            return site_state(config, places.state_directory(), clock)
    except (AssemblyError, OSError) as error:
        _log.warning("the labels of `gatepost learn` are left out: %s", error)
    return MemoryState(clock)


def learning_state(loaded: Loaded) -> State:
    """Give the store that `gatepost learn` writes into, the daemon's own, to a caller with patience. Raises AssemblyError, one line."""
    config, directory = loaded.config, places.state_directory()
    state = site_state(config, directory, SystemClock(), patient=True)
    if _file(config, directory) is not None:
        # Made by root before the daemon was first started, it is the workers' all the same.
        _give(config, directory)
    return state


def site_state(config: Config, directory: Path, clock: Clock, *, patient: bool = False) -> State:
    """Give the state store that the config means, by default a file in `directory`. Raises AssemblyError, one line."""
    try:
        return open_state(config.state, directory / "state.sqlite", clock, patient=patient)
    except StateConfigError as error:
        raise AssemblyError(str(error)) from None


def _file(config: Config, directory: Path) -> Path | None:
    """Give the state file that the config means, there or not; None where it means Redis."""
    return state_file(config.state, directory / "state.sqlite")


def site_key(config: Config, directory: Path) -> bytes:
    """Give the key that signs verdict headers, made at first use. Raises AssemblyError, one line.

    Where a disk is full or fails it is a passing one: mail does not wait for room.
    """
    if config.headers.signing_key:
        return config.headers.signing_key.encode()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return places.site_key(directory)
    except OSError as error:
        trouble = f"{error.filename or directory}: cannot keep the site key there: {error.strerror}"
        if error.errno not in _NO_ROOM:
            raise AssemblyError(trouble) from None
        _log.warning("%s; this run signs its verdict headers with a key of its own", trouble)
        return secrets.token_bytes(32)


def hand_over(config: Config, directory: Path) -> None:
    """Let the account that the workers become use the state directory and the state file; the supervisor alone keeps root.

    Raises AssemblyError, one line, where the file lies in a folder in which it may not write: that one is not given away.
    """
    account = _give(config, directory)
    file = _file(config, directory)
    if account is None or file is None or not config.state.url or on_a_read_only_disk(file.parent):
        return
    if not privileges.may_write(account, file):
        raise AssemblyError(
            f"[state] url: {account.name}, as whom the workers run, cannot write to {file} and beside it: "
            f"let the file and its folder be {account.name}'s"
        )


def _give(config: Config, directory: Path) -> privileges.Account | None:
    """Give the state directory and a state file that root made to the workers' account, and say whose they are now.

    On a disk that is full, read-only or broken they stay whose they are: that passes, and mail does not wait for it.
    """
    try:
        account = privileges.choose(config.milter.user, as_root=os.geteuid() == 0)
    except privileges.PrivilegeError as error:
        raise AssemblyError(str(error)) from None
    if account is None:
        return None
    try:
        if directory.exists():  # on a full disk it may not
            places.hand_over(directory, account.uid, account.gid)
        file = _file(config, directory)
        if file is not None and config.state.url:
            places.hand_over_file(file, account.uid, account.gid)
    except OSError as error:
        trouble = f"{error.filename or directory}: cannot be given to the workers: {error.strerror}"
        if error.errno not in _NO_ROOM:
            raise AssemblyError(trouble) from None
        _log.warning("%s", trouble)
    return account
