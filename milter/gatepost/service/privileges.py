"""Giving up root: the workers read hostile mail, so they run as an account that owns nothing.

The supervisor stays what it was started as, forks, and never sees a byte of mail. A worker becomes the account for good:
groups, then group, then user, each checked; after that no program it might start gains anything (PR_SET_NO_NEW_PRIVS).
"""

from __future__ import annotations

import ctypes
import encodings
import grp
import importlib
import os
import pkgutil
import pwd
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gatepost.arrival.settings import Settings

_PREFERRED: Final = ("gatepost", "nobody")
_PR_SET_NO_NEW_PRIVS: Final = 38  # prctl(2)

UNCHANGED: Final = (-1, -1)
"""Owner and group that chown(2) leaves as they are."""


class PrivilegeError(Exception):
    """The account cannot be taken on; the text is one line for people."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who a worker becomes."""

    name: str
    uid: int
    gid: int


def choose(user: str, *, as_root: bool) -> Account | None:
    """Give the account for the workers, or None to stay as we are.

    `user` "" means the first of gatepost and nobody that exists. Raises PrivilegeError for an account that does not
    exist, and for one asked for without root that is not our own.
    """
    if not as_root:
        if user and user != account_name(os.geteuid()):
            raise PrivilegeError(
                f"[milter] user: cannot become {user}: only root can change the account, leave it empty"
            )
        return None
    for name in (user,) if user else _PREFERRED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    names = user or " or ".join(_PREFERRED)
    raise PrivilegeError(f"[milter] user: there is no account {names} for the workers to run as")


def account_name(uid: int) -> str:
    """Give the name of an account, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def preload() -> None:
    """Import what would otherwise be imported on demand: the account may not be able to read the files.

    Charset codecs are looked up by the names that mail gives. A codec of another platform is passed over.
    """
    for module in pkgutil.iter_modules(encodings.__path__):
        try:
            importlib.import_module(f"encodings.{module.name}")
        except ImportError:
            continue


def drop(account: Account) -> None:
    """Become the account, for good; raises PrivilegeError if anything of root is left."""
    try:
        os.initgroups(account.name, account.gid)
        os.setresgid(account.gid, account.gid, account.gid)
        os.setresuid(account.uid, account.uid, account.uid)
    except OSError as error:
        raise PrivilegeError(f"cannot become {account.name}: {error.strerror}") from None
    if os.getresuid() != (account.uid,) * 3 or os.getresgid() != (account.gid,) * 3:
        raise PrivilegeError(f"became {os.getresuid()} instead of {account.name}")
    forbid_new_privileges()


def forbid_new_privileges() -> None:
    """Make set-user-id programs powerless for this process and its children; where the kernel cannot, nothing happens."""
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def can_run(account: Account) -> bool:
    """Whether the account can start this Python with this program in it; asked as root, by trying.

    An installation in a folder that only root may enter serves as long as nothing is started or imported anew.
    """
    command = [sys.executable, "-I", "-c", "import gatepost"]
    try:
        tried = subprocess.run(  # noqa: S603  our own interpreter
            command,
            user=account.uid,
            group=account.gid,
            extra_groups=(),
            cwd="/",
            capture_output=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return tried.returncode == 0


def may_write(account: Account, file: Path) -> bool:
    """Say whether an account may write to a file, where there is one, and make others beside it. To be asked as root.

    A process that has become the account looks: groups and access lists count as they do for a worker.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            drop(account)
            beside = os.access(file.parent, os.W_OK | os.X_OK)
            code = 0 if beside and (not file.exists() or os.access(file, os.R_OK | os.W_OK)) else 1
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) == 0


def refusals(settings: Settings) -> Iterator[str]:
    """Give a line for each account or group that [milter] names and this host does not have, whoever asks."""
    for known in (
        lambda: choose(settings.user, as_root=True) if settings.user else None,
        lambda: owner_ids(settings.socket_owner),
    ):
        try:
            known()
        except PrivilegeError as error:
            yield str(error)


def owner_ids(owner: str) -> tuple[int, int]:
    """Read `user` or `user:group` as ids, -1 for what is not named; raises PrivilegeError for an unknown name."""
    user, _, group = owner.partition(":")
    uid, gid = UNCHANGED
    try:
        uid = pwd.getpwnam(user).pw_uid if user else uid
    except KeyError:
        raise PrivilegeError(f"[milter] socket_owner: there is no user {user}") from None
    try:
        gid = grp.getgrnam(group).gr_gid if group else gid
    except KeyError:
        raise PrivilegeError(f"[milter] socket_owner: there is no group {group}") from None
    return uid, gid
