"""A private Sendmail: its own config, queue, transcript and ports on loopback, from packages that are only unpacked.

Debian's Sendmail and Postfix exclude each other, so `packaging/setup.sh sendmail` unpacks it below the virtual
environment. It takes mail on a free port, passes it through the milter by the very lines of packaging/sendmail, and sends
everything to a sink. It runs in namespaces of its own: with a host name and an /etc/hosts it can look itself up in (it
sleeps a minute at start otherwise), and so that all its children end with it. `missing()` says what stands in the way.
"""

from __future__ import annotations

import os
import shutil
import signal
import smtplib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from support.smtp_sink import Sink
from support.waiting import free_port, until

PATH: Final = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
TREE: Final = Path(sys.prefix) / "share" / "sendmail"
SNIPPET: Final = Path(__file__).resolve().parents[2] / "packaging" / "sendmail" / "gatepost.mc"
SNIPPET_ADDRESS: Final = "inet:8890@127.0.0.1"
CLIENT: Final = "127.0.0.9"
"""Where test mail comes from: Sendmail has no XCLIENT, but all of 127.0.0.0/8 can be a client's own address."""

_CF: Final = TREE / "usr/share/sendmail/cf"
_PROGRAM: Final = TREE / "usr/libexec/sendmail/sendmail"
_NAMESPACES: Final = ("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child")
_HOSTS: Final = f"127.0.0.1 localhost\n127.0.0.1 mx.recipient.example\n{CLIENT} mx.example.net\n"

_SOCKETS: Final = Path("/mnt")
"""Where its namespace shows the directory of a unix socket: below one that others may write to, as /tmp, it takes none."""

_MC: Final = """divert(-1)
include(`{cf}/m4/cf.m4')
divert(0)dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `mx.recipient.example')dnl
define(`QUEUE_DIR', `{place}/queue')dnl
define(`STATUS_FILE', `{place}/statistics')dnl
define(`ALIAS_FILE', `{place}/aliases')dnl
define(`confPID_FILE', `{place}/pid')dnl
define(`confSERVICE_SWITCH_FILE', `{place}/switch')dnl
define(`confCW_FILE', `{place}/names')dnl
define(`confTO_IDENT', `0s')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe')dnl
define(`ESMTP_MAILER_ARGS', `TCP $h {sink}')dnl
define(`SMART_HOST', `esmtp:[127.0.0.1]')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`accept_unresolvable_domains')dnl
DAEMON_OPTIONS(`Name=MTA, Addr=127.0.0.1, Port={port}')dnl
DAEMON_OPTIONS(`Name=ORIGINATING, Addr=127.0.0.1, Port={submission}')dnl
{snippet}
MAILER(`smtp')dnl
"""


def missing() -> str:
    """Say what is missing for a private Sendmail, or ""."""
    if not _PROGRAM.exists():
        return "Sendmail is not unpacked (packaging/setup.sh sendmail .venv)"
    if not shutil.which("m4", path=PATH):
        return "m4, which builds Sendmail's config, is not installed (Debian: apt-get install m4)"
    if os.geteuid() != 0:
        return "a private Sendmail needs root"
    probe = subprocess.run([*_NAMESPACES, "true"], env={"PATH": PATH}, capture_output=True, text=True, check=False)
    return f"no private namespaces here: {probe.stderr.strip()}" if probe.returncode else ""


