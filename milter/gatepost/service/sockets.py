"""The listening socket: made once by the supervisor, shared by all workers, gone when the supervisor ends.

libmilter makes the socket itself and tells little when it cannot, so the reasons are looked for first and named. A unix
socket is made under a name beside the wanted one, gets its mode and owner there and is then renamed: no moment at which
the wrong program may connect, and libmilter, which unlinks the path it knows when a worker ends, finds nothing there.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import tempfile
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gatepost.arrival.settings import Listen, Settings
from gatepost.service import privileges

_MAKING: Final = ".new"
_GAP: Final = 256
"""Descriptors are given out lowest first; so many free ones in a row mean there are none above."""


class ListenError(Exception):
    """The socket cannot be had; the text is one line that names it."""


@dataclass(slots=True)
class Listener:
    """The open socket: its descriptor, its address for people, and the inode of a unix socket's path, 0 for none.

    `nowhere` is the descriptor of a listening socket that nobody can connect to.
    """

    fd: int
    address: Listen
    nowhere: int
    inode: int = 0

    def remove(self) -> None:
        """Take a unix socket's path away, if it is still ours."""
        try:
            if self.inode and Path(self.address.path).lstat().st_ino == self.inode:
                Path(self.address.path).unlink()
        except OSError:
            return
        finally:
            self.inode = 0  # whoever comes next may be given the same one

    def close(self) -> None:
        """Take the path away, refuse new connections in all processes, and hang up on those that nobody accepted.

        To be called when no worker polls the socket any more: to libmilter this is an error, at which it ends.
        """
        self.remove()
        with socket.socket(fileno=self.fd) as listening, suppress(OSError):
            # Closing is not enough: libmilter's poll(2), five seconds of it, keeps the socket open.
            listening.shutdown(socket.SHUT_RDWR)
            while True:
                listening.accept()[0].close()


def open_listener(settings: Settings, bind: Callable[[str], None]) -> Listener:
    """Open the socket of the settings. `bind` makes libmilter listen on an address in its own notation, or raises OSError.

    Raises ListenError with one line for people: the address is in use, the path is something else, and so on.
    """
    address = settings.address
    before = set(_listening())
    inode = 0
    if address.family == "unix":
        inode = _open_unix(settings, address, bind)
    else:
        _probe_inet(address)
        _bound(address, bind, address.milter)
    opened = set(_listening()) - before
    if len(opened) != 1:
        raise ListenError(f"cannot listen on {address}: libmilter opened no socket")
    fd = opened.pop()
    # All workers wake for one connection; those that come too late must not be caught in accept().
    os.set_blocking(fd, False)
    if address.family != "unix":
        _send_at_once(fd)
    return Listener(fd, address, _nowhere(), inode)


def _bound(address: Listen, bind: Callable[[str], None], name: str) -> None:
    try:
        bind(name)
    except OSError as error:
        raise ListenError(f"cannot listen on {address}: {error}") from None


def _send_at_once(fd: int) -> None:
    """Switch Nagle's algorithm off for connections accepted here (Linux: they inherit it from the listening socket).

    libmilter writes each header edit by itself, and the MTA, with nothing to say in between, acknowledges the first
    after 40 ms: measured, 44 ms a message instead of a tenth of that.
    """
    listening = socket.socket(fileno=fd)
    try:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    finally:
        listening.detach()


def _probe_inet(address: Listen) -> None:
    """Bind and let go, for the reason that libmilter would not tell."""
    family = socket.AF_INET6 if address.family == "inet6" else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address.host, address.port))
            probe.listen(1)
    except socket.gaierror:
        raise ListenError(f"cannot listen on {address}: {address.host} is not known") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ListenError(
                f"cannot listen on {address}: another program already does; stop it or choose another port"
            ) from None
        raise ListenError(f"cannot listen on {address}: {error.strerror}") from None


def _open_unix(settings: Settings, address: Listen, bind: Callable[[str], None]) -> int:
    path = Path(address.path)
    owner = privileges.owner_ids(settings.socket_owner)
    _clear_the_way(path, address, None if settings.remove_stale_socket else {os.geteuid(), owner[0]})
    making = Path(address.path + _MAKING)
    mode = int(settings.socket_mode, 8)
    try:
        making.unlink(missing_ok=True)
        with _umask(0o777 & ~mode):
            _bound(address, bind, f"unix:{making}")
        _give(making, owner, settings.socket_owner)
        making.chmod(mode)
        making.rename(path)
        return path.lstat().st_ino
    except OSError as error:
        making.unlink(missing_ok=True)
        raise ListenError(f"cannot listen on {address}: {error.strerror}") from None


