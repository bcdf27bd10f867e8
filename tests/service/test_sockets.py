"""The listening socket: made with its mode, refused with a reason, gone at the end."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import signal
import socket
import stat
import time
from contextlib import suppress
from pathlib import Path

import pytest

from gatepost.arrival.settings import Settings, parse_listen
from gatepost.service.sockets import Listener, ListenError, open_listener
from support.daemon import refused, scripted
from support.milter_client import MilterClient
from support.waiting import free_port, until


def served(address: str) -> bool:
    """Say whether a message is taken at an address."""
    with MilterClient(address) as mta:
        mta.greet()
        taken = mta.message().answer.taken
        mta.quit()
        return taken


def test_unix_socket_has_its_mode_and_goes_at_the_end(tmp_path: Path):
    """The socket is as open as the config says, still there after a reload, and removed at a stop."""
    path = tmp_path / "milter"
    with scripted(tmp_path, listen=f"unix:{path}", socket_mode="0640") as daemon:
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert served(daemon.address)
        daemon.reload()
        daemon.reload()
        assert served(daemon.address)
        assert [entry.name for entry in tmp_path.iterdir() if entry.is_socket()] == ["milter"]
        daemon.stop()
        assert not path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_gives_the_socket_its_group(tmp_path: Path):
    """In a directory of the MTA's group with the setgid bit the socket is the MTA's to use, without socket_owner."""
    place = tmp_path / "gatepost"
    place.mkdir()
    group = grp.getgrnam("nogroup").gr_gid
    os.chown(place, -1, group)
    place.chmod(0o2750)
    with scripted(tmp_path, listen=f"unix:{place}/milter"):
        found = (place / "milter").stat()
        assert (found.st_gid, stat.S_IMODE(found.st_mode)) == (group, 0o660)


def test_inet6(tmp_path: Path):
    """An IPv6 address works."""
    with scripted(tmp_path, listen=f"inet:[::1]:{free_port(socket.AF_INET6)}") as daemon:
        assert served(daemon.address)


@pytest.mark.parametrize("socket_owner", ["nobody", "nobody:nogroup"] if os.geteuid() == 0 else [])
def test_socket_owner(tmp_path: Path, socket_owner: str):
    """Started as root, the socket can be given to the MTA's account."""
    path = tmp_path / "milter"
    with scripted(tmp_path, listen=f"unix:{path}", socket_owner=socket_owner):
        assert path.owner() == "nobody"


def test_busy_port(tmp_path: Path):
    """A port that another program has is named, and the exit code is 1."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, said = refused(tmp_path, listen=f"inet:127.0.0.1:{port}")
    assert code == 1
    assert said == (
        f"gatepost: cannot listen on inet:127.0.0.1:{port}: another program already does; stop it or choose another port\n"
    )


def test_busy_unix_socket(tmp_path: Path):
    """A socket at which somebody answers is left alone, whatever remove_stale_socket says."""
    path = tmp_path / "milter"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen(1)
        code, said = refused(tmp_path, listen=f"unix:{path}", remove_stale_socket=True)
        assert path.is_socket()
    assert code == 1
    assert "another program already does" in said
    assert len(said.splitlines()) == 1


def stale(path: Path) -> Path:
    """Leave a socket at which nobody answers."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
    return path


def test_mail_goes_on_after_the_supervisor_was_killed(tmp_path: Path):
    """A start after a kill -9 or a power cut replaces the socket that the last one left: it is ours and nobody answers."""
    path = tmp_path / "milter"
    with scripted(tmp_path, listen=f"unix:{path}") as daemon:
        workers = daemon.workers()
        daemon.signal(signal.SIGKILL)
        daemon.process.wait(10)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "the workers to end")
    assert path.is_socket()
    with scripted(tmp_path, listen=f"unix:{path}") as daemon:
        assert served(daemon.address)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a socket away")
