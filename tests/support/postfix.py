"""A private Postfix: its own config, queue, log and ports on loopback; the machine's own instance is not touched.

It takes mail on a free port, passes it through the milters and sends everything to a sink. Postfix wants root to start;
`missing()` says what stands in the way.
"""

from __future__ import annotations

import os
import pwd
import shutil
import smtplib
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.smtp_sink import Sink
from support.waiting import free_port, until

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
_PRIVATE = (
    "active",
    "bounce",
    "corrupt",
    "defer",
    "deferred",
    "flush",
    "hold",
    "incoming",
    "private",
    "saved",
    "trace",
)

_MAIN = """
compatibility_level = 3.6
queue_directory = {place}/queue
data_directory = {place}/data
maillog_file = {place}/log/maillog
maillog_file_prefixes = {place}
myhostname = mx.recipient.example
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = all
mynetworks = 0.0.0.0/0 [::]/0
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
local_header_rewrite_clients =
smtpd_peername_lookup = no
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 100000
smtputf8_enable = yes
in_flow_delay = 0
default_process_limit = 60
relayhost = [127.0.0.1]:{sink}
smtp_dns_support_level = disabled
default_destination_concurrency_limit = 20
initial_destination_concurrency = 10
queue_run_delay = 2s
minimal_backoff_time = 2s
smtpd_milters = {milters}
milter_default_action = tempfail
milter_protocol = 6
{extra}
"""

# qmgr looks for new mail every two seconds and not every five minutes: the word that there is some is sent once, and may get lost.
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
{services}
cleanup unix n - n - 0 cleanup
qmgr unix n - n 2 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""


def missing() -> str:
    """Say what is missing for a private Postfix, or ""."""
    if not shutil.which("postconf", path=PATH):
        return "Postfix is not installed (Debian: apt-get install postfix)"
    return "" if os.geteuid() == 0 else "a private Postfix needs root"


class Postfix:
    """A running private instance."""

    def __init__(self, place: Path, port: int) -> None:
        self.place = place
        self.smtp_port = port

    def log(self) -> str:
        """Give its log so far."""
        path = self.place / "log" / "maillog"
        return path.read_text(errors="replace") if path.exists() else ""

    def logged(self, text: str, seconds: float = 20.0) -> None:
        """Wait until a text stands in the log."""
        until(lambda: text in self.log(), f"{text!r} in the mail log", seconds)

    def held(self) -> list[str]:
        """Give the queue ids of messages on hold."""
        return [path.name for path in (self.place / "queue" / "hold").rglob("*") if path.is_file()]

    def queued(self, queue_id: str) -> str:
        """Give the envelope and content of a queued message."""
        command = ["postcat", "-c", self.place / "etc", "-q", queue_id]
        return subprocess.run(command, env={"PATH": PATH}, capture_output=True, check=True).stdout.decode("latin-1")

    def client(
        self, ip: str = "198.51.100.7", name: str = "mx.example.net", helo: str = "mx.example.net"
    ) -> smtplib.SMTP:
        """Give an SMTP session that Postfix takes for one from this address (XCLIENT)."""
        session = smtplib.SMTP("127.0.0.1", self.smtp_port, helo, timeout=60)
        session.ehlo(helo)
        code, text = session.docmd(
            "XCLIENT", f"ADDR={'IPV6:' if ':' in ip else ''}{ip} NAME={name or '[UNAVAILABLE]'} HELO={helo}"
        )
        assert code == 220, text
        session.ehlo(helo)
        return session


def send(
    session: smtplib.SMTP, raw: bytes, sender: str = "a@example.net", recipients: Sequence[str] = ("b@example.org",)
) -> tuple[int, str]:
    """Send one message as bytes and give the last answer of the server."""
    code, text = session.mail(sender)
    if code != 250:
        return code, text.decode("latin-1")
    accepted = 0
    for recipient in recipients:
        code, text = session.rcpt(recipient)
        accepted += code == 250
    if accepted:
        code, text = session.data(raw)
    if code != 250:
        session.rset()
    return code, text.decode("latin-1")


@contextmanager
def private_postfix(milters: Sequence[str], sink: Sink, *, extra: str = "", services: str = "") -> Iterator[Postfix]:
    """Run a private Postfix before a sink. `extra` are lines of main.cf, `services` of master.cf."""
    # Its daemons run as postfix and reach their queue by its full path.
    place = Path(tempfile.mkdtemp(prefix="gatepost-postfix-"))
    port = free_port()
    process = None
    try:
        _furnish(place)
        values = {
            "place": place,
            "port": port,
            "sink": sink.port,
            "milters": " ".join(milters),
            "extra": extra,
            "services": services,
        }
        (place / "etc" / "main.cf").write_text(_MAIN.format(**values))
        (place / "etc" / "master.cf").write_text(_MASTER.format(**values))
        daemons = subprocess.run(
            ["postconf", "-d", "-h", "daemon_directory"],
            env={"PATH": PATH},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        # master ends by a signal to its process group.
        process = subprocess.Popen(
            [f"{daemons}/master", "-c", place / "etc", "-d"], start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        found = Postfix(place, port)
        until(lambda: process.poll() is not None or _greets(port), f"Postfix to greet: {found.log()}")
        assert process.poll() is None, f"Postfix ended with {process.returncode}: {found.log()}"
        yield found
    finally:
        if process is not None:
            process.terminate()
            process.wait(20)
        shutil.rmtree(place, ignore_errors=True)


def _furnish(place: Path) -> None:
    """Make the directories as Postfix wants to find them."""
    postfix = pwd.getpwnam("postfix")
    place.chmod(0o755)
    for name in ("etc", "queue", "queue/pid", "log"):
        (place / name).mkdir(mode=0o755)
    for name in (*(f"queue/{name}" for name in _PRIVATE), "data"):
        (place / name).mkdir(mode=0o700)
        os.chown(place / name, postfix.pw_uid, postfix.pw_gid)
    for name in ("queue/public", "queue/maildrop"):
        (place / name).mkdir(mode=0o730)
        os.chown(place / name, postfix.pw_uid, postfix.pw_gid)


def _greets(port: int) -> bool:
    try:
        with smtplib.SMTP("127.0.0.1", port, "localhost", timeout=5):
            return True
    except OSError:
        return False