def _give(socket_file: Path, owner: tuple[int, int], name: str) -> None:
    if owner == privileges.UNCHANGED:
        # Asked for nothing the call may be refused all the same: the shipped systemd unit forbids it.
        return
    try:
        os.chown(socket_file, *owner, follow_symlinks=False)
    except OSError as error:
        raise OSError(
            error.errno, f"[milter] socket_owner: cannot give the socket to {name}: {error.strerror}"
        ) from None


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def _clear_the_way(path: Path, address: Listen, ours: Container[int] | None) -> None:
    """See that nothing stands at the path but a socket that nobody answers at, of one of the accounts in `ours` (None: of any).

    Such a one is what a daemon leaves that was killed or lost its power. It would keep mail stopped, and a path that somebody
    else uses has, as a rule, another owner.
    """
    if not path.parent.is_dir():
        raise ListenError(f"cannot listen on {address}: the directory {path.parent} does not exist")
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ListenError(f"cannot listen on {address}: {error.strerror}") from None
    if not stat.S_ISSOCK(found.st_mode):
        raise ListenError(f"cannot listen on {address}: something that is not a socket stands there; remove it")
    if _answers(path):
        raise ListenError(f"cannot listen on {address}: another program already does; stop it or choose another path")
    if ours is not None and found.st_uid not in ours:
        raise ListenError(
            f"cannot listen on {address}: a socket of {privileges.account_name(found.st_uid)} that nobody answers at stands there; "
            "remove it, or set [milter] remove_stale_socket = true"
        )


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        except OSError:
            # Not allowed, backlog full: somebody may well be there.
            return True
        return True


# ---------------------------------------------------------------------- descriptors
def _sockets() -> Iterator[tuple[int, socket.socket]]:
    """Give this process' sockets. Not by /proc: a process that changed its account cannot read its own."""
    fd, gap = 3, 0
    while gap < _GAP:
        try:
            is_socket = stat.S_ISSOCK(os.fstat(fd).st_mode)
            gap = 0
        except OSError:
            is_socket = False
            gap += 1
        if is_socket:
            try:
                found = socket.socket(fileno=fd)
            except OSError:
                fd += 1
                continue
            try:
                yield fd, found
            finally:
                found.detach()
        fd += 1


def _listening() -> Iterator[int]:
    for fd, found in _sockets():
        if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            yield fd


def connections(name: object) -> int:
    """Count the open connections that were accepted at a listening socket, known by its `socket_name`."""
    return sum(1 for _, found in _sockets() if _accepted(found, name))


def socket_name(fd: int) -> object:
    """Give what marks connections accepted at a listening socket: the path, or the port."""
    found = socket.socket(fileno=fd)
    try:
        return _name(found)
    finally:
        found.detach()


def _name(found: socket.socket) -> object:
    name = found.getsockname()
    return name[1] if isinstance(name, tuple) and len(name) > 1 else name


def _accepted(found: socket.socket, name: object) -> bool:
    try:
        return not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and _name(found) == name
    except OSError:
        return False


def _nowhere() -> int:
    """Give a listening socket whose name is gone before anybody else could use it."""
    try:
        with (
            tempfile.TemporaryDirectory(prefix="gatepost-") as place,
            socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as found,
        ):
            found.bind(f"{place}/s")
            found.listen(1)
            found.setblocking(False)
            return found.detach()
    except OSError as error:
        raise ListenError(f"cannot make a socket in {tempfile.gettempdir()}: {error.strerror or error}") from None


def stop_accepting(listener: Listener) -> None:
    """Put the socket that nobody can connect to in place of the listening one, in this process alone.

    libmilter goes on polling it for ever. Its own way to stop takes up to five seconds, lets `milter.main()` return and
    then hangs up on a connection that was accepted but had not negotiated yet (measured with pymilter 1.0.5 and libmilter
    8.17); the MTA would take its default action.
    """
    os.dup2(listener.nowhere, listener.fd, inheritable=False)
