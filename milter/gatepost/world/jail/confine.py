"""Taking away from this very process what a program that reads hostile files does not need.

Done once, before the first hostile byte, and for good: each step lowers what is left and none can be undone. What the kernel or
the account does not permit is passed over (a container may forbid namespaces, a system may lack libseccomp); the limits on
memory, processor and files hold everywhere.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
from contextlib import suppress
from typing import Any, Final

_PR_SET_NO_NEW_PRIVS: Final = 38  # prctl(2)
_PR_SET_DUMPABLE: Final = 4
_CLONE_NEWUSER: Final = 0x10000000  # unshare(2)
_CLONE_NEWNET: Final = 0x40000000
_CLONE_NEWIPC: Final = 0x08000000

_OPEN_FILES: Final = 64
_NICENESS: Final = 5  # accepting mail goes before opening it

_SECCOMP_ALLOW: Final = 0x7FFF0000  # seccomp(2): SECCOMP_RET_ALLOW
_SECCOMP_REFUSE: Final = 0x00050000 | errno.EPERM  # SECCOMP_RET_ERRNO
_SECCOMP_MISSING: Final = 0x00050000 | errno.ENOSYS
_MASKED_EQUAL: Final = 7  # seccomp_rule_add(3): SCMP_CMP_MASKED_EQ

# A program that maps a file and computes needs none of these. Refused, not killed: a library that tries one goes on without.
_REFUSED: Final = (
    *"socket socketpair connect bind listen accept accept4 sendmmsg".split(),
    *"execve execveat fork vfork kill tkill pidfd_open pidfd_send_signal ptrace process_vm_readv process_vm_writev".split(),
    *"unlink unlinkat rename renameat renameat2 mkdir mkdirat rmdir link linkat symlink symlinkat mknod mknodat creat".split(),
    *"truncate chmod fchmod fchmodat chown fchown lchown fchownat setxattr lsetxattr utimensat mount umount2 chroot".split(),
    *"pivot_root unshare setns bpf perf_event_open userfaultfd keyctl add_key request_key io_uring_setup".split(),
    *"init_module finit_module kexec_load reboot swapon swapoff open_by_handle_at name_to_handle_at".split(),
)
# clone3 hides its flags from a filter; told that it is missing, the C library falls back to clone.
_MISSING: Final = ("clone3", "openat2")
_CLONE_THREAD: Final = 0x00010000
_WRITING: Final = os.O_ACCMODE


class _Compare(ctypes.Structure):
    """`struct scmp_arg_cmp` of libseccomp: a condition on one argument."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


def confine(memory_bytes: int) -> None:
    """Limit this process for good: memory, files, processes, network, privileges. Call before any thread is started."""
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _lower(limit, value)
    # The shipped systemd unit forbids it, as it does all of @resources.
    with suppress(OSError):
        os.nice(_NICENESS)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.unshare(_CLONE_NEWNET | _CLONE_NEWIPC)  # for root alone
    if not filter_system_calls():
        # Without the filter a namespace of users is the only way to one without a network.
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC)
        # It counts threads as well, which a library may want; the filter tells them from processes.
        _lower(resource.RLIMIT_NPROC, 0)


def _lower(limit: int, value: int) -> None:
    # A system may have set less already, which is as good.
    with suppress(ValueError, OSError):
        resource.setrlimit(limit, (value, value))


def limit_processor(seconds: float) -> None:
    """Let the kernel end this process once it has used so many seconds of processor more than it has by now.

    This holds even when nobody is left to watch the process.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    allowed = int(used.ru_utime + used.ru_stime + seconds) + 2
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (allowed, hard))


def filter_system_calls() -> bool:
    """Refuse network, programs, other processes and every change of files from here on; False where that cannot be had."""
    try:
        library: Any = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return False
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(_SECCOMP_ALLOW))
    if not rules.value:
        return False
    for name in _REFUSED:
        _add(library, rules, _SECCOMP_REFUSE, name)
    for name in _MISSING:
        _add(library, rules, _SECCOMP_MISSING, name)
    _add(library, rules, _SECCOMP_REFUSE, "clone", _Compare(0, _MASKED_EQUAL, _CLONE_THREAD, 0))
    for name, position in (("open", 1), ("openat", 2)):
        for mode in (os.O_WRONLY, os.O_RDWR):
            _add(library, rules, _SECCOMP_REFUSE, name, _Compare(position, _MASKED_EQUAL, _WRITING, mode))
        _add(library, rules, _SECCOMP_REFUSE, name, _Compare(position, _MASKED_EQUAL, os.O_CREAT, os.O_CREAT))
    loaded: bool = library.seccomp_load(rules) == 0
    library.seccomp_release(rules)
    return loaded


def _add(library: Any, rules: ctypes.c_void_p, action: int, name: str, *conditions: _Compare) -> None:
    """Add a rule; a call that this architecture does not have needs none."""
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number >= 0:
        library.seccomp_rule_add(rules, ctypes.c_uint32(action), number, len(conditions), *conditions)
