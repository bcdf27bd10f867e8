"""The jail from inside: the loop of a process that takes orders, runs one program on each, and answers.

Whoever writes such a program ends its module with `serve(program, sys.argv)`; world/jail/cell.py starts it.
"""

from __future__ import annotations

import gc
import mmap
import os
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from gatepost.world.jail import confine
from gatepost.world.jail.keeper import Account, keep
from gatepost.world.jail.line import ANSWER, ORDER, READY, receive

FAT_SHARE: Final = 0.4
"""Share of its memory that a process may hold between two orders. What holds more leaves and is replaced by a fresh one."""

Program = Callable[[memoryview, float], bytes]
"""Takes a request and the seconds for it, gives an answer."""


def serve(program: Program, arguments: Sequence[str]) -> None:
    """Be a process of a jail, or the keeper that forks them; ends when the other side hangs up.

    Takes the arguments that cell.py and keeper.py give: descriptor of the socket, bytes of memory, number of orders, and for a
    keeper the account to become (user and group id).
    """
    line = socket.socket(fileno=int(arguments[1]))
    answering = partial(_answer, program, int(arguments[2]), int(arguments[3]))
    if len(arguments) > 4:
        keep(line, Account(int(arguments[4]), int(arguments[5])), answering)
    else:
        answering(line)


def _answer(program: Program, memory_bytes: int, orders: int, line: socket.socket) -> None:
    """Confine this process, say that it is ready, and answer orders until there are no more."""
    # The thread that started this process may have blocked any; what watches over the time is a signal.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    confine.confine(memory_bytes)
    gc.freeze()  # what is imported stays, and need not be looked through after each order
    line.sendall(READY)
    for left in range(orders - 1, -1, -1):
        message, sheets, _, _ = socket.recv_fds(line, ORDER.size, 1)
        if not sheets:
            return
        message += bytes(receive(line, ORDER.size - len(message)))
        size, seconds = ORDER.unpack(message)
        answer = _run(program, sheets[0], size, seconds)
        staying = left > 0 and _resident_bytes() < memory_bytes * FAT_SHARE
        line.sendall(ANSWER.pack(staying, len(answer)))
        line.sendall(answer)
        if not staying:
            return
        del answer
        gc.collect()


def _run(program: Program, sheet: int, size: int, seconds: float) -> bytes:
    confine.limit_processor(seconds)
    try:
        pages = mmap.mmap(sheet, size, prot=mmap.PROT_READ)
    finally:
        os.close(sheet)
    # Not closed by hand: an exception that the program caught may still refer to a part of it. It goes with the last one.
    return program(memoryview(pages), seconds)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_bytes().split()[1]) * mmap.PAGESIZE
