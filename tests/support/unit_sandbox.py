"""Run a program as an ordinary account with the system calls refused that the shipped systemd unit refuses.

`python unit_sandbox.py PROGRAM ARGUMENT...`. Started as root it becomes an account of its own in a user namespace, which
may use root's files and has none of root's powers. Exit code 77: this machine does not allow that.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import sys
from pathlib import Path

UNIT = Path(__file__).resolve().parents[2] / "packaging" / "systemd" / "gatepost.service"
CANNOT = 77

# systemd.exec(5), as `systemd-analyze syscall-filter` of systemd 252 lists them. setfsuid and its kind are left out.
GROUPS = {
    "@privileged": "chown fchown fchownat lchown acct bpf capset chroot delete_module fanotify_init finit_module init_module"
    " nfsservctl open_by_handle_at pivot_root quotactl reboot setdomainname setgroups sethostname setresuid setreuid setuid"
    " settimeofday swapoff swapon vhangup",
    "@resources": "ioprio_set mbind migrate_pages move_pages sched_setaffinity sched_setattr sched_setparam"
    " sched_setscheduler set_mempolicy setpriority setrlimit",
}
_CLONE_NEWUSER = 0x10000000
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_ACCOUNT = 1000


def refused() -> list[str]:
    """Give the system calls that the unit takes away by name, from its line `SystemCallFilter=~...`."""
    found = re.search(r"^SystemCallFilter=~(.*)$", UNIT.read_text(), re.MULTILINE)
    assert found, "the unit has no list of refused system calls"
    return [call for group in found[1].split() for call in GROUPS[group].split()]


def _become_ordinary() -> None:
    uid, gid = os.geteuid(), os.getegid()
    if ctypes.CDLL(None).unshare(_CLONE_NEWUSER) != 0:
        sys.exit(CANNOT)
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{_ACCOUNT} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{_ACCOUNT} {gid} 1")
    except OSError:
        sys.exit(CANNOT)


def _refuse(calls: list[str]) -> None:
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(_ALLOW))
    for call in calls:
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:
            library.seccomp_rule_add(rules, ctypes.c_uint32(_REFUSE), number, 0)
    assert library.seccomp_load(rules) == 0


if __name__ == "__main__":
    if os.geteuid() == 0:
        _become_ordinary()
    _refuse(refused())
    os.execvp(sys.argv[1], sys.argv[1:])
