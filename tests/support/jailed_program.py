"""A program for a jail that does what a test asks of it: the misbehaviour of a library that was taken over."""

import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from gatepost.world.jail.inside import serve


def _try(what) -> bytes:
    try:
        return b"did: " + str(what()).encode()
    except (OSError, MemoryError, RuntimeError) as error:
        return f"refused: {type(error).__name__} {getattr(error, 'strerror', '')}".encode()


def _thread() -> str:
    done = []
    thread = threading.Thread(target=done.append, args=("ran",))
    thread.start()
    thread.join()
    return done[0]


def _descriptors() -> list[str]:
    links = []
    for fd in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the listing's own
            links.append(str(fd.readlink()))
    return sorted(links)


ATTEMPTS = {
    b"pid": os.getpid,
    b"status": lambda: Path("/proc/self/status").read_text(),
    b"descriptors": _descriptors,
    b"environment": lambda: sorted(os.environ),
    b"eat": lambda: len(bytearray(3 << 30)),
    b"connect": lambda: socket.create_connection(("127.0.0.1", 9)),
    b"socket": socket.socket,
    b"fork": os.fork,
    b"exec": lambda: os.execv("/bin/true", ["true"]),
    b"spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    b"kill": lambda: os.kill(os.getppid(), signal.SIGCONT),
    b"thread": _thread,
    b"unlink": lambda: Path("/nonexistent/file").unlink(),
}


def program(request: memoryview, seconds: float) -> bytes:
    """Do what the first word of the request says; the rest is its argument."""
    word, _, argument = bytes(request).partition(b" ")
    if word == b"echo":
        return argument
    if word == b"length":
        return str(len(argument)).encode()
    if word == b"seconds":
        return str(seconds).encode()
    if word == b"hang":
        time.sleep(600)
    if word == b"spin":
        while True:
            pass
    if word == b"die":
        os._exit(3)
    if word == b"raise":
        raise ValueError
    if word == b"grow":
        globals()["kept"] = b"x" * int(argument)
        return b"grown"
    if word == b"flood":
        return bytes(40 << 20)
    if word == b"write":
        return _try(lambda: Path(argument.decode()).write_bytes(b"x"))
    return _try(ATTEMPTS[word])


if __name__ == "__main__":
    serve(program, sys.argv)
