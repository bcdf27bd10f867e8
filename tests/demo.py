"""See Gatepost at work: a private Postfix, a DNS server, a virus scanner and the daemon, eight messages, and their fate.

Everything runs on loopback ports of its own and ends with the demo; nothing of the machine is changed. Run it by
`make demo`. The far end is a sink, so nothing leaves the machine.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from support.clamd import private_clamd
from support.daemon import Daemon, gatepost
from support.demo_mail import Sample, Signer, samples, zone
from support.dns_server import real_dns
from support.postfix import Postfix, missing, private_postfix, send
from support.smtp_sink import Delivered, Sink, smtp_sink
from support.waiting import until

_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
_PROGRAMS = {"nsd": "nsd", "clamd": "clamav-daemon"}


def cannot_run() -> str:
    """Say what is missing, or ""."""
    packages = [package for program, package in _PROGRAMS.items() if not shutil.which(program, path=_PATH)]
    return missing() or (f"the demo needs: apt-get install {' '.join(packages)}" if packages else "")


def play(sample: Sample, postfix: Postfix, sink: Sink) -> tuple[str, Delivered | None]:
    """Send one message; give the server's answer and what arrived, None if it was refused or held."""
    before = len(sink.delivered)
    session = postfix.client(sample.ip, sample.name, sample.name or "friend")
    code, text = send(session, sample.raw, sample.sender)
    session.quit()
    if code != 250:
        return f"{code} {text}", None
    if text.split()[-1] in postfix.held():
        return "held for review", None
    return f"{code} accepted", until(lambda: sink.delivered[before:], "the message at the far end")[0]


def record(daemon: Daemon, count: int) -> dict[str, Any]:
    """Wait for the log line of the message with this number (1 is the first), and give it."""

    def lines() -> list[str]:
        return [line for line in daemon.log().splitlines() if line.startswith("{") and '"event":"message"' in line]

    return dict(json.loads(until(lambda: lines()[count - 1 : count], f"the record of message {count}")[0]))


def row(sample: Sample, answer: str, told: dict[str, Any], found: Delivered | None) -> list[str]:
    """Give the table's row for a message."""
    judged = f"{told['score']:.1f} {told['class']}"
    if found is None:
        return [sample.title, answer, judged, told["reason"]]
    results = found.every("Authentication-Results")[0].split(";")[1:]
    shown = [" ".join(word.strip().split()[0] for word in results if "=" in word)]
    together = (("X-Spam-Flag", "X-Virus-Status"), ("X-Spam-Status",), ("X-Gatepost-Reason",))
    shown += ["   ".join(f"{name}: {value}" for name in names for value in found.every(name)) for names in together]
    return [sample.title, answer, judged, "\n".join(shown)]


def main() -> int:
    """Run the demo; gives 0, 1 if a message met another fate than it should, 2 if something is missing."""
    console = Console(width=max(120, Console().width))
    if reason := cannot_run():
        console.print(reason)
        return 2
    signer = Signer()
    table = Table(show_lines=True, title="Gatepost behind Postfix")
    for heading, width in (
        ("message", 14),
        ("Postfix answered", 27),
        ("judged", 11),
        ("delivered with, or why not", None),
    ):
        table.add_column(heading, width=width)
    surprises = []
    with ExitStack() as stack:
        console.print("starting DNS, virus scanner, Gatepost and Postfix on loopback ...")
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatepost-demo-")))
        place.chmod(0o755)
        sink = stack.enter_context(smtp_sink())
        dns = stack.enter_context(real_dns(zone(signer)))
        clamd = stack.enter_context(private_clamd(place))
        daemon = stack.enter_context(gatepost("", dns=dns, clamd=clamd))
        postfix = stack.enter_context(private_postfix([daemon.address], sink))
        for count, sample in enumerate(samples(signer), 1):
            answer, found = play(sample, postfix, sink)
            table.add_row(*row(sample, answer, record(daemon, count), found))
            unwanted = found is None or "YES" in found.every("X-Spam-Flag")
            if unwanted is (sample.expected == "delivered"):
                surprises.append(f"{sample.title}: expected to be {sample.expected}")
    console.print(table)
    for surprise in surprises:
        console.print(surprise)
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
