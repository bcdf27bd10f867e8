"""A daemon with a scripted judge: the real supervisor, workers and callbacks, and answers that a test can foresee.

Run as a program: `scripted_daemon.py SETTINGS.json`. The file holds the [milter] settings, and is read again at SIGHUP.
The judge looks at the subject: `reject`, `defer`, `quarantine`, `raise`, `die` (the process kills itself), `block PATH`
(waits until the file exists). Every judged message gets X-Seen, which says what arrived; earlier ones are removed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import select
import signal
import sys
from pathlib import Path

from gatepost.arrival.judge import Answer, Kind, Listener
from gatepost.arrival.settings import Settings
from gatepost.mail.envelope import Envelope
from gatepost.mail.header import Header
from gatepost.mail.message import Message
from gatepost.service.supervisor import Supervisor
from gatepost.service.worker import Snapshot
from gatepost.verdict import Accept, AddHeader, Defer, Edit, Outcome, Quarantine, Reject, RemoveHeader, Verdict


class ScriptedJudge:
    """Does what the subject says."""

    def __init__(self, generation: str) -> None:
        self.generation = generation

    def warm(self, envelope: Envelope) -> None:
        """Raise for one sender, so that trouble at MAIL can be seen."""
        if envelope.sender and envelope.sender.local == "warm-raises":
            raise RuntimeError("warm")

    def foresee(self, field: Header) -> None:
        """Raise for one field, so that trouble in a head start can be seen."""
        if b"foresee-raises" in field.value:
            raise RuntimeError("foresee")

    def admit(self, envelope: Envelope) -> Outcome:
        """Refuse, defer or raise by the recipient's local part."""
        match envelope.recipients[-1].local:
            case "refused":
                return Reject((5, 7, 1), "not this one")
            case "later":
                return Defer((4, 7, 1), "not now, 100% sure")
            case "admit-raises":
                raise RuntimeError("admit")
        return Accept()

    def listen(self, envelope: Envelope) -> None:
        """Listen to nobody, and raise for one sender."""
        if envelope.sender and envelope.sender.local == "listen-raises":
            raise RuntimeError("listen")

    def refused(self, envelope: Envelope) -> None:
        """Write down whom the MTA did not know."""
        logging.getLogger(__name__).info(
            "unknown recipient %s from %s", envelope.recipients[-1].spec, envelope.client.ip
        )

    def judge(self, envelope: Envelope, message: Message, heard: Listener | None = None) -> Verdict:  # noqa: ARG002
        """Do what the subject says."""
        words = message.text(b"subject").split()
        outcome: Outcome = Accept()
        match words[:1]:
            case ["reject"]:
                outcome = Reject((5, 7, 1), "spam")
            case ["defer"]:
                outcome = Defer((4, 7, 1), "later, 100% sure")
            case ["quarantine"]:
                outcome = Quarantine("looks odd")
            case ["raise"]:
                raise RuntimeError("judge")
            case ["die"]:
                os.kill(os.getpid(), signal.SIGKILL)
            case ["block"]:
                Path(words[1]).with_suffix(".begun").touch()
                while not Path(words[1]).exists():
                    select.select([], [], [], 0.02)
        return Verdict(outcome, 0.0, edits=self._edits(envelope, message))

    def clean(self, envelope: Envelope, message: Message) -> tuple[Edit, ...]:  # noqa: ARG002
        """Take out what looks like our own field."""
        return tuple(RemoveHeader("X-Seen", nth) for nth in range(len(message.every(b"x-seen")), 0, -1))

    def _edits(self, envelope: Envelope, message: Message) -> tuple[Edit, ...]:
        old = self.clean(envelope, message)
        client = envelope.client
        seen = {
            "pid": os.getpid(),
            "uid": os.getuid(),
            "groups": os.getgroups(),
            "generation": self.generation,
            "queue_id": envelope.queue_id,
            "ip": str(client.ip) if client.ip else None,
            "ptr": client.ptr,
            "helo": client.helo,
            "login": client.login,
            "tls": client.tls,
            "sender": envelope.sender.spec if envelope.sender else None,
            "recipients": [address.spec for address in envelope.recipients],
            "direction": envelope.direction.value,
            "headers": [header.name.decode("latin-1") for header in message.headers],
            "truncated": message.truncated,
            "sha256": hashlib.sha256(message.raw()).hexdigest(),
        }
        return (*old, AddHeader("X-Top", "first", 0), AddHeader("X-Seen", json.dumps(seen)))


def answer(outcome: Outcome) -> Answer:
    """Word an outcome."""
    match outcome:
        case Accept():
            return Answer(Kind.CONTINUE)
        case Quarantine(reason=reason):
            return Answer(Kind.CONTINUE, quarantine=reason)
        case Defer(code=code, text=text):
            return Answer(Kind.TEMPFAIL, "451", ".".join(map(str, code)), (text,))
        case Reject(code=code, text=text):
            return Answer(Kind.REJECT, "550", ".".join(map(str, code)), (text,))


def load(path: Path) -> Snapshot:
    """Build a snapshot from the settings file; `_generation` and `_boot` are the script's own."""
    given = json.loads(path.read_text())
    generation, boot = str(given.pop("_generation", "1")), given.pop("_boot", "")

    def after_fork() -> None:
        if boot == "fails":
            raise RuntimeError("told to fail at boot")

    return Snapshot(Settings.model_validate(given), ScriptedJudge(generation), answer, after_fork)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(message)s")
    sys.exit(Supervisor(lambda: load(Path(sys.argv[1]))).run())
