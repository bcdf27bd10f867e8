"""Workers give up root for good."""

from __future__ import annotations

import errno
import json
import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gatepost.service import places, privileges
from gatepost.service.config import Config, load
from gatepost.service.doors import AssemblyError, hand_over, site_state
from gatepost.world.clock import SystemClock
from support.daemon import refused, scripted
from support.milter_client import MilterClient
from support.model import write_model

ROOT = os.geteuid() == 0
Run = Callable[..., tuple[int, str, str]]


def status_of(pid: int) -> dict[str, str]:
    """Give the kernel's account of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_workers_cannot_gain_privileges(tmp_path: Path):
    """No program that a worker could start gains anything by its set-user-id bit."""
    with scripted(tmp_path) as daemon:
        assert {status_of(pid)["NoNewPrivs"] for pid in daemon.workers()} == {"1"}


@pytest.mark.parametrize("user", ["", "nobody"] if ROOT else [])
def test_root_workers_become_the_account(tmp_path: Path, user: str):
    """Started as root, workers have the account's ids, real, effective and saved, and none of root's groups."""
    with scripted(tmp_path, user=user) as daemon, MilterClient(daemon.address) as mta:
        mta.greet()
        seen = json.loads(mta.message().added("X-Seen")[0])
        account = privileges.choose(user, as_root=True)
        found = status_of(seen["pid"])
        assert found["Uid"].split() == [str(account.uid)] * 4
        assert found["Gid"].split() == [str(account.gid)] * 4
        assert "0" not in found["Groups"].split()
        assert int(found["CapEff"], 16) == 0
        assert status_of(daemon.pid)["Uid"].split()[0] == "0"


@pytest.fixture
def shared() -> Iterator[Path]:
    """Give a folder that every account may reach (pytest's own is the starting user's alone)."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(not ROOT, reason="gives files away")
@pytest.mark.parametrize("wide", [True, False])
def test_a_named_state_file_is_the_workers(shared: Path, wide: bool) -> None:
    """What root made is handed over; a folder in which the account cannot write is refused in one line and not given away."""
    account = privileges.choose("", as_root=True)
    place = shared / "place"
    place.mkdir(mode=0o755)
    if wide:
        os.chown(place, account.uid, account.gid)
    file = place / "state.db"
    loaded = config_of(shared, file)
    site_state(loaded, shared / "var", SystemClock())
    with nullcontext() if wide else pytest.raises(AssemblyError, match=f"cannot write to {file}") as caught:
        hand_over(loaded, shared / "var")
    assert (file.stat().st_uid, place.stat().st_uid) == (account.uid, account.uid if wide else 0)
    assert wide or "\n" not in str(caught.value)


@pytest.mark.skipif(not ROOT, reason="gives files away")
@pytest.mark.parametrize(("code", "starts"), [(errno.EROFS, True), (errno.EIO, True), (errno.EPERM, False)])
def test_a_disk_that_takes_nothing_refuses_no_start(
    code: int, starts: bool, shared: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be given away on a disk with errors stays whose it is, with a line in the log; another refusal is one."""

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code), str(shared))

    monkeypatch.setattr(places, "hand_over", refuse)
    monkeypatch.setattr("gatepost.service.doors.on_a_read_only_disk", lambda _: starts)
    (shared / "var").mkdir()
    with nullcontext() if starts else pytest.raises(AssemblyError, match="cannot be given"):
        hand_over(config_of(shared, shared / "state.db"), shared / "var")
    assert ("cannot be given to the workers" in caplog.text) == starts


@pytest.mark.skipif(not ROOT, reason="gives files away")
def test_what_is_not_roots_own_file_is_not_given_away(shared: Path) -> None:
    """Neither what a link leads to, nor a file with another name, nor somebody else's."""
    target, linked, other = shared / "target", shared / "linked", shared / "other"
    for file in (target, linked, other):
        file.touch()
    os.chown(other, 1, 1)
    os.link(linked, shared / "second")
    for file in (linked, other):
        places.hand_over_file(file, 65534, 65534)
    (shared / "link").symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        places.hand_over_file(shared / "link", 65534, 65534)
    assert [file.stat().st_uid for file in (target, linked, other)] == [0, 0, 1]


def config_of(folder: Path, state: Path) -> Config:
    """Give a config with a named state file."""
    (folder / "gatepost.toml").write_text(f'[state]\nurl = "sqlite://{state}"\n')
    return load(folder / "gatepost.toml").config


def test_an_account_that_does_not_exist(tmp_path: Path):
    """An unknown account is one line and exit code 1."""
    code, said = refused(tmp_path, user="no-such-user")
    assert code == 1
    assert "no-such-user" in said
    assert len(said.splitlines()) == 1


def test_without_root_nothing_changes():
    """Started as an ordinary user, the daemon stays that user."""
    own = pwd.getpwuid(os.geteuid()).pw_name
    assert privileges.choose("", as_root=False) is None
    assert privileges.choose(own, as_root=False) is None


def test_another_account_without_root_is_refused():
    """Asking for what cannot be had is an error, not a silent no."""
    with pytest.raises(privileges.PrivilegeError, match="only root"):
        privileges.choose("no-such-user", as_root=False)


def test_the_usual_account():
    """The account is nobody unless the package made one for us."""
    assert privileges.choose("", as_root=True).name in {"gatepost", "nobody"}


def test_owner_ids():
    """User and group are looked up, and what is not named stays."""
    assert privileges.owner_ids("") == (-1, -1)
    assert privileges.owner_ids("root") == (0, -1)
    assert privileges.owner_ids("root:root") == (0, 0)
    with pytest.raises(privileges.PrivilegeError):
        privileges.owner_ids("root:no-such-group")


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("user", "[milter] user: there is no account no-such-user for the workers to run as"),
        ("socket_owner", "[milter] socket_owner: there is no user no-such-user"),
    ],
)
def test_config_check_knows_the_accounts(run: Run, tmp_path: Path, setting: str, line: str):
    """An account that this host does not have is refused before a reload or a restart fails on it, by the name of its key."""
    path = tmp_path / "site.toml"
    path.write_text(
        f'[milter]\n{setting} = "no-such-user"\n[classifier]\nmodel = "{write_model(tmp_path / "model")}"\n'
    )
    assert run("config", "check", path) == (2, "", f"gatepost: {line}\n")
    path.write_text(path.read_text().replace("no-such-user", "nobody"))
    assert run("config", "check", path)[0] == 0


@pytest.mark.skipif(not ROOT, reason="only root chooses an account")
def test_run_names_the_key_of_an_account_that_does_not_exist(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The start of the daemon says which setting is wrong, not which directory it was about to give away."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    path = tmp_path / "site.toml"
    path.write_text(f'[milter]\nuser = "no-such-user"\n[classifier]\nmodel = "{write_model(tmp_path / "model")}"\n')
    code, _, said = run("run", "--config", path)
    assert (code, said) == (2, "gatepost: [milter] user: there is no account no-such-user for the workers to run as\n")
