"""Workers give up root for good."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path

import pytest

from gatepost.service import privileges
from support.daemon import refused, scripted
from support.milter_client import MilterClient

ROOT = os.geteuid() == 0


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