def test_a_stale_socket_of_somebody_else(tmp_path: Path):
    """Another account's socket is refused with its owner and the remedy, and replaced when the config allows it."""
    path = stale(tmp_path / "milter")
    os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
    code, said = refused(tmp_path, listen=f"unix:{path}")
    assert code == 1
    assert "of nobody that nobody answers at" in said
    assert "remove_stale_socket" in said
    with scripted(tmp_path, listen=f"unix:{path}", remove_stale_socket=True) as daemon:
        assert served(daemon.address)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a socket away")
def test_a_stale_socket_of_the_configured_owner_is_ours(tmp_path: Path):
    """A socket that the daemon gave to [milter] socket_owner is known again by that name."""
    path = stale(tmp_path / "milter")
    os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
    with scripted(tmp_path, listen=f"unix:{path}", socket_owner="nobody") as daemon:
        assert served(daemon.address)


def test_path_that_is_no_socket(tmp_path: Path):
    """A file is never removed for a socket."""
    path = tmp_path / "precious"
    path.write_text("mine")
    code, said = refused(tmp_path, listen=f"unix:{path}", remove_stale_socket=True)
    assert (code, path.read_text()) == (1, "mine")
    assert f"unix:{path}: something that is not a socket stands there" in said


def test_missing_directory(tmp_path: Path):
    """A directory that does not exist is named."""
    code, said = refused(tmp_path, listen=f"unix:{tmp_path}/none/milter")
    assert code == 1
    assert f"the directory {tmp_path}/none does not exist" in said


def test_address_of_another_machine(tmp_path: Path):
    """An address this machine does not have is named."""
    code, said = refused(tmp_path, listen="inet:192.0.2.1:8890")
    assert code == 1
    assert "inet:192.0.2.1:8890" in said
    assert len(said.splitlines()) == 1


def test_unknown_owner(tmp_path: Path):
    """An owner that does not exist is named."""
    code, said = refused(tmp_path, listen=f"unix:{tmp_path}/milter", socket_owner="no-such-user")
    assert code == 1
    assert "there is no user no-such-user" in said


def test_edits_do_not_wait_for_acknowledgements(tmp_path: Path):
    """Several edits over TCP arrive at once: with Nagle's algorithm each message would take 40 ms longer."""
    with scripted(tmp_path, workers=1) as daemon, MilterClient(daemon.address) as mta:
        accepted = mta.socket
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        mta.greet()
        fields = [(b"X-Seen", b" forged")] * 5
        best = min(_seconds(mta, fields, time.perf_counter) for _ in range(10))
        assert best < 0.03


def _seconds(mta: MilterClient, fields: list[tuple[bytes, bytes]], clock) -> float:
    begin = clock()
    assert len(mta.message(fields=fields).removed("X-Seen")) == 5
    return clock() - begin


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET])
def test_closing_hangs_up_on_who_was_not_accepted(tmp_path: Path, family: socket.AddressFamily):
    """Who waited in the backlog is hung up on and who comes later refused, though another process still has the socket."""
    path = tmp_path / "milter"
    listening = socket.socket(family)
    listening.bind(str(path) if family == socket.AF_UNIX else ("127.0.0.1", 0))
    listening.listen(5)
    listening.setblocking(False)
    name = listening.getsockname()
    with socket.socket(family) as waiting, listening.dup(), socket.socket(family) as late:
        waiting.connect(name)
        waiting.settimeout(5)
        inode = path.stat().st_ino if family == socket.AF_UNIX else 0
        listener = Listener(listening.detach(), parse_listen(f"unix:{path}"), -1, inode)
        listener.close()
        with suppress(ConnectionResetError):
            assert waiting.recv(1) == b""
        with pytest.raises(OSError, match=r"refused|No such file"):
            late.connect(name)
    path.write_text("another's")
    listener.remove()
    assert path.exists() or family == socket.AF_INET


def test_an_owner_that_cannot_be_given_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Who may not give the socket away is told which setting asked for it, and no socket is left."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    path = tmp_path / "milter"
    settings = Settings(listen=f"unix:{path}", socket_owner="nobody")
    with pytest.raises(ListenError, match="socket_owner: cannot give the socket to nobody: Operation not permitted"):
        open_listener(settings, lambda name: Path(name.removeprefix("unix:")).touch())
    assert not list(tmp_path.iterdir())
