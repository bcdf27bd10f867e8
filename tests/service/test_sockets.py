"""The listening socket: made with its mode, refused with a reason, gone at the end."""

from __future__ import annotations

import os
import socket
import stat
import time
from pathlib import Path

import pytest

from support.daemon import refused, scripted
from support.milter_client import MilterClient
from support.waiting import free_port


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


def test_stale_unix_socket(tmp_path: Path):
    """A socket at which nobody answers is refused with the remedy, and replaced when the config allows it."""
    path = tmp_path / "milter"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
    code, said = refused(tmp_path, listen=f"unix:{path}")
    assert code == 1
    assert "remove_stale_socket" in said
    with scripted(tmp_path, listen=f"unix:{path}", remove_stale_socket=True) as daemon:
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