class Sendmail:
    """A running private instance."""

    def __init__(self, place: Path, milter: str) -> None:
        self.place = place
        self.milter = milter
        self.smtp_port = free_port()
        self.submission_port = free_port()

    def log(self) -> str:
        """Give the transcript of its SMTP sessions and its talk with the filter so far."""
        paths = [self.place / "transcript", self.place / "debug"]
        return "".join(path.read_text(errors="replace") for path in paths if path.exists())

    def logged(self, text: str, seconds: float = 20.0) -> None:
        """Wait until a text stands in the log."""
        until(lambda: text in self.log(), f"{text!r} in Sendmail's transcript", seconds)

    def held(self) -> list[str]:
        """Give the queue ids of quarantined messages."""
        return [path.name[2:] for path in (self.place / "queue").glob("hf*")]

    def queued(self, queue_id: str) -> str:
        """Give the envelope and header of a quarantined message."""
        return (self.place / "queue" / f"hf{queue_id}").read_text(encoding="latin-1")

    def release(self, queue_id: str) -> None:
        """Let a quarantined message go, as packaging/sendmail tells administrators to."""
        command = [
            *_NAMESPACES,
            "sh",
            "-c",
            self.inside,
            _PROGRAM,
            "-C",
            self.place / "sendmail.cf",
            "-qQ",
            "-Q",
            f"-qI{queue_id}",
        ]
        subprocess.run(command, env={"PATH": PATH}, capture_output=True, timeout=60, check=True)

    def local(self, raw: bytes, sender: str = "root@mx.recipient.example", recipient: str = "b@example.org") -> str:
        """Hand a message over as a mail program of this host does, by SMTP on a pipe; gives the answer to the message."""
        command = [*_NAMESPACES, "sh", "-c", self.inside, _PROGRAM, "-bs", "-odi", "-C", self.place / "sendmail.cf"]
        answers = []
        with subprocess.Popen(command, env={"PATH": PATH}, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
            assert program.stdin
            assert program.stdout
            for said in (b"", b"HELO localhost", b"MAIL FROM:<%s>" % sender.encode(), b"RCPT TO:<%s>" % recipient.encode(),
                         b"DATA", raw + b".", b"QUIT"):  # fmt: skip
                if said:
                    program.stdin.write(said + b"\r\n")
                    program.stdin.flush()
                answers.append(program.stdout.readline().decode("latin-1"))
        return answers[-2]

    @property
    def inside(self) -> str:
        """Give the shell line that sets its namespaces up and becomes the program given as $0."""
        mounts = {"/etc/hosts": self.place / "hosts"}
        if self.milter.startswith("unix:"):
            mounts[str(_SOCKETS)] = Path(self.milter[5:]).parent
        steps = [f"mount --bind {source} {target}" for target, source in mounts.items()]
        return " && ".join(["hostname mx.recipient.example", *steps, "exec $0 $@"])

    def client(self, helo: str = "mx.example.net", *, submission: bool = False) -> smtplib.SMTP:
        """Give an SMTP session from CLIENT, whose name is mx.example.net."""
        port = self.submission_port if submission else self.smtp_port
        session = smtplib.SMTP("127.0.0.1", port, helo, timeout=60, source_address=(CLIENT, 0))
        session.ehlo(helo)
        return session


def snippet(address: str) -> str:
    """Give the shipped lines of sendmail.mc with the filter's address, as Gatepost's config writes it, in them."""
    shipped = SNIPPET.read_text()
    assert shipped.count(SNIPPET_ADDRESS) == 1
    if address.startswith("unix:"):
        return shipped.replace(SNIPPET_ADDRESS, f"unix:{_SOCKETS / Path(address[5:]).name}")
    host, _, port = address.removeprefix("inet:").rpartition(":")
    return shipped.replace(SNIPPET_ADDRESS, f"inet:{port}@{host}")


@contextmanager
def private_sendmail(milter: str, sink: Sink) -> Iterator[Sendmail]:
    """Run a private Sendmail with a filter at `inet:HOST:PORT` or `unix:PATH` before a sink."""
    place = Path(tempfile.mkdtemp(prefix="gatepost-sendmail-"))
    found = Sendmail(place, milter)
    process = None
    try:
        _furnish(found, sink)
        sendmail = [
            _PROGRAM, "-bD", "-q2s", "-C", place / "sendmail.cf", "-D", place / "debug", "-d64.5", "-X", place / "transcript",
        ]  # fmt: skip
        with (place / "output").open("wb") as output:
            process = subprocess.Popen(
                [*_NAMESPACES, "sh", "-c", found.inside, *sendmail],
                env={"PATH": PATH}, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        until(lambda: process.poll() is not None or _greets(found), "Sendmail to greet")
        said = (place / "output").read_text()
        assert process.poll() is None, f"Sendmail ended with {process.returncode}: {said}"
        yield found
    finally:
        if process is not None and process.poll() is None:
            # unshare itself ignores SIGTERM; its child is the first process of the namespace, and all others end with it.
            for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                os.kill(int(pid), signal.SIGTERM)
            process.wait(20)
        shutil.rmtree(place, ignore_errors=True)


def _furnish(found: Sendmail, sink: Sink) -> None:
    """Write its config and the files that the config names."""
    place = found.place
    (place / "queue").mkdir(mode=0o700)
    for name, text in {
        "aliases": "", "names": "", "hosts": _HOSTS, "switch": "hosts files\naliases files\n",
        "sendmail.mc": _MC.format(
            cf=_CF, place=place, sink=sink.port, port=found.smtp_port, submission=found.submission_port, snippet=snippet(found.milter)
        ),
    }.items():  # fmt: skip
        (place / name).write_text(text)
    with (place / "sendmail.cf").open("wb") as cf:
        command = ["m4", f"-D_CF_DIR_={_CF}/", place / "sendmail.mc"]
        subprocess.run(command, env={"PATH": PATH}, stdout=cf, stderr=subprocess.DEVNULL, check=True)


def _greets(found: Sendmail) -> bool:
    try:
        with smtplib.SMTP("127.0.0.1", found.smtp_port, "localhost", timeout=5):
            return True
    except OSError:
        return False
