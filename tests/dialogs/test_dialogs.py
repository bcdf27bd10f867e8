r"""Milter dialogs as files: each `.dialog` is played against the real daemon (the judge of scripted_daemon.py).

A file opens with comment lines that state its promise. Then, in order:

    set NAME = JSON              a [milter] setting of the daemon
    offer NAME                   what the MTA offers: old (no protocol bits), no-quarantine, no-leading-space
    > STEP ARGUMENTS             what the MTA sends; `\\xNN`, `\\r`, `\\n` are bytes; `\\s` a space
    < WORDS                      what the filter must do next; `*` stands for anything
    = KEY JSON                   what the judge must have seen of the message

A step that no `<` follows must be answered with `continue`, or not at all if that was agreed.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.daemon import Daemon, scripted
from support.milter_client import (
    ALL_ACTIONS,
    ALL_STEPS,
    LEADING_SPACE,
    QUARANTINE,
    Answer,
    Ending,
    HungUpError,
    MilterClient,
)

DIALOGS = sorted(Path(__file__).parent.glob("*.dialog"))
OFFERS = {
    "": (ALL_ACTIONS, ALL_STEPS),
    "old": (0x3F, 0),
    "no-quarantine": (ALL_ACTIONS & ~QUARANTINE, ALL_STEPS),
    "no-leading-space": (ALL_ACTIONS, ALL_STEPS & ~LEADING_SPACE),
}


def octets(text: str) -> bytes:
    """Read a word of a dialog as bytes."""
    text = text.replace("\\s", " ").replace("\\r", "\r").replace("\\n", "\n").replace("\\t", "\t")
    return re.sub(rb"\\x([0-9a-fA-F]{2})", lambda found: bytes([int(found[1], 16)]), text.encode())


class Daemons:
    """One daemon for each set of settings, started when first needed."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self._directory = directory
        self._stack = stack
        self._running: dict[str, Daemon] = {}

    def get(self, settings: dict[str, object]) -> Daemon:
        """Give the daemon with these settings."""
        key = json.dumps(settings, sort_keys=True)
        if key not in self._running:
            place = self._directory / str(len(self._running))
            place.mkdir()
            self._running[key] = self._stack.enter_context(scripted(place, workers=1, **settings))
        return self._running[key]


@pytest.fixture(scope="module")
def daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemons]:
    """Daemons that live as long as the dialogs."""
    with ExitStack() as stack:
        yield Daemons(tmp_path_factory.mktemp("dialogs"), stack)


class Player:
    """Plays one dialog."""

    def __init__(self, address: str, offer: str) -> None:
        self.address = address
        self.offer = OFFERS[offer]
        self.mta = MilterClient(address, actions=self.offer[0], steps=self.offer[1])
        self.said: list[str] = []
        self.ending: Ending | None = None

    def send(self, step: str, rest: str) -> None:
        """Send a step and note what the filter did."""
        words = [octets(word) for word in rest.split()]
        match step:
            case "connect":
                ip, port = (*(word.decode() for word in words[1:]), *("", "25000")[len(words) - 1 :])
                answer = self.mta.connect(words[0], ip, int(port))
            case "helo":
                answer = self.mta.helo(octets(rest))
            case "mail":
                answer = self.mta.mail(*words)
            case "rcpt":
                answer = self.mta.rcpt(*words)
            case "data":
                answer = self.mta.data(rest)
            case "header":
                name, _, value = rest.partition(":")
                answer = self.mta.header(octets(name), octets(value))
            case "eoh":
                answer = self.mta.ask(b"N")
            case "body":
                answer = self.mta.body(octets(rest))
            case "macro":
                stage, name, *value = rest.split(" ", 2)
                self.mta.macros(stage.encode(), {name: octets(value[0] if value else "")})
                return
            case "abort":
                self.mta.abort()
                return
            case "end":
                self.end(rest)
                return
            case "reconnect":
                self.mta.quit() if rest == "politely" else self.mta.hang_up()
                self.mta = MilterClient(self.address, actions=self.offer[0], steps=self.offer[1])
                return
            case _:
                raise AssertionError(f"unknown step {step}")
        self.note(answer)

    def end(self, queue_id: str) -> None:
        """Send the end of the message."""
        self.ending = self.mta.end(queue_id or "4QUEUE1")
        self.said += [
            " ".join(edit).rstrip() for edit in self.ending.edits if "X-Seen" not in edit or edit[0] == "remove"
        ]
        if self.ending.quarantine is not None:
            self.said.append(f"quarantine {self.ending.quarantine}")
        self.said.append(f"{self.ending.answer.word} {self.ending.answer.text}".strip())

    def note(self, answer: Answer) -> None:
        """Note an answer to a step, unless it is the usual one."""
        if answer.word != "continue":
            self.said.append(f"{answer.word} {answer.text}".strip())

    def expect(self, words: str) -> None:
        """Compare the next thing the filter did."""
        assert self.said, f"the filter did nothing, expected: {words}"
        done = self.said.pop(0)
        assert fnmatch.fnmatchcase(done, words.replace("[", "[[]")), f"the filter did {done!r}, expected {words!r}"

    def judged(self, key: str, value: object) -> None:
        """Compare what the judge saw."""
        assert self.ending is not None
        assert json.loads(self.ending.added("X-Seen")[0])[key] == value

    def quiet(self) -> None:
        """Nothing else may have been done."""
        assert not self.said, f"the filter also did {self.said}"


@pytest.mark.parametrize("path", DIALOGS, ids=lambda path: path.stem)
def test_dialog(path: Path, daemons: Daemons) -> None:
    """The daemon keeps the promise that the dialog's first lines state."""
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    settings = dict(re.fullmatch(r"set (\w+) = (.+)", line).groups() for line in lines if line.startswith("set "))
    offer = next((line[6:].strip() for line in lines if line.startswith("offer ")), "")
    daemon = daemons.get({name: json.loads(value) for name, value in settings.items()})
    worker = daemon.workers()
    player = Player(daemon.address, offer)
    try:
        for number, line in enumerate(lines):
            mark, _, rest = line.partition(" ")
            if mark == ">":
                step, _, rest = rest.partition(" ")
                player.send(step, rest)
                following = lines[number + 1 : number + 2]
                if not (following and following[0].startswith("<")):
                    player.quiet()
            elif mark == "<":
                player.expect(rest)
            elif mark == "=":
                key, _, value = rest.partition(" ")
                player.judged(key, json.loads(value))
        player.quiet()
    finally:
        player.mta.hang_up()
    assert daemon.workers() == worker, "the worker died"


def test_there_are_dialogs() -> None:
    """The dialogs are found."""
    assert len(DIALOGS) > 10


def test_no_quarantine_no_service(daemons: Daemons) -> None:
    """An MTA that does not let us quarantine is told at negotiation that we cannot work with it."""
    daemon = daemons.get({})
    with pytest.raises(HungUpError):
        MilterClient(daemon.address, actions=ALL_ACTIONS & ~QUARANTINE)
    daemon.logged("does not let a filter add and change headers and quarantine")
