"""An installation that only root may enter: the workers' account can start nothing from it, and attachments are opened all the same."""

from __future__ import annotations

import base64
import json
import os
import pwd
import shutil
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.service import privileges
from support.archives import zipped
from support.daemon import Daemon, gatepost
from support.milter_client import MilterClient
from support.waiting import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts workers of another account")

ARCHIVE = base64.encodebytes(zipped({"inside.txt": b"text"})).replace(b"\n", b"\r\n")


@pytest.fixture
def locked() -> Iterator[Path]:
    """Make an interpreter with this installation in it, in a folder that is closed to everybody else."""
    folder = Path(tempfile.mkdtemp(prefix="gatepost-locked-"))
    venv.create(folder / "venv", symlinks=True)
    packages = sysconfig.get_path("purelib", vars={"base": str(folder / "venv")})
    Path(packages, "here.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    yield folder / "venv/bin/python"
    shutil.rmtree(folder)


def test_what_the_account_can_run_is_found_out_by_trying(locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same installation, entered by a path that the account may not take."""
    nobody = pwd.getpwnam("nobody")
    account = privileges.Account("nobody", nobody.pw_uid, nobody.pw_gid)
    monkeypatch.setattr(sys, "executable", str(locked))
    assert not privileges.can_run(account)
    assert privileges.can_run(privileges.Account("root", 0, 0))


def records(daemon: Daemon) -> list[dict[str, object]]:
    """Give the records of the daemon's log."""
    return [json.loads(line) for line in daemon.log().splitlines() if '"event":"message"' in line]


def test_attachments_are_opened_by_the_account(locked: Path) -> None:
    """The processes that open files run as the workers' account, and give what is inside."""
    program = (locked, "-P", "-m", "gatepost.service.cli.main")
    with gatepost("", program=program) as daemon, MilterClient(daemon.address) as mta:
        mta.greet()
        fields = [(b"Content-Type", b' application/zip; name="x.zip"'), (b"Content-Transfer-Encoding", b" base64")]
        assert mta.message("Files", fields=[(b"MIME-Version", b" 1.0"), *fields], body=ARCHIVE).answer.taken
        until(lambda: records(daemon), "the record")
        evidence = records(daemon)[0]["evidence"]
        files = {item["facts"]["file"] for item in evidence if item["code"] == "attachment.file"}
        assert files == {"x.zip", "x.zip > inside.txt"}
        owners = {Path(f"/proc/{pid}").stat().st_uid for pid in descendants(daemon.pid) if "examine" in command(pid)}
        assert owners <= {pwd.getpwnam("nobody").pw_uid, 0}
        assert [code for code in (item["code"] for item in evidence) if code == "attachment.error"] == []


def descendants(pid: int) -> list[int]:
    """Give all processes below one."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [below for child in children for below in descendants(child)]


def command(pid: int) -> str:
    """Give a process's command line."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
